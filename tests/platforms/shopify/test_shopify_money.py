"""The journal of sales, fees, shipping, taxes, disputes: the same rows by pages, by an export, by REST and by an id."""

from __future__ import annotations

from collections.abc import Callable

from tests.standins.shopify import Shopify
from tests.standins.stand_in import Shop
from tests.worlds.rounds import a_while_ago, round_of
from tests.worlds.world import World

WorldOf = Callable[[Shop], World]
MONEY = (
    "orders",
    "line_items",
    "order_transactions",
    "order_refunds",
    "order_refund_lines",
    "order_refund_shipping_lines",
    "order_refund_adjustments",
    "order_journals",
    "order_sales",
    "order_shipping_lines",
    "order_tax_lines",
    "order_disputes",
)


def is_equal(world: World) -> bool:
    return world.statuses()["orders"] == "completed" and world.wrong(*MONEY) == []


def test_pages_bring_every_sale_and_lists_in_lists_are_read_to_their_end(shopify: Shopify, world_of: WorldOf) -> None:
    """Also of the order with a hundred lines and of edits; each page within the platform's price."""
    world = world_of(shopify.shop(420, products=12))

    world.run("orders")

    assert is_equal(world)
    sales = [row["order_platform_id"] for row in world.stored("order_sales").values()]
    assert max(map(sales.count, set(sales))) > 40
    checks = world.certificate("orders")["checks"]
    proof = next(check for check in checks if check["name"] == "journals")["detail"]
    assert (proof["journals"], proof["journals_cut"], proof["sums_differ"]) == (420, 0, 0)
    assert max(call["requested"] for call in shopify.asked(world.shop) if "requested" in call) <= 1000


def test_what_happens_later_is_read_by_the_id(shopify: Shopify, world_of: WorldOf) -> None:
    """An edit, an exchange, a return for a fee, shipping given back, money given back, a dispute: in one round."""
    world = world_of(shopify.shop(12, products=12))
    world.run()
    at = a_while_ago()
    made = shopify.mutate(world.shop, "new_order", count=7, lines=3, at=at - 60)["result"]["order_ids"]
    for order, what, wanted in zip(
        made,
        (
            "edit_order",
            "exchange_order",
            "refund_order",
            "refund_order",
            "refund_order",
            "dispute_order",
            "refund_order",
        ),
        ({"lines": [[0, 0]]}, {}, {"lines": [[0, 1]], "fee": 50}, {"shipping": True}, {"amount": 120}, {}, {}),
        strict=True,
    ):
        shopify.mutate(world.shop, what, order_id=order, at=at, **wanted)

    round_of(world, "orders")

    assert is_equal(world)
    kinds = {row["line_type"] for row in world.stored("order_sales").values()}
    assert kinds >= {"product", "shipping", "fee", "adjustment"}


def test_fees_that_come_late_are_unknown_until_they_are_told(shopify: Shopify, world_of: WorldOf) -> None:
    """Not nothing: they are asked for again, without anything else having changed."""
    shopify.settings(fees_after_seconds=10**9)
    world = world_of(shopify.shop(12))
    world.run()
    # Ten minutes after it was paid a fee is asked for again.
    made = shopify.mutate(world.shop, "new_order", count=12, at=a_while_ago(700))["result"]["order_ids"]
    round_of(world, "orders")
    before = {row["fees_amount"] for row in world.stored("order_transactions").values()}
    shopify.settings(fees_after_seconds=0)

    round_of(world, "orders")

    new = {str(order) for order in made}
    told = {str(each["id"]): each["fee"] for each in shopify.truth(world.shop, "transactions")}
    rows = {key: row for key, row in world.stored("order_transactions").items() if row["order_platform_id"] in new}
    assert before == {None}
    assert any(told[key] for key in rows)
    assert {key: row["fees_amount"] for key, row in rows.items()} == {key: told[key] for key in rows}


def test_a_shops_zone_is_told_at_connecting(shopify: Shopify, world_of: WorldOf) -> None:
    world = world_of(shopify.shop(5))

    (zone,) = world.rows("select zone, said_by, valid_from = '-infinity' as always from public.shop_time_zones")

    assert (zone["said_by"], zone["always"]) == ("platform", True)
