"""A shop of rows made by hand, rolled up: what a few records come to, without a platform."""

from __future__ import annotations

import itertools
import uuid
from collections import defaultdict
from copy import copy
from datetime import UTC, date, datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from tests.money.oracle.book import COUNTED
from tests.money.oracle.figures import FIGURES
from tests.worlds.days import roll_up
from tests.worlds.users import connect, make_user

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
_NUMBERS = itertools.count(7000)
# What a column holds where a test says nothing of it.
_USUAL: dict[str, dict[str, Any]] = {
    "orders": {"is_paid": True},
    "printify_line_items": {"quantity": 1, "status": "fulfilled"},
}
_OF_NO_CURRENCY = frozenset({"order_disputes"})


class Hand:
    """A seller with one shop of each of these platforms, whose days are UTC's."""

    def __init__(self, db: psycopg.Connection[Any], *platforms: str, user_id: str | None = None) -> None:
        self._db = db
        self.user_id = user_id or make_user(db)
        self.shops = {platform: connect(db, self.user_id, platform) for platform in platforms}

    def by(self, db: psycopg.Connection[Any]) -> Hand:
        """The same seller, written to by another session."""
        other = copy(self)
        other._db = db
        return other

    def put(self, table: str, *, platform: str = "etsy", **fields: Any) -> str:
        """One row; answers its id."""
        number = str(next(_NUMBERS))
        row = {
            "connection_id": self.shops[platform], "user_id": self.user_id, "platform": platform, "platform_id": number,
            "currency": "USD", "raw": Jsonb({}), "content_hash": 1, "source_updated_at": NOON, "fetched_at": NOON,
            "sync_run_id": uuid.UUID(int=1), **_USUAL.get(table, {}), **fields,
        }  # fmt: skip
        if table in _OF_NO_CURRENCY:
            del row["currency"]
        query = sql.SQL("insert into public.{} ({}) values ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join(map(sql.Placeholder, row)),
        )
        self._db.execute(query, row)
        return str(row["platform_id"])

    def order(self, total: int, *, at: datetime = NOON, **fields: Any) -> str:
        return self.put("orders", total_amount=total, ordered_at=at, **fields)

    def entry(self, kind: str, amount: int, order: str | None = None, *, at: datetime = NOON, **fields: Any) -> str:
        """An entry of the ledger. Its balance is what the entry makes of nothing."""
        more = {"sequence_number": next(_NUMBERS), "balance_amount": amount, "occurred_at": at, **fields}
        return self.put("payments", entry_type=kind, entry_amount=amount, order_platform_id=order, **more)

    def refund(self, order: str, amount: int, *, at: datetime = NOON, **fields: Any) -> str:
        return self.put("order_refunds", order_platform_id=order, refund_amount=amount, refunded_at=at, **fields)

    def sale(self, order: str, kind: str, total: int, *, at: datetime = NOON, **fields: Any) -> str:
        """A piece of an order's journal: "product order", "shipping return". `tax` is inside the total."""
        line_type, action = kind.split(" ")
        more = {"line_type": line_type, "action_type": action, "reason": action, "agreement_platform_id": "1"}
        row = {"order_platform_id": order, "total_amount": total, "happened_at": at, "tax_amount": 0, **more, **fields}
        return self.put("order_sales", platform="shopify", **row)

    def moved(self, order: str, kind: str, amount: int, *, at: datetime = NOON, **fields: Any) -> str:
        row = {"order_platform_id": order, "kind": kind, "status": "success", "transaction_amount": amount, **fields}
        return self.put("order_transactions", platform="shopify", processed_at=at, **row)

    def told(self, query: str, *args: Any) -> Any:
        """The one row that this answers."""
        return self._db.execute(query, args).fetchone()

    def change(self, query: str, *args: Any) -> None:
        self._db.execute(query, args)

    def zone(self, zone: str, since: str = "-infinity", *, platform: str = "etsy") -> None:
        self._db.execute(
            "insert into public.shop_time_zones (connection_id, user_id, valid_from, zone, said_by)"
            " values (%s, %s, %s, %s, 'seller')",
            [self.shops[platform], self.user_id, since, zone],
        )

    def days(self, column: str = "amount", *, platform: str = "etsy") -> dict[date, dict[str, int]]:
        """Classes of each day once all is rolled up, in one currency; what is counted by its number."""
        roll_up(self._db, self.user_id)
        rows = self._db.execute(
            sql.SQL("select day, class, {}, events from public.money_days where connection_id = %s and {} <> 0 or"
                    " connection_id = %s and class = any (%s)").format(sql.Identifier(column), sql.Identifier(column)),
            [self.shops[platform], self.shops[platform], sorted(COUNTED)],
        )  # fmt: skip
        found: dict[date, dict[str, int]] = defaultdict(dict)
        for day, name, amount, events in rows:
            found[day][name] = events if name in COUNTED else amount
        return dict(found)

    def classes(self, day: date | None = None, *, platform: str = "etsy") -> dict[str, int]:
        """Of this day, or of all days together."""
        found: dict[str, int] = defaultdict(int)
        for each, classes in self.days(platform=platform).items():
            for name, amount in classes.items():
                found[name] += amount if day in (None, each) else 0
        return {name: amount for name, amount in found.items() if amount}

    def profit(self, *, platform: str = "etsy") -> int:
        return sum(amount for name, amount in self.classes(platform=platform).items() if name in FIGURES["profit"])

    def state(self, day: date) -> tuple[str, dict[str, int]]:
        """How a day stands, and what it waits for."""
        row = self._db.execute(
            "select state, waits from public.money_day_states where connection_id = %s and day = %s",
            [self.shops["etsy"], day],
        ).fetchone()
        assert row is not None
        return row[0], row[1]

    def states(self, *, platform: str = "etsy") -> dict[date, tuple[str, dict[str, int]]]:
        rows = self._db.execute(
            "select day, state, waits from public.money_day_states where connection_id = %s", [self.shops[platform]]
        )
        return {day: (state, waits) for day, state, waits in rows}

    def journal(self) -> dict[date, list[dict[str, Any]]]:
        """What is on record of each day that was ever closed, in order."""
        rows = self._db.execute(
            "select day, before, after from private.money_journal where connection_id = %s order by id",
            [self.shops["etsy"]],
        )
        found: dict[date, list[dict[str, Any]]] = defaultdict(list)
        for day, before, after in rows:
            found[day].append({"before": before, "after": after})
        return dict(found)

    def prove(self, *, platform: str = "etsy") -> None:
        """All that the days stand on was read up to now."""
        self._db.execute(
            "insert into private.sync_rounds (connection_id, entity, due_at, known_until)"
            " select %s, s.entity, now(), now() from private.money_streams as s where s.platform = %s",
            [self.shops[platform], platform],
        )

    def rebuild(self) -> None:
        self._db.execute("select public.rebuild_money(%s)", [self.user_id])
        self.days()

    def ledger(self) -> list[tuple[date, int]]:
        """Entries as they landed: UTC's day and the amount."""
        return self._db.execute(
            "select (occurred_at at time zone 'UTC')::date, entry_amount from public.payments where user_id = %s",
            [self.user_id],
        ).fetchall()

    def figures(self, unit: str) -> dict[str, int]:
        """What pages show of each such time, added up."""
        self.days()
        (told,) = self._db.execute(
            "select public.figures(%s, %s, 'UTC', '1970-01-01T00:00Z')", [self.user_id, unit]
        ).fetchone() or ({},)
        found: dict[str, int] = defaultdict(int)
        for each in told["sums"]:
            for name in ("orders", "revenue", "fees", "uncosted", "unclassified"):
                found[name] += each[name] or 0
        return dict(found)
