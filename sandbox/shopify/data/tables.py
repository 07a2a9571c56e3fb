"""The tables of one shop's index. (In Python, so that they travel with the package.)"""

from __future__ import annotations

TABLES = """
-- What can be asked for and sorted by; the record itself is the document beside it.
CREATE TABLE orders (
    pos INTEGER PRIMARY KEY,
    created INTEGER NOT NULL,
    processed INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    cancelled INTEGER,
    closed INTEGER,
    total INTEGER NOT NULL,
    current_total INTEGER NOT NULL,
    spent INTEGER NOT NULL,
    customer INTEGER,
    financial TEXT NOT NULL,
    fulfillment TEXT NOT NULL,
    returned TEXT NOT NULL,
    source TEXT NOT NULL,
    gateway TEXT NOT NULL,
    name TEXT NOT NULL,
    email TEXT,
    tags TEXT NOT NULL,
    codes TEXT NOT NULL,
    test INTEGER NOT NULL
);
CREATE TABLE documents (pos INTEGER PRIMARY KEY, doc BLOB NOT NULL);
CREATE TABLE customers (
    number INTEGER PRIMARY KEY,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    orders INTEGER NOT NULL,
    spent INTEGER NOT NULL,
    email TEXT,
    state TEXT NOT NULL,
    country TEXT NOT NULL,
    tags TEXT NOT NULL,
    edits BLOB
);
CREATE TABLE products (
    number INTEGER PRIMARY KEY,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    published INTEGER,
    status TEXT NOT NULL,
    title TEXT NOT NULL,
    vendor TEXT NOT NULL,
    product_type TEXT NOT NULL,
    handle TEXT NOT NULL,
    tags TEXT NOT NULL,
    gift_card INTEGER NOT NULL,
    edits BLOB
);
-- A variant and its inventory item: place is product number * 4096 + variation.
CREATE TABLE variants (
    place INTEGER PRIMARY KEY,
    product INTEGER NOT NULL,
    variation INTEGER NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    item_updated INTEGER NOT NULL,
    sku TEXT,
    title TEXT NOT NULL,
    edits BLOB
);
-- Where a count differs from what the seed says.
CREATE TABLE stock (place INTEGER, location INTEGER, quantity INTEGER, at INTEGER, PRIMARY KEY (place, location));
"""

INDEXES = """
-- Made after the rows, which is faster.
CREATE INDEX orders_by_created ON orders (created, pos);
CREATE INDEX orders_by_processed ON orders (processed, pos);
CREATE INDEX orders_by_updated ON orders (updated, pos);
CREATE INDEX orders_by_total ON orders (total, pos);
CREATE INDEX orders_by_customer ON orders (customer, pos);
CREATE INDEX customers_by_created ON customers (created, number);
CREATE INDEX customers_by_updated ON customers (updated, number);
CREATE INDEX variants_by_product ON variants (product, variation);
"""
