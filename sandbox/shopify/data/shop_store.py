"""A shop's records on disk: an index that answers filters, sorting and paging, and each order's document.

Memory holds no orders, so a shop of a million costs no more than one of ten.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from sandbox.parts.responses import Doc
from sandbox.parts.shop_store import BaseShopStore
from sandbox.shopify.data.ids import Ids
from sandbox.shopify.data.orders import make_order
from sandbox.shopify.data.shop import Shop
from sandbox.shopify.data.tables import INDEXES, TABLES

_BATCH = 2000
_ORDER = "INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

Values = Sequence[Any]


class ShopStore(BaseShopStore):
    """Index and documents of one shop. `version` changes with every change to what it would answer."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        super().__init__(folder, shop.seed)
        self.shop = shop
        self.version = 0
        self._used = shop.plan.orders
        self._counts: dict[tuple[Any, ...], int] = {}

    def build(self) -> None:
        """Write the whole index: one pass over the orders, then who ordered, then what is sold."""
        self.db.executescript(TABLES)
        self.db.execute("BEGIN")
        rows: list[tuple[Any, ...]] = []
        docs: list[tuple[int, bytes]] = []
        for pos in range(self.shop.plan.orders):
            self.check_stopped()
            order = make_order(self.shop, pos)
            rows.append(order_row(self.shop, order))
            docs.append((pos, dump(order)))
            if len(rows) == _BATCH:
                self._insert(rows, docs)
        self._insert(rows, docs)
        self._build_goods()
        self.db.execute("COMMIT")
        self.db.executescript(INDEXES)
        self._build_customers()

    # --- asking -----------------------------------------------------------------------------------------

    def rows(self, sql: str, values: Values) -> list[tuple[Any, ...]]:
        return self.db.execute(sql, values).fetchall()

    def count(self, table: str, where: str, values: Values, limit: int | None = None) -> int:
        """How many rows, up to `limit`; remembered until something changes."""
        key = (self.version, table, where, limit, *values)
        if key not in self._counts:
            if len(self._counts) > 10_000:
                self._counts.clear()
            sql = f"SELECT count(*) FROM {table} WHERE {where}"  # noqa: S608 - our own words
            if limit is not None:
                sql = f"SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {where} LIMIT {limit})"  # noqa: S608
            self._counts[key] = self.db.execute(sql, values).fetchone()[0]
        return self._counts[key]

    def order(self, pos: int) -> Doc | None:
        """The document as it is now, or None where there is no such order."""
        found = self.db.execute("SELECT doc FROM documents WHERE pos = ?", (pos,)).fetchone()
        return orjson.loads(found[0]) if found else None

    def next_position(self) -> int:
        """Positions are never used twice, not even that of a removed order."""
        return self._used

    # --- changes ----------------------------------------------------------------------------------------

    def put(self, order: Doc) -> None:
        """Replace or add an order; its customer's sums follow."""
        self.version += 1
        self.db.execute(_ORDER, order_row(self.shop, order))
        self.db.execute("INSERT OR REPLACE INTO documents VALUES (?, ?)", (order["pos"], dump(order)))
        self._used = max(self._used, order["pos"] + 1)
        if order["customer"] is not None:
            self._sum_customers("AND customer = ?", (order["customer"],))

    def remove(self, pos: int) -> None:
        self.version += 1
        self.db.execute("DELETE FROM orders WHERE pos = ?", (pos,))
        self.db.execute("DELETE FROM documents WHERE pos = ?", (pos,))

    def edit(self, table: str, key: str, number: int, edits: Doc) -> None:
        """Lay edits over the record that the seed makes."""
        self.version += 1
        found = self.rows(f"SELECT edits FROM {table} WHERE {key} = ?", (number,))  # noqa: S608 - our own words
        known = orjson.loads(found[0][0]) if found and found[0][0] else {}
        sql = f"UPDATE {table} SET edits = ? WHERE {key} = ?"  # noqa: S608 - our own words
        self.db.execute(sql, (orjson.dumps(known | edits), number))

    # --- inside -----------------------------------------------------------------------------------------

    def _insert(self, rows: list[tuple[Any, ...]], docs: list[tuple[int, bytes]]) -> None:
        self.db.executemany(_ORDER, rows)
        self.db.executemany("INSERT INTO documents VALUES (?, ?)", docs)
        rows.clear()
        docs.clear()

    def _build_goods(self) -> None:
        for product in self.shop.products:
            if product.gone:
                continue
            row = (
                product.number,
                product.created,
                product.updated,
                product.published,
                product.status,
                product.title,
                product.vendor,
                product.product_type,
                product.handle,
                pipe_joined(product.tags),
                product.gift_card,
            )
            self.db.execute(f"INSERT INTO products VALUES ({', '.join('?' * 11)}, NULL)", row)  # noqa: S608
            self.db.executemany(
                "INSERT INTO variants VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)",
                (
                    (
                        product.number * 4096 + variation,
                        product.number,
                        variation,
                        product.created,
                        product.updated,
                        product.updated,
                        product.sku(variation),
                        product.variant_title(variation),
                    )
                    for variation in range(product.variants)
                ),
            )

    def _build_customers(self) -> None:
        self.db.execute("BEGIN")
        self._sum_customers("", ())
        self.db.execute("COMMIT")

    def _sum_customers(self, which: str, values: Values) -> None:
        """A customer is made by the first order and touched by every change of one."""
        sql = (
            "SELECT customer, min(created), max(updated), count(*), sum(spent) FROM orders"  # noqa: S608 - our own words
            f" WHERE customer IS NOT NULL {which} GROUP BY customer"
        )
        cursor = self.db.execute(sql, values)
        while batch := cursor.fetchmany(_BATCH):
            self.check_stopped()
            self.db.executemany(
                "INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL) ON CONFLICT (number) DO UPDATE SET"
                " updated = max(updated, excluded.updated), orders = excluded.orders, spent = excluded.spent",
                [self._customer_row(*row) for row in batch],
            )

    def _customer_row(self, number: int, created: int, updated: int, orders: int, spent: int) -> tuple[Any, ...]:
        person = self.shop.person(number)
        return (
            number,
            created,
            updated,
            orders,
            spent,
            person.email,
            person.state,
            person.country_code,
            pipe_joined(person.tags),
        )


def order_row(shop: Shop, order: Doc) -> tuple[Any, ...]:
    """What the index keeps of an order."""
    return (
        order["pos"],
        order["created"],
        order["processed"],
        order["updated"],
        order["cancelled"],
        order["closed"],
        order["total"][0],
        order["current_total"][0],
        0 if order["test"] else order["received"][0] - order["refunded"][0],
        order["customer"],
        order["financial"],
        order["fulfillment"],
        order["returned"],
        order["source"],
        order["gateway"],
        Ids.order_name(order["pos"]),
        shop.person(order["buyer"]).email,
        pipe_joined(order["tags"]),
        pipe_joined(order["codes"]),
        order["test"],
    )


def pipe_joined(words: Sequence[str]) -> str:
    """Words between bars, lower case, so that one of them is found by `LIKE '%|word|%'`."""
    return f"|{'|'.join(words)}|".lower()


def dump(order: Doc) -> bytes:
    return orjson.dumps(order, default=tuple)


def orders_after(store: ShopStore, last: tuple[int, int], limit: int) -> Iterator[tuple[int, int]]:
    """(created, position) in order of creation, for truths that stream."""
    sql = "SELECT created, pos FROM orders WHERE (created, pos) > (?, ?) ORDER BY created, pos LIMIT ?"
    yield from ((int(created), int(pos)) for created, pos in store.rows(sql, (*last, limit)))
