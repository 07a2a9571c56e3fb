"""A shop's records on disk: an index that answers filters and paging, and the rendered bytes of receipts.

Memory holds neither orders nor entries, so a shop of a million orders costs no more than one of ten.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from sandbox.etsy.ledger import Entry, Ledger
from sandbox.etsy.orders import Order, make_order
from sandbox.etsy.receipts import render_receipt
from sandbox.etsy.shop import Shop
from sandbox.etsy.tables import INDEXES, TABLES
from sandbox.parts.order_times import DAY
from sandbox.parts.responses import Doc
from sandbox.parts.shop_store import BaseShopStore

PAID, SHIPPED, DELIVERED, CANCELED, EDITED, STRIPPED = 1, 2, 4, 8, 16, 32

_BATCH = 2000
_RECEIPT = "INSERT INTO receipts VALUES (?, ?, ?, ?, ?, ?, NULL, NULL)"
_ENTRY = "INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"

Row = tuple[int, int, int, int, int, int]


class ShopStore(BaseShopStore):
    """Index and rendered records of one shop. `version` changes with every change to what it would answer."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        super().__init__(folder, shop.seed)
        self.shop = shop
        self.version = 0
        self._counts: dict[tuple[Any, ...], int] = {}
        self._bodies_path = folder / f"shop-{shop.seed}.bodies"
        self._bodies_path.unlink(missing_ok=True)
        self._bodies = os.open(self._bodies_path, os.O_RDWR | os.O_CREAT)
        self._end_of_bodies = 0

    def build(self) -> None:
        """Write the whole index: one pass over the orders, which feeds the ledger too."""
        self.db.executescript(TABLES)
        self.db.execute("BEGIN")
        rows: list[Row] = []
        entries: list[Entry] = []
        for written in Ledger(self.shop).build(self._orders(rows)):
            entries += written
            if len(entries) > _BATCH:
                self._insert(rows, entries)
        self._insert(rows, entries)
        self.db.execute("COMMIT")
        self.db.executescript(INDEXES)

    def build_warm(self) -> None:
        """Build, and render every receipt now."""
        self.build()
        last = -1
        while places := self.places_after(last, 500):
            self.check_stopped()
            last = places[-1][0]
            self.bodies(places)

    def close(self) -> None:
        super().close()
        os.close(self._bodies)
        self._bodies_path.unlink(missing_ok=True)

    # --- receipts ---------------------------------------------------------------------------------------

    def count(self, what: str, where: str, values: Sequence[int]) -> int:
        """SELECT `what` under `where`, remembered until something changes."""
        key = (self.version, what, where, *values)
        if key not in self._counts:
            if len(self._counts) > 10_000:
                self._counts.clear()
            found = self.db.execute(f"SELECT {what} {where}", values).fetchone()[0]
            self._counts[key] = found or 0
        return self._counts[key]

    def places(
        self, where: str, order: str, values: Sequence[int], limit: int, offset: int
    ) -> list[tuple[int, int | None, int | None]]:
        """The (position, place, size) of one page of receipts."""
        # The inner query stays inside one index, so that a deep offset skips index rows, not table rows.
        inner = f"(SELECT pos FROM receipts {where} {order} LIMIT ? OFFSET ?)"  # noqa: S608 - our own words
        sql = f"SELECT r.pos, r.at, r.size FROM {inner} AS page CROSS JOIN receipts AS r USING (pos)"  # noqa: S608
        return self.db.execute(sql, (*values, limit, offset)).fetchall()

    def places_after(self, pos: int, limit: int) -> list[tuple[int, int | None, int | None]]:
        sql = "SELECT pos, at, size FROM receipts WHERE pos > ? ORDER BY pos LIMIT ?"
        return self.db.execute(sql, (pos, limit)).fetchall()

    def bodies(self, places: list[tuple[int, int | None, int | None]]) -> bytes:
        """The rendered records of these places, each followed by a comma."""
        if any(at is None for _, at, _ in places):
            places = self._render_missing(places)
        return b"".join(os.pread(self._bodies, size, at) for at, size in _runs(places))

    def flags(self, pos: int) -> int | None:
        """The receipt's flags, or None where there is no such receipt."""
        found = self.db.execute("SELECT flags FROM receipts WHERE pos = ?", (pos,)).fetchone()
        return int(found[0]) if found else None

    def receipt(self, pos: int) -> Doc | None:
        """The whole record as it is now, or None."""
        flags = self.flags(pos)
        if flags is None:
            return None
        if flags & EDITED:
            doc: Doc = orjson.loads(self.db.execute("SELECT doc FROM edits WHERE pos = ?", (pos,)).fetchone()[0])
            return doc
        return render_receipt(self.shop, make_order(self.shop, pos))

    # --- changes ----------------------------------------------------------------------------------------

    def put(self, pos: int, doc: Doc, flags: int) -> None:
        """Replace or add the receipt at `pos`."""
        self.version += 1
        self.db.execute("INSERT OR REPLACE INTO edits VALUES (?, ?)", (pos, orjson.dumps(doc)))
        row = (
            pos,
            doc["created_timestamp"],
            doc["updated_timestamp"],
            flags | EDITED,
            len(doc["transactions"]),
            doc["buyer_user_id"],
        )
        self.db.execute(_RECEIPT.replace("INSERT", "INSERT OR REPLACE"), row)

    def remove(self, pos: int) -> None:
        self.version += 1
        self.db.execute("DELETE FROM receipts WHERE pos = ?", (pos,))

    def next_position(self) -> int:
        """Positions are never used twice, not even that of a removed order."""
        last = self.db.execute("SELECT max((SELECT max(pos) FROM receipts), (SELECT max(pos) FROM edits))")
        return max(self.shop.plan.orders, (last.fetchone()[0] or -1) + 1)

    def book(self, write: Any) -> list[Entry]:
        """Append what `write` books on top of the last entry."""
        self.version += 1
        last = self.db.execute("SELECT seq, balance FROM ledger ORDER BY seq DESC LIMIT 1").fetchone() or (0, 0)
        entries: list[Entry] = write(Ledger(self.shop, seq=last[0], balance=last[1]))
        self.db.executemany(_ENTRY, entries)
        return entries

    # --- inside -----------------------------------------------------------------------------------------

    def _orders(self, rows: list[Row]) -> Iterator[Order]:
        for pos in range(self.shop.plan.orders):
            self.check_stopped()
            order = make_order(self.shop, pos)
            rows.append(index_row(self.shop, order))
            yield order

    def _insert(self, rows: list[Row], entries: list[Entry]) -> None:
        self.db.executemany(_RECEIPT, rows)
        self.db.executemany(_ENTRY, entries)
        rows.clear()
        entries.clear()

    def _render_missing(
        self, places: list[tuple[int, int | None, int | None]]
    ) -> list[tuple[int, int | None, int | None]]:
        known = {pos: (at, size) for pos, at, size in places if at is not None}
        fresh = []
        start, chunks = self._end_of_bodies, []
        for pos, at, _ in places:
            if at is None:
                body = self._body(pos)
                chunks.append(body)
                fresh.append((start, len(body), pos))
                known[pos] = (start, len(body))
                start += len(body)
        os.pwrite(self._bodies, b"".join(chunks), self._end_of_bodies)
        self._end_of_bodies = start
        self.db.execute("BEGIN")
        self.db.executemany("UPDATE receipts SET at = ?, size = ? WHERE pos = ?", fresh)
        self.db.execute("COMMIT")
        return [(pos, *known[pos]) for pos, _, _ in places]

    def _body(self, pos: int) -> bytes:
        doc = self.receipt(pos)
        if doc is None:
            raise LookupError(pos)
        if (self.flags(pos) or 0) & STRIPPED:
            del doc["transactions"]
        return orjson.dumps(doc) + b","


def index_row(shop: Shop, order: Order) -> Row:
    """What the index keeps of an order."""
    delivered = order.shipped_at and not order.digital and order.shipped_at + 5 * DAY <= shop.end
    flags = (
        (PAID if order.paid_at else 0)
        | (SHIPPED if order.shipped_at else 0)
        | (DELIVERED if delivered else 0)
        | (CANCELED if order.canceled_at else 0)
    )
    updated = max(order.paid_at, order.shipped_at, order.canceled_at, order.created)
    buyer = shop.ids.buyer(order.buyer.number)
    return (order.pos, order.created, updated, flags, len(order.lines), buyer)


def _runs(places: Iterable[tuple[int, int | None, int | None]]) -> Iterator[tuple[int, int]]:
    """Join neighbours: a page that was rendered as a page is read back in one piece."""
    start = length = 0
    for _, at, size in places:
        if at is None or size is None:
            continue
        if length and at == start + length:
            length += size
            continue
        if length:
            yield start, length
        start, length = at, size
    if length:
        yield start, length
