"""The table of one shop's index. (In Python, so that it travels with the package.)"""

from __future__ import annotations

TABLES = """
-- What can be asked for and sorted by, in milliseconds; the record itself, as the API answers it, is `doc`.
-- `other` is a third time: when an order was closed, when a booking starts. `parent` is what it belongs to.
CREATE TABLE records (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    other INTEGER,
    location TEXT,
    state TEXT,
    name TEXT,
    customer TEXT,
    source TEXT,
    parent TEXT,
    deleted INTEGER NOT NULL,
    doc BLOB NOT NULL
);
"""

INDEXES = """
-- Made after the rows, which is faster.
CREATE UNIQUE INDEX by_id ON records (kind, id);
CREATE INDEX by_created ON records (kind, created, id);
CREATE INDEX by_updated ON records (kind, updated, id);
CREATE INDEX by_other ON records (kind, other, id);
CREATE INDEX by_location_created ON records (kind, location, created, id);
CREATE INDEX by_location_updated ON records (kind, location, updated, id);
CREATE INDEX by_name ON records (kind, name, id);
CREATE INDEX by_parent ON records (parent, kind, created, id) WHERE parent IS NOT NULL;
"""
