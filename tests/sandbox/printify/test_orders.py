"""What orders hold: references that meet the channel's orders, lines that must not be added, keys that are absent."""

from __future__ import annotations

from collections import Counter

import pytest

from sandbox.etsy.orders import make_order
from sandbox.etsy.shop import Plan as EtsyPlan
from sandbox.etsy.shop import Shop as EtsyShop
from sandbox.printify.orders import STATUSES
from sandbox.shopify.data.ids import Ids as ShopifyIds
from tests.in_thread import ENDS_AT


@pytest.fixture(scope="module")
def receipts():
    """Receipts of the very shop that the fixture `shop` prints for, as Etsy's stand-in makes them."""
    plan = EtsyPlan(
        seed=7, orders=900, currency="USD", payout_currency="USD", years=3.0, ends_at=ENDS_AT, owner="A", listings=112
    )
    etsy = EtsyShop(plan)
    return {etsy.ids.receipt(pos): make_order(etsy, pos) for pos in range(900)}


def test_references_are_receipts_of_the_etsy_shop_of_the_same_seed(shop, receipts):
    """Every order that can be told belongs to a paid receipt, and most can be told."""
    costs = shop.truth("costs")

    result = [cost["channel_order_id"] for cost in costs if cost["channel_order_id"] is not None]
    assert all(receipts[order_id].paid_at for order_id in result)
    assert len(set(result)) > 0.85 * sum(bool(order.paid_at) for order in receipts.values() if not order.digital)


def test_references_are_orders_of_the_shopify_shop_of_the_same_seed(own):
    """Numeric ids, and names like #1037."""
    shop = own(
        seed=50_004, orders=None, channel="shopify", channel_shop={"seed": 31, "orders": 120, "ends_at": ENDS_AT}
    )
    ids = ShopifyIds(31)
    orders = {ids.order(pos): ids.order_name(pos) for pos in range(120)}

    for order in shop.truth("orders"):
        about = order["metadata"]
        if "shop_order_id" in about and about["order_type"] == "external":
            assert int(about["shop_order_id"]) in orders
        if "shop_order_label" in about and "shop_order_id" in about:
            assert orders[int(about["shop_order_id"])] == about["shop_order_label"]
    assert {cost["channel_order_id"] for cost in shop.truth("costs")} <= {None, *orders}


def test_one_shop_may_print_for_two_channels(own):
    """In the order of time; references lead to either; what is printed is what was bought there."""
    etsy, shopify = {"seed": 7, "orders": 60, "ends_at": ENDS_AT}, {"seed": 31, "orders": 60, "ends_at": ENDS_AT}
    shop = own(seed=50_003, orders=None, channel_shops=[etsy, {"channel": "shopify", **shopify}], plain=True)
    names = {ShopifyIds(31).order(pos) for pos in range(60)}

    result = [cost["channel_order_id"] for cost in shop.truth("costs")]

    assert len(result) == len(set(result)) > 80
    assert 30 < sum(order_id in names for order_id in result) < 60
    product_ids = {product["id"] for product in shop.truth("products")}
    assert {line["product_id"] for line in shop.truth("lines")} <= product_ids


def test_given_order_ids_are_printed_one_by_one(own):
    """Ids alone, or with labels and dates; `plain` leaves out everything that makes arithmetic hard."""
    given = [{"id": 11, "at": ENDS_AT - 90_000}, {"id": 12, "label": "#A-7"}, 13]
    shop = own(orders=None, channel="shopify", order_ids=given, plain=True)

    costs = shop.truth("costs")

    assert sorted(cost["channel_order_id"] for cost in costs) == [11, 12, 13]
    labels = {o["metadata"]["shop_order_id"]: o["metadata"]["shop_order_label"] for o in shop.truth("orders")}
    assert labels == {11: "#11", 12: "#A-7", 13: "#13"}


def test_references_have_every_form_that_was_seen_in_life(shop):
    """Integers, texts, labels alone, and metadata that holds the type and nothing else."""
    external = [o["metadata"] for o in shop.truth("orders") if o["metadata"]["order_type"] == "external"]

    forms = Counter(type(about.get("shop_order_id")).__name__ for about in external)
    assert {"int", "str", "NoneType"} <= set(forms)
    assert any(set(about) == {"order_type"} for about in external)
    assert any("shop_order_label" in about and "shop_order_id" not in about for about in external)
    assert any(about.get("shop_fulfilled_at") == "1970-01-01 00:00:00+00:00" for about in external)


