"""The tables of one shop's index. (In Python, so that they travel with the package.)"""

from __future__ import annotations

TABLES = """
-- The index of one shop on disk: what can be asked for, and where the rendered record lies.
CREATE TABLE receipts (
    pos INTEGER PRIMARY KEY,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    lines INTEGER NOT NULL,
    buyer INTEGER NOT NULL,
    at INTEGER,
    size INTEGER
);
CREATE TABLE edits (pos INTEGER PRIMARY KEY, doc BLOB NOT NULL);
CREATE TABLE ledger (
    seq INTEGER PRIMARY KEY,
    created INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    balance INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    reference INTEGER NOT NULL,
    parent INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    extra TEXT
);
"""

INDEXES = """
-- Made after the rows, which is faster. Every filter of getShopReceipts is answered from one index alone.
CREATE INDEX receipts_by_created ON receipts (created, pos, flags, updated);
CREATE INDEX receipts_by_updated ON receipts (updated, pos, flags, created);
CREATE INDEX ledger_by_created ON ledger (created, seq);
"""
