"""Orders and products by HTTP: pages, filters, what is not known, and whose they are."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from tests.money.hand import NOON, Hand
from tests.web.conftest import client


@pytest.fixture
def hand(db: Any, clean: None) -> Hand:
    """Three orders: one costed with its fees told, one without a cost, one that nobody paid."""
    hand = Hand(db, "etsy", "printify")
    for n, (goods, fields) in enumerate(
        ((4000, {"country": "US"}), (2000, {"country": "DE"}), (900, {"is_paid": False}))
    ):
        order = hand.order(
            goods + 300, at=NOON + timedelta(days=n), order_number=f"10{n}", item_total_amount=goods, tax_amount=300,
            status="completed", **fields,
        )  # fmt: skip
        hand.put("line_items", order_platform_id=order, quantity=2, price_amount=goods // 2, title=f"Mug {n}",
                 sku=f"M{n}", listing_platform_id=str(n))  # fmt: skip
        if n == 0:
            hand.entry("PAYMENT_GROSS", 4300, order)
            hand.entry("sales_tax", -300, order)
            hand.entry("transaction", -260, order)
            printed = hand.put("printify_orders", platform="printify", shop_order_id=order, ordered_at=NOON)
            hand.put("printify_line_items", platform="printify", order_platform_id=printed, cost_amount=1100,
                     shipping_cost_amount=0)  # fmt: skip
    hand.days()
    return hand


def test_an_order_says_what_it_came_to_and_what_nobody_knows(web_url, bearer, hand):
    with client(web_url, headers=bearer(hand.user_id)) as asking:
        unpaid, uncosted, whole = asking.get("/orders").json()["orders"]

    known = {"gross_sales": 4000, "fees": -260, "cost_of_goods": -1100, "profit": 2640, "taxes": 0, "tips": 0}
    assert whole["figures"].items() >= known.items()
    assert (whole["missing"], whole["items"][0]["sku"], whole["day"]) == ([], "M0", "2026-03-04")
    assert uncosted["missing"] == ["cost", "fees"]
    assert [uncosted["figures"][name] for name in ("gross_sales", "fees", "cost_of_goods", "profit")] == [
        2000,
        None,
        None,
        None,
    ]
    assert unpaid["missing"] == ["not_counted"]
    assert set(unpaid["figures"].values()) == {None}


def test_lists_go_on_where_the_page_before_ended(web_url, bearer, hand):
    with client(web_url, headers=bearer(hand.user_id)) as asking:
        for path, name in (("/orders", "order_number"), ("/products", "title")):
            kind = path.removeprefix("/")
            whole = [one[name] for one in asking.get(path).json()[kind]]
            found, after = [], None
            while True:
                page = asking.get(path, params={"limit": 1, **({"after": after} if after else {})}).json()
                found += [one[name] for one in page[kind]]
                after = page["next"]
                if after is None:
                    break
            assert (found, len(whole)) == (whole, {"orders": 3, "products": 2}[kind])
        chosen = {"since": "2026-03-05", "until": "2026-03-05", "country": "DE", "status": "completed", "search": "m1"}
        assert [o["order_number"] for o in asking.get("/orders", params=chosen).json()["orders"]] == ["101"]
        assert asking.get("/orders", params=chosen | {"platform": "shopify"}).json()["orders"] == []
        product = asking.get("/products", params={"search": "mug 0", "by": "variant"}).json()["products"][0]
        assert (product["units"], product["revenue"], product["cost_of_goods"], product["margin"]) == (
            2,
            4000,
            -1100,
            2900,
        )


def test_another_sellers_orders_and_products_are_nobodys(web_url, bearer, hand, make_user):
    with client(web_url, headers=bearer(make_user())) as asking:
        for path in ("/orders", "/products"):
            for asked in ({}, {"connection_id": hand.shops["etsy"]}, {"search": "100"}):
                assert asking.get(path, params=asked).json()[path.removeprefix("/")] == []
    with client(web_url) as nobody:
        assert [nobody.get(path).status_code for path in ("/orders", "/products")] == [401, 401]


@pytest.mark.parametrize("path", ["/orders", "/products"])
def test_a_cursor_that_is_none_of_ours_is_said_to_be(web_url, bearer, make_user, path):
    places = [
        {},
        [],
        "x",
        {"revenue": 2**63, "connection_id": hex(7), "product": "\0", "currency": "USD"},
        {"ordered_at": "9"},
    ]
    with client(web_url, headers=bearer(make_user())) as asking:
        for after in ("x", "%%%", "ÄÖ", *(base64.urlsafe_b64encode(json.dumps(p).encode()).decode() for p in places)):
            answer = asking.get(path, params={"after": after})
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input"), after
