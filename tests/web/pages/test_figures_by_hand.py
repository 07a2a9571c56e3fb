"""SQL `figures` over shops of every kind, beside the same sums worked out row by row in Python."""

from __future__ import annotations

import random
import uuid
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from tests.worlds.users import connect, make_user

Db = psycopg.Connection[Any]
Row = dict[str, Any]
_SUMS = ("orders", "revenue", "refunds", "fees", "cost", "costed", "uncosted")
_NO_FEES = ("PAYMENT_GROSS", "DISBURSE2", "sales_tax", "RESERVE", "recoupment")
_BEGINNING = datetime(2024, 10, 1, tzinfo=UTC)
_QUESTIONS = [
    ("day", "UTC", _BEGINNING),
    ("day", "America/St_Johns", datetime(2025, 2, 3, 4, 5, tzinfo=UTC)),
    ("month", "Europe/Berlin", _BEGINNING),
    ("month", "Pacific/Apia", datetime(2024, 12, 31, 12, tzinfo=UTC)),
    ("year", "Asia/Tokyo", _BEGINNING),
]


class Shops:
    """Two or three shops of a seller with everything in them that figures read."""

    def __init__(self, seed: int, user: str, connections: list[tuple[str, str]]) -> None:
        self.dice = random.Random(seed)
        self.user = user
        self.rows: dict[str, list[Row]] = defaultdict(list)
        self._next = 1000
        for connection, platform in connections:
            for _ in range(self.dice.choice((1, 20, 60))):
                self._order(connection, platform)

    def _order(self, connection: str, platform: str) -> None:
        dice, order = self.dice, self._row("orders", connection, platform, ordered_at=self._moment())
        currency = order["currency"]
        order |= self._amount("total_amount", 0, 9000)
        order |= {"tax_amount": dice.choice((None, 0, 90)), "vat_amount": dice.choice((None, 7))}
        order["cost_state"] = dice.choice(("linked", "linked", "no_cost_yet", "ambiguous"))
        order["cost_amount"] = dice.choice((400, 1250))
        order["cost_currency"] = dice.choice((currency, currency, "EUR", "JPY"))
        of_order = {"order_platform_id": order["platform_id"]}
        for _ in range(dice.randrange(4)):
            line = self._row("line_items", connection, platform, **of_order, quantity=dice.randrange(1, 4))
            line |= self._amount("price_amount", 1, 5)
            line |= {"listing_platform_id": dice.choice((None, "11", "12", "13", "14", "15", "16", "17"))}
            line |= {"title": dice.choice((None, "a", "b", "c"))}
        if dice.random() < 0.3:
            refund = self._row("order_refunds", connection, platform, **of_order, refunded_at=self._moment())
            refund |= self._amount("refund_amount", 1, 900)
        for kind in dice.sample((*_NO_FEES, "transaction", "never_heard_of"), 3):
            self._row("payments", connection, platform, entry_type=kind, entry_amount=dice.randrange(-500, 200),
                      balance_amount=0, sequence_number=self._next, occurred_at=self._moment())  # fmt: skip
        if dice.random() < 0.5:
            self._row("order_payments", connection, platform, **of_order, fees_amount=dice.choice((None, 0, 33)),
                      paid_at=dice.choice((None, self._moment())))  # fmt: skip

    def _row(self, table: str, connection: str, platform: str, **fields: Any) -> Row:
        self._next += 1
        row = {"connection_id": connection, "user_id": self.user, "platform": platform, "platform_id": str(self._next),
               "currency": self.dice.choice(("USD", "USD", "EUR")), "is_deleted": self.dice.random() < 0.1,
               "raw": Jsonb({"keeper_unreadable": []}), "content_hash": 1, "source_updated_at": _BEGINNING,
               "fetched_at": _BEGINNING, "sync_run_id": uuid.UUID(int=1), **fields}  # fmt: skip
        self.rows[table].append(row)
        return row

    def _amount(self, name: str, least: int, most: int) -> Row:
        return {name: None if self.dice.random() < 0.1 else self.dice.randrange(least, most)}

    def _moment(self) -> datetime:
        """Half of them on some hour of a day at which zones change, or years and months end."""
        days = self.dice.choice((self.dice.randrange(550), 26, 91, 92, 122, 160, 180, 457))
        return _BEGINNING + timedelta(
            days=days, hours=self.dice.randrange(24), minutes=self.dice.choice((0, 1, 30, 59))
        )

    def land(self, db: Db) -> None:
        for table, rows in self.rows.items():
            names = sql.SQL(", ").join(map(sql.Identifier, rows[0]))
            marks = sql.SQL(", ").join(map(sql.Placeholder, rows[0]))
            query = sql.SQL("insert into public.{} ({}) values ({})").format(sql.Identifier(table), names, marks)
            with db.cursor() as cursor:
                cursor.executemany(query, rows)

    def there(self, table: str, time_column: str, since: datetime) -> list[Row]:
        return [
            row for row in self.rows[table]
            if not row["is_deleted"] and row[time_column] is not None and row[time_column] >= since
        ]  # fmt: skip


