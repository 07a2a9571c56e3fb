"""Of each order of Shopify's the sales of its journal come to what the platform says that it comes to now."""

from __future__ import annotations

from datetime import date
from typing import Any

import psycopg
import pytest

from tests.money.hand import NOON, Hand

Db = psycopg.Connection[Any]


@pytest.fixture
def hand(db: Db, clean: None) -> Hand:
    return Hand(db, "shopify")


def order_of(hand: Hand, total: int | None, *sales: tuple[str, int]) -> str:
    """With a journal that comes to `total`; None: it was not read."""
    order = hand.order(1000, platform="shopify", item_total_amount=1000)
    if total is not None:
        hand.put("order_journals", platform="shopify", platform_id=order, current_total_amount=total)
    for kind, amount in sales:
        hand.sale(order, kind, amount, at=NOON)
    return order


def journals(db: Db, hand: Hand) -> dict[str, Any]:
    (checks,) = db.execute(
        "select private.money_certificate(%s, %s)", [hand.shops["shopify"], date(2026, 3, 4)]
    ).fetchone() or ([],)
    (found,) = [dict(one) for one in checks if one["check"] == "journals"]
    return found


def test_a_journal_that_comes_to_the_orders_total_is_proven(db: Db, hand: Hand) -> None:
    order_of(hand, 700, ("product order", 1000), ("shipping order", 200), ("product return", -500))
    order_of(hand, 0, ("product order", 1000), ("product return", -1000))

    assert journals(db, hand) == {"check": "journals", "ok": True, "orders": 2, "unproven": 0, "rows": []}


def test_an_order_whose_journal_comes_to_something_else_is_named(db: Db, hand: Hand) -> None:
    order_of(hand, 1000, ("product order", 1000))
    wrong = order_of(hand, 999, ("product order", 1000))
    lacking = order_of(hand, 1000)

    found = journals(db, hand)

    assert (found["ok"], found["orders"]) == (False, 3)
    assert found["rows"] == [
        {"order": wrong, "expected": 999, "found": 1000},
        {"order": lacking, "expected": 1000, "found": 0},
    ]


def test_what_cannot_be_held_against_it_is_counted(db: Db, hand: Hand) -> None:
    order_of(hand, None)
    order_of(hand, 1000, ("product order", 1000), ("tip order", 100))
    order_of(hand, 1000, ("product order", 1000), ("gift_card order", 500))

    assert journals(db, hand) == {"check": "journals", "ok": True, "orders": 0, "unproven": 3, "rows": []}
