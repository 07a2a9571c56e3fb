"""SQL `figures` over shops of every kind, beside the same sums worked out row by row in Python.

Refunds, taxes and costs have an oracle of their own (tests/money): here it is what is added up, and over which time.
"""

from __future__ import annotations

import random
import uuid
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from tests.worlds.days import roll_up
from tests.worlds.users import connect, make_user

Db = psycopg.Connection[Any]
Row = dict[str, Any]
_SUMS = ("orders", "revenue", "fees", "uncosted", "unclassified")
_NO_FEES = ("PAYMENT_GROSS", "DISBURSE2", "sales_tax", "RESERVE", "recoupment", "never_heard_of")
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
        order |= {"is_paid": dice.choice((True, True, None, False)), "is_test": dice.choice((None, False, False, True))}
        order["item_total_amount"] = dice.randrange(9000)
        order["shipping_amount"], order["discount_amount"] = dice.choice((None, 0, 490)), dice.choice((None, 5))
        order["total_amount"] = order["item_total_amount"] + (order["shipping_amount"] or 0)
        order["total_amount"] -= order["discount_amount"] or 0
        of_order = {"order_platform_id": order["platform_id"]}
        for _ in range(dice.randrange(4)):
            line = self._row("line_items", connection, platform, **of_order, quantity=dice.randrange(1, 4))
            line |= self._amount("price_amount", 1, 5)
            line |= {"listing_platform_id": dice.choice((None, "11", "12", "13", "14", "15", "16", "17"))}
            line |= {"title": dice.choice((None, "a", "b", "c"))}
        for kind in dice.sample((*_NO_FEES, "transaction", "transaction_refund"), 3):
            self._row("payments", connection, platform, entry_type=kind, entry_amount=dice.randrange(-500, 200),
                      balance_amount=0, sequence_number=self._next, occurred_at=self._moment())  # fmt: skip

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


def counts(order: Row) -> bool:
    return order["is_paid"] is not False and order["is_test"] is not True


def sums(shops: Shops, unit: str, zone: str, since: datetime) -> dict[tuple[str, str, str], Row]:
    """Days are the shops': of UTC here, as nobody says another zone. `zone`, the reader's, says where to begin."""
    found: dict[tuple[str, str, str], Row] = {}
    first = since.astimezone(ZoneInfo(zone)).date()

    def add(row: Row, moment: datetime, **amounts: int) -> None:
        day = moment.astimezone(UTC).date()
        if day < first:
            return
        starts = {"day": day, "month": day.replace(day=1), "year": date(day.year, 1, 1)}[unit]
        of = found.setdefault((row["platform"], row["currency"], str(starts)), dict.fromkeys(_SUMS, 0))
        for name, amount in amounts.items():
            of[name] += amount

    for row in shops.there("orders", "ordered_at", _BEGINNING):
        if counts(row):
            revenue = row["item_total_amount"] + (row["shipping_amount"] or 0) - (row["discount_amount"] or 0)
            add(row, row["ordered_at"], orders=1, revenue=revenue, uncosted=1)
    for row in shops.there("payments", "occurred_at", _BEGINNING):
        if row["platform"] == "etsy":
            is_fee, is_known = row["entry_type"] not in _NO_FEES, row["entry_type"] != "never_heard_of"
            fees = -row["entry_amount"] if is_fee else 0
            if fees or not is_known:
                add(row, row["occurred_at"], fees=fees, unclassified=int(not is_known))
    return {key: of for key, of in found.items() if any(of.values())}


def best_sellers(shops: Shops, zone: str, since: datetime) -> list[Row]:
    """What each order came to, shared out to its lines by their value; a rest of a cent goes where its sum gets it."""
    first = since.astimezone(ZoneInfo(zone)).date()
    found: dict[tuple[Any, ...], Row] = {}
    for order in shops.there("orders", "ordered_at", _BEGINNING):
        if not counts(order) or order["ordered_at"].date() < first:
            continue
        lines = [
            line for line in shops.there("line_items", "source_updated_at", _BEGINNING)
            if (line["connection_id"], line["order_platform_id"]) == (order["connection_id"], order["platform_id"])
        ]  # fmt: skip
        values = [line["quantity"] * (line["price_amount"] or 0) for line in lines]
        weights = values if sum(values) else [line["quantity"] for line in lines]
        for n, line in enumerate(lines):
            listing = line["listing_platform_id"] or (line["title"] and f"title:{line['title']}")
            if not listing:
                continue
            key = (order["platform"], order["connection_id"], order["currency"], listing)
            of = found.setdefault(key, {"title": None, "sold": 0, "amount": 0})
            of["sold"] += line["quantity"]
            of["title"] = max(filter(None, (of["title"], line["title"])), default=None)
            for amount in (order["item_total_amount"], -(order["discount_amount"] or 0)):
                upto, before = (_rounded(Fraction(amount * sum(weights[:end]), sum(weights))) for end in (n + 1, n))
                of["amount"] += upto - before
    told = [
        {**dict(zip(("platform", "connection_id", "currency", "listing"), key, strict=True)), **of,
         "listing_platform_id": None if key[-1].startswith("title:") else key[-1]}
        for key, of in found.items()
    ]  # fmt: skip
    told.sort(key=lambda s: (-s["amount"], -s["sold"], s["connection_id"], s["currency"], s["listing"]))
    return told[:6]


def _rounded(value: Fraction) -> int:
    """Half away from nothing, as the database does."""
    return int(abs(value) + Fraction(1, 2)) * (1 if value >= 0 else -1)


@pytest.mark.parametrize("seed", range(6))
def test_figures_are_what_adding_row_by_row_gives(db: Db, clean: None, seed: int) -> None:
    seller, other = make_user(db), make_user(db)
    platforms = [("etsy", "1"), ("shopify", "1"), ("etsy", "2")][: 2 + seed % 2]
    shops = Shops(seed, seller, [(connect(db, seller, name, shop), name) for name, shop in platforms])
    shops.land(db)
    Shops(seed + 100, other, [(connect(db, other, "etsy", "9"), "etsy")]).land(db)
    roll_up(db, seller)

    for unit, zone, since in _QUESTIONS:
        row = db.execute("select public.figures(%s, %s, %s, %s)", [seller, unit, zone, since]).fetchone()
        assert row is not None
        told = {(s["platform"], s["currency"], s["starts"]): {name: s[name] for name in _SUMS} for s in row[0]["sums"]}

        assert told == sums(shops, unit, zone, since)
        assert row[0]["best_sellers"] == best_sellers(shops, zone, since)