def test_every_kind_of_order_is_there(shop):
    """Manual, sample and API orders; splits; reprints that name their first order, which names them."""
    orders = {order["id"]: order for order in shop.truth("orders")}

    assert {o["metadata"]["order_type"] for o in orders.values()} == {"external", "manual", "sample", "api"}
    reprints = [o for o in orders.values() if o["metadata"].get("is_reprint")]
    assert reprints
    for again in reprints:
        (first,) = again["metadata"]["reprinted_order_ids"]
        about = orders[first]["metadata"]
        assert again["id"] in about.get("child_reprinted_order_ids", [again["id"]])
    per_sale = Counter(c["channel_order_id"] for c in shop.truth("costs") if c["channel_order_id"])
    assert max(per_sale.values()) > 1


def test_every_status_word_occurs(own):
    """In a shop that is large enough."""
    assert {order["status"] for order in own(seed=50_002, orders=6000).truth("orders")} == set(STATUSES)


def test_replaced_lines_may_keep_a_cost_that_must_not_be_added(shop):
    """Truth adds up the lines that are not canceled; adding all of them gives more."""
    costs = {cost["order_id"]: cost for cost in shop.truth("costs")}
    rerouted = 0

    for order in shop.truth("orders"):
        live = [line for line in order["line_items"] if line["status"] != "canceled"]
        everything = sum(line["cost"] * line["quantity"] for line in order["line_items"])
        assert costs[order["id"]]["production_cost"] == sum(line["cost"] * line["quantity"] for line in live)
        assert costs[order["id"]]["shipping_cost"] == sum(line["shipping_cost"] for line in live)
        rerouted += everything > costs[order["id"]]["production_cost"]
    assert rerouted > 3


def test_canceled_orders_have_zero_totals(shop):
    """Their lines cost nothing either."""
    canceled = [order for order in shop.truth("orders") if order["status"] == "canceled"]

    assert canceled
    assert {order["total_price"] for order in canceled} == {0}
    assert {line["cost"] for order in canceled for line in order["line_items"]} <= {0}


def test_keys_that_are_absent_in_life_are_absent(shop):
    """shipments, dates, line ids, the live fields; countries as codes and as names."""
    orders = shop.truth("orders")

    for key in ("shipments", "sent_to_production_at", "fulfilled_at", "printify_connect", "shop_id"):
        assert 0 < sum(key in order for order in orders) < len(orders), key
    assert sum("id" in line for order in orders for line in order["line_items"]) > 0
    assert not all("id" in line for order in orders for line in order["line_items"])
    countries = {order["address_to"]["country"] for order in orders}
    assert {"US", "United States"} <= countries


def test_products_come_in_both_forms(shop):
    """`external` as object and as array of one, or not; channel properties of three kinds; disabled variants."""
    products = shop.truth("products")

    assert {type(p.get("external")).__name__ for p in products} == {"dict", "list", "NoneType"}
    assert {repr(p["sales_channel_properties"]) for p in products} == {"[]", "{}", "None"}
    wide = max(products, key=lambda p: len(p["variants"]))
    assert len(wide["variants"]) > 50
    assert sum(v["is_enabled"] for v in wide["variants"]) < 10


def test_cost_of_a_line_covers_a_piece_or_all_of_them(printify, shop):
    """The unconfirmed meaning is a setting; with `line`, a line of two costs what two pieces cost."""
    by_piece = {o["id"]: o for o in shop.truth("orders")}
    before = {c["order_id"]: c["production_cost"] for c in shop.truth("costs")}
    printify.control("POST", "/settings", cost_is="line")

    by_line = {o["id"]: o for o in shop.truth("orders")}
    after = {c["order_id"]: c["production_cost"] for c in shop.truth("costs")}

    assert after == before
    changed = [
        (old, new)
        for order_id in by_piece
        for old, new in zip(by_piece[order_id]["line_items"], by_line[order_id]["line_items"], strict=True)
        if old["cost"] != new["cost"]
    ]
    assert changed
    assert all(new["cost"] == old["cost"] * old["quantity"] for old, new in changed)