def sums(shops: Shops, unit: str, zone: str, since: datetime, with_ledger: set[str]) -> dict[tuple[str, str, str], Row]:
    found: dict[tuple[str, str, str], Row] = {}

    def add(row: Row, currency: str, moment: datetime, **amounts: int | None) -> None:
        day = moment.astimezone(ZoneInfo(zone)).date()
        starts = {"day": day, "month": day.replace(day=1), "year": date(day.year, 1, 1)}[unit]
        of = found.setdefault((row["platform"], currency, str(starts)), dict.fromkeys(_SUMS, 0))
        for name, amount in amounts.items():
            of[name] += amount or 0

    for row in shops.there("orders", "ordered_at", since):
        linked, total = row["cost_state"] == "linked", row["total_amount"]
        revenue = None if total is None else total - (row["tax_amount"] or 0) - (row["vat_amount"] or 0)
        add(row, row["currency"], row["ordered_at"], orders=1, revenue=revenue, costed=linked, uncosted=not linked)
        if linked:
            add(row, row["cost_currency"], row["ordered_at"], cost=row["cost_amount"])
    for row in shops.there("order_refunds", "refunded_at", since):
        add(row, row["currency"], row["refunded_at"], refunds=row["refund_amount"])
    for row in shops.there("payments", "occurred_at", since):
        if row["entry_type"] not in _NO_FEES:
            add(row, row["currency"], row["occurred_at"], fees=-row["entry_amount"])
    for row in shops.there("order_payments", "paid_at", since):
        if row["fees_amount"] is not None and row["platform"] not in with_ledger:
            add(row, row["currency"], row["paid_at"], fees=row["fees_amount"])
    return found


def best_sellers(shops: Shops, since: datetime) -> list[Row]:
    orders = {(o["connection_id"], o["platform_id"]) for o in shops.there("orders", "ordered_at", since)}
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for line in shops.rows["line_items"]:
        if not line["is_deleted"] and (line["connection_id"], line["order_platform_id"]) in orders:
            listing = line["listing_platform_id"]
            key = (line["platform"], line["connection_id"], line["currency"], listing)
            groups[*key, None if listing else line["title"]].append(line)
    found = [
        {
            **dict(zip(("platform", "connection_id", "currency", "listing_platform_id"), key, strict=False)),
            "title": max((line["title"] for line in lines if line["title"]), default=None),
            "sold": sum(line["quantity"] for line in lines),
            "amount": sum(line["quantity"] * (line["price_amount"] or 0) for line in lines),
        }
        for key, lines in groups.items()
    ]
    last = "~"
    found.sort(key=lambda s: (-s["amount"], -s["sold"], s["connection_id"], s["currency"],
                              s["listing_platform_id"] or last, s["title"] or last))  # fmt: skip
    return found[:6]


@pytest.mark.parametrize("seed", range(6))
def test_figures_are_what_adding_row_by_row_gives(db: Db, clean: None, seed: int) -> None:
    with_ledger = {row[0] for row in db.execute("select platform from private.sales_channels where has_ledger")}
    seller, other = make_user(db), make_user(db)
    platforms = [("etsy", "1"), ("shopify", "1"), ("etsy", "2")][: 2 + seed % 2]
    shops = Shops(seed, seller, [(connect(db, seller, name, shop), name) for name, shop in platforms])
    shops.land(db)
    Shops(seed + 100, other, [(connect(db, other, "etsy", "9"), "etsy")]).land(db)

    for unit, zone, since in _QUESTIONS:
        row = db.execute("select public.figures(%s, %s, %s, %s)", [seller, unit, zone, since]).fetchone()
        assert row is not None
        told = {(s["platform"], s["currency"], s["starts"]): {name: s[name] for name in _SUMS} for s in row[0]["sums"]}

        assert told == sums(shops, unit, zone, since, with_ledger)
        assert row[0]["best_sellers"] == best_sellers(shops, since)
