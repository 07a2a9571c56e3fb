"""A shop's orders on disk: an index that answers paging and filters; records are made again when asked for.

Memory holds no orders, so a shop of a million costs no more than one of ten.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson

from sandbox.parts.responses import Doc
from sandbox.parts.shop_store import BaseShopStore
from sandbox.printify.order_rendering import render_order
from sandbox.printify.orders import Row, plan_rows
from sandbox.printify.settings import Settings
from sandbox.printify.shop import Shop

_BATCH = 2000
_TABLES = """
CREATE TABLE orders (
    pos INTEGER PRIMARY KEY,
    created INTEGER NOT NULL,
    status TEXT NOT NULL,
    role TEXT NOT NULL,
    ref INTEGER NOT NULL,
    half INTEGER NOT NULL,
    first INTEGER NOT NULL,
    again INTEGER NOT NULL
);
CREATE TABLE edits (pos INTEGER PRIMARY KEY, doc BLOB NOT NULL);
"""
# Made after the rows, which is faster.
_INDEXES = """
CREATE INDEX orders_by_created ON orders (created, pos);
CREATE INDEX orders_by_status ON orders (status, created, pos);
"""
_INSERT = "INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


class ShopStore(BaseShopStore):
    """Index and changed records of one shop."""

    def __init__(self, shop: Shop, settings: Settings, folder: Path) -> None:
        super().__init__(folder, shop.seed)
        self.shop = shop
        self._settings = settings
        self._last = -1
        self._skus = False
        self._totals: dict[tuple[str, str], int] = {}

    def build(self) -> None:
        """Write the whole index in one pass."""
        self.db.executescript(_TABLES)
        self.db.execute("BEGIN")
        rows: list[Row] = []
        for row in plan_rows(self.shop):
            self.check_stopped()
            rows.append(row)
            self._last = row.pos
            if len(rows) == _BATCH:
                self.db.executemany(_INSERT, rows)
                rows.clear()
        self.db.executemany(_INSERT, rows)
        self.db.execute("COMMIT")
        self.db.executescript(_INDEXES)

    # --- reading ----------------------------------------------------------------------------------------

    def total(self, status: str = "", sku: str = "") -> int:
        """How many orders a filter leaves, remembered until something changes."""
        key = (status, sku)
        if key not in self._totals:
            where, values = self._where(status, sku)
            sql = f"SELECT count(*) FROM orders {where}"  # noqa: S608 - our own words
            self._totals[key] = self.db.execute(sql, values).fetchone()[0]
        return self._totals[key]

    def page(self, *, limit: int, offset: int, status: str = "", sku: str = "") -> list[Doc]:
        """Orders newest first: a new one shifts all others towards later pages."""
        where, values = self._where(status, sku)
        order = "ORDER BY created DESC, pos DESC LIMIT ? OFFSET ?"
        # The inner query stays inside one index, so that a deep offset skips index rows, not table rows.
        inner = f"SELECT pos FROM orders {where} {order}"  # noqa: S608 - our own words
        found = self.db.execute(inner, (*values, limit, offset)).fetchall()
        return [doc for (pos,) in found if (doc := self.order(pos))]

    def row(self, pos: int) -> Row | None:
        found = self.db.execute("SELECT * FROM orders WHERE pos = ?", (pos,)).fetchone()
        return Row(*found) if found else None

    def order(self, pos: int) -> Doc | None:
        """The whole record as it is now, or None."""
        row = self.row(pos)
        if row is None:
            return None
        edit = self.db.execute("SELECT doc FROM edits WHERE pos = ?", (pos,)).fetchone()
        if edit:
            doc: Doc = orjson.loads(edit[0])
            return doc
        return render_order(self.shop, row, cost_is=self._settings.cost_is)

    def rows(self) -> Iterator[Row]:
        """All rows, oldest first, a batch at a time."""
        last = (-1, -1)
        sql = "SELECT * FROM orders WHERE (created, pos) > (?, ?) ORDER BY created, pos LIMIT 200"
        while batch := [Row(*found) for found in self.db.execute(sql, last).fetchall()]:
            last = (batch[-1].created, batch[-1].pos)
            yield from batch

    def at(self, index: int) -> int | None:
        """Position of the order at this place, counted from the oldest; from the newest where it is negative."""
        way, skip = ("ASC", index) if index >= 0 else ("DESC", -index - 1)
        sql = f"SELECT pos FROM orders ORDER BY created {way}, pos {way} LIMIT 1 OFFSET ?"  # noqa: S608
        found = self.db.execute(sql, (skip,)).fetchone()
        return int(found[0]) if found else None

    # --- changes ----------------------------------------------------------------------------------------

    def put(self, row: Row, doc: Doc) -> None:
        """Replace or add an order."""
        self._changed()
        self.db.execute(_INSERT, row)
        self.db.execute("INSERT OR REPLACE INTO edits VALUES (?, ?)", (row.pos, orjson.dumps(doc)))
        self._last = max(self._last, row.pos)

    def remove(self, pos: int) -> None:
        self._changed()
        self.db.execute("DELETE FROM orders WHERE pos = ?", (pos,))

    def next_position(self) -> int:
        """Positions are never used twice, not even that of a removed order."""
        return self._last + 1

    # --- inside -----------------------------------------------------------------------------------------

    def _changed(self) -> None:
        self._totals.clear()
        if self._skus:
            self.db.execute("DROP TABLE skus")
            self._skus = False

    def _where(self, status: str, sku: str) -> tuple[str, tuple[str, ...]]:
        terms, values = [], []
        if status:
            terms.append("status = ?")
            values.append(status)
        if sku:
            self._index_skus()
            terms.append("pos IN (SELECT pos FROM skus WHERE sku = ?)")
            values.append(sku)
        return ("WHERE " + " AND ".join(terms) if terms else ""), tuple(values)

    def _index_skus(self) -> None:
        """Hardly anyone filters by SKU, so its index waits for the first who does."""
        if self._skus:
            return
        self.db.execute("CREATE TABLE skus (sku TEXT, pos INTEGER)")
        self.db.execute("BEGIN")
        for row in self.rows():
            doc = self.order(row.pos) or {"line_items": []}
            skus = {line["metadata"]["sku"] for line in doc["line_items"]}
            self.db.executemany("INSERT INTO skus VALUES (?, ?)", [(sku, row.pos) for sku in skus])
        self.db.execute("COMMIT")
        self.db.execute("CREATE INDEX skus_by_sku ON skus (sku, pos)")
        self._skus = True
