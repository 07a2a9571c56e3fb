"""A shop whose rows a test writes by hand, and what its days come to."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from tests.worlds.days import roll_up
from tests.worlds.users import connect, make_user

Db = psycopg.Connection[Any]
_COMMON = {"raw": Jsonb({}), "content_hash": 1, "source_updated_at": "2026-01-01", "fetched_at": "2026-01-01"}


@dataclass(kw_only=True)
class HandShop:
    """One shop of a user. Rows of a table get what every row has, and numbers as keys."""

    db: Db
    user: str
    id: str
    platform: str = "etsy"
    run: uuid.UUID = field(default_factory=uuid.uuid4)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def put(self, table: str, **fields: Any) -> str:
        values = {
            "connection_id": self.id, "user_id": self.user, "platform": self.platform, "currency": "USD",
            "platform_id": str(next(self._numbers)), "sync_run_id": self.run, **_COMMON, **fields,
        }  # fmt: skip
        names = sql.SQL(", ").join(map(sql.Identifier, values))
        marks = sql.SQL(", ").join([sql.Placeholder()] * len(values))
        query = sql.SQL("insert into public.{} ({}) values ({})").format(sql.Identifier(table), names, marks)
        self.db.execute(query, list(values.values()))
        return str(values["platform_id"])

    def sell(self, at: str, goods: int, *, tax: int = 0, **fields: Any) -> str:
        shipping = fields.get("shipping_amount", 0)
        total = goods + tax + shipping - fields.get("discount_amount", 0)
        told = {"item_total_amount": goods, "tax_amount": tax, "total_amount": total, "is_paid": True}
        return self.put("orders", ordered_at=at, **{**told, **fields})

    def refund(self, order: str, at: str, amount: int, **fields: Any) -> str:
        return self.put("order_refunds", order_platform_id=order, refunded_at=at, refund_amount=amount, **fields)

    def book(self, at: str, kind: str, amount: int, order: str | None = None, **fields: Any) -> str:
        told = {"sequence_number": next(self._numbers), "balance_amount": 0, "occurred_at": at}
        return self.put("payments", entry_type=kind, entry_amount=amount, order_platform_id=order, **{**told, **fields})

    def pay(self, order: str, at: str, amount: int, *, tax: int = 0) -> None:
        """As a ledger books a sale whose tax the platform takes."""
        self.book(at, "PAYMENT_GROSS", amount, order)
        if tax:
            self.book(at, "sales_tax", -tax, order)

    def roll(self) -> None:
        roll_up(self.db, self.user)

    def day(self, day: str, currency: str = "USD") -> dict[str, int]:
        """Amounts by class; what only counts by how many."""
        rows = self.db.execute(
            "select class, case when class in ('order', 'uncosted', 'fees_unknown', 'disputes_unknown')"
            " then events else amount end"
            " from public.money_days where connection_id = %s and day = %s and currency = %s"
            " and (amount <> 0 or events > 0)",
            [self.id, day, currency],
        ).fetchall()
        return dict(rows)

    def told(self, day: str) -> dict[str, Any]:
        """The day as the API tells it."""
        (found,) = self.db.execute("select public.money_days_of(%s, %s, %s)", [self.user, day, day]).fetchone() or ({},)
        (one,) = [one for one in found["days"] if one["connection_id"] == self.id]
        return dict(one)

    def profit(self, day: str, currency: str = "USD") -> int:
        return int(self.told(day)["currencies"][currency]["profit"])

    def prove(self, until: str = "2027-01-01") -> None:
        """Everything that the figures stand on is read and proven so far, as a round leaves it."""
        self.db.execute(
            "insert into private.sync_rounds (connection_id, entity, due_at, known_until)"
            " select a.id, s.entity, 'infinity', %s from public.connected_accounts as a"
            " join private.money_streams as s on s.platform = a.platform where a.user_id = %s"
            " on conflict (connection_id, entity) do update set known_until = excluded.known_until",
            [until, self.user],
        )

    def zone(self, name: str, since: str = "-infinity") -> None:
        self.db.execute(
            "insert into public.shop_time_zones (connection_id, user_id, valid_from, zone, said_by)"
            " values (%s, %s, %s, %s, 'seller')",
            [self.id, self.user, since, name],
        )


def hand_shop(db: Db, platform: str = "etsy") -> HandShop:
    user = make_user(db)
    return HandShop(db=db, user=user, id=connect(db, user, platform, "1"), platform=platform)
