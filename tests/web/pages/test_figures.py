"""SQL `figures` and `recent_orders`: sums by platform, currency and time, as arithmetic by hand has them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from tests.worlds.days import roll_up
from tests.worlds.users import make_user

Db = psycopg.Connection[Any]
_COMMON = {"raw": Jsonb({}), "content_hash": 1, "source_updated_at": "2026-01-01", "fetched_at": "2026-01-01"}
_SUMS = ("orders", "revenue", "refunds", "fees", "cost", "costed", "uncosted", "unclassified_amount")


@pytest.fixture
def seller(db: Db, clean: None) -> str:
    return make_user(db)


def connection(db: Db, user: str, platform: str) -> str:
    """The id of the user's shop there, made where it is missing."""
    where = "user_id = %(user)s and platform = %(platform)s"
    row = db.execute(
        "with made as (insert into public.connected_accounts (user_id, platform, shop_id)"
        f" select %(user)s, %(platform)s, '1' where not exists (select from public.connected_accounts where {where})"
        f" returning id) select id from made union all select id from public.connected_accounts where {where}",
        {"user": user, "platform": platform},
    ).fetchone()
    assert row is not None
    return str(row[0])


@pytest.fixture
def put(db: Db, seller: str) -> Callable[..., None]:
    """A row of a table, of the seller unless it says otherwise; ids count up."""
    numbers = iter(range(1, 1000))

    def row(table: str, **fields: Any) -> None:
        keys = {"user_id": seller, "platform": "etsy", "platform_id": str(next(numbers)), "currency": "USD"}
        values = {**keys, **_COMMON, "sync_run_id": uuid.uuid4(), **fields}
        values["connection_id"] = connection(db, values["user_id"], values["platform"])
        names = sql.SQL(", ").join(map(sql.Identifier, values))
        marks = sql.SQL(", ").join([sql.Placeholder()] * len(values))
        query = sql.SQL("insert into public.{} ({}) values ({})").format(sql.Identifier(table), names, marks)
        db.execute(query, list(values.values()))

    return row


def _figures(db: Db, seller: str, zone: str = "UTC", since: str = "1970-01-01T00:00Z") -> dict[tuple[str, ...], Any]:
    roll_up(db, seller)
    (result,) = db.execute("select public.figures(%s, 'month', %s, %s)", [seller, zone, since]).fetchone() or (None,)
    return {(s["platform"], s["currency"], s["starts"]): tuple(s[name] for name in _SUMS) for s in result["sums"]}


def test_taxes_are_no_revenue_and_what_nobody_has_named_is_no_fee(
    db: Db, seller: str, put: Callable[..., None]
) -> None:
    """Payouts, payments and taxes of the ledger are no fees, and neither is a type that no list knows. Of a refund the
    tax's share is no refund of revenue.
    """
    put("orders", ordered_at="2026-05-03", item_total_amount=11000, total_amount=12000, tax_amount=900, vat_amount=100)
    put("orders", ordered_at="2026-05-04", item_total_amount=5000, total_amount=5000, is_deleted=True)
    put("orders", ordered_at="2026-05-04", item_total_amount=5000, total_amount=5000, is_paid=False)
    put("orders", ordered_at="2026-05-04", item_total_amount=5000, total_amount=5000, is_test=True)
    put("order_refunds", order_platform_id="1", refund_amount=700, refunded_at="2026-06-01")
    entry = {"sequence_number": 1, "balance_amount": 0, "occurred_at": "2026-05-05"}
    for kind, amount in (
        ("PAYMENT_GROSS", 12000), ("sales_tax", -900), ("DISBURSE2", -9000), ("ADYENBALANCE_REVERSAL", 29236),
        ("transaction", -650), ("transaction_refund", 50), ("brand_new_fee", -20),
    ):  # fmt: skip
        put("payments", entry_type=kind, entry_amount=amount, **entry)

    assert _figures(db, seller) == {
        ("etsy", "USD", "2026-05-01"): (1, 11000, 0, 600, 0, 0, 1, -20),
        ("etsy", "USD", "2026-06-01"): (0, 0, 642, 0, 0, 0, 0, 0),
    }


def test_a_month_is_the_shops_month(db: Db, seller: str, put: Callable[..., None]) -> None:
    """Half an hour before midnight in London is next year in Tokyo, whoever reads it."""
    put("orders", ordered_at="2025-12-31T23:30Z", item_total_amount=100, total_amount=100)
    assert list(_figures(db, seller)) == [("etsy", "USD", "2025-12-01")]

    db.execute(
        "insert into public.shop_time_zones (connection_id, user_id, valid_from, zone, said_by)"
        " values (%s, %s, '-infinity', 'Asia/Tokyo', 'seller')",
        [connection(db, seller, "etsy"), seller],
    )

    assert list(_figures(db, seller)) == [("etsy", "USD", "2026-01-01")]
    assert _figures(db, seller, since="2026-01-02T00:00Z") == {}


def test_costs_of_another_currency_stand_by_themselves(db: Db, seller: str, put: Callable[..., None]) -> None:
    printer = connection(db, seller, "printify")
    for number, currency in ((1, "USD"), (2, "EUR")):
        put("orders", platform_id=f"7{number}", ordered_at="2026-05-03", item_total_amount=3000, total_amount=3000)
        put("printify_orders", platform="printify", platform_id=f"p{number}", shop_order_id=f"7{number}",
            ordered_at="2026-05-03", tax_amount=10)  # fmt: skip
        put("printify_line_items", platform="printify", order_platform_id=f"p{number}", cost_amount=600 + 100 * number,
            shipping_cost_amount=90, status="fulfilled")  # fmt: skip
        db.execute(
            "update public.printify_orders set currency = %s where connection_id = %s and platform_id = %s",
            [currency, printer, f"p{number}"],
        )

    assert _figures(db, seller) == {
        ("etsy", "USD", "2026-05-01"): (2, 6000, 0, 0, 800, 2, 0, 0),
        ("etsy", "EUR", "2026-05-01"): (0, 0, 0, 0, 900, 0, 0, 0),
    }


def test_another_sellers_money_is_never_counted(db: Db, seller: str, put: Callable[..., None]) -> None:
    other = make_user(db)
    put("orders", user_id=other, ordered_at="2026-05-03", item_total_amount=100, total_amount=100)
    put("line_items", user_id=other, order_platform_id="1", quantity=1, price_amount=5, ordered_at="2026-05-03")

    assert _figures(db, seller) == {}
    assert db.execute("select public.recent_orders(%s)", [seller]).fetchone() == ([],)


def test_the_newest_orders_come_from_every_platform(db: Db, seller: str, put: Callable[..., None]) -> None:
    for platform in ("etsy", "shopify"):
        for day in (1, 2, 3):
            put(
                "orders",
                platform=platform,
                order_number=f"{platform}{day}",
                ordered_at=f"2026-05-0{day}",
                total_amount=1,
            )
    put("orders", order_number="gone", ordered_at="2026-06-01", total_amount=1, is_deleted=True)

    (result,) = db.execute("select public.recent_orders(%s, 4)", [seller]).fetchone() or (None,)

    assert [order["order_number"] for order in result] == ["etsy3", "shopify3", "etsy2", "shopify2"]
