"""Rounds by the legacy REST API: the same end as the source; a list is a call, and nothing is asked beside it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from execution.settings import Settings
from tests.standins.shopify import Shopify
from tests.standins.stand_in import Shop
from tests.worlds.rounds import a_while_ago, come_due, make_whole_due, round_of
from tests.worlds.world import World

WorldOf = Callable[[Shop], World]
# REST calls an unfulfilled order nothing at all, and tells no sum of what was refunded.
NOT_IN_REST = {"fulfillment_status", "refunded_amount"}
ORDER_TABLES = ("orders", "line_items", "order_refunds", "order_refund_lines", "order_fulfillments")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """As with SHOPIFY_READ=rest."""
    return settings.model_copy(update={"shopify_read": "rest"})


@pytest.fixture
def world(world_of: WorldOf, shopify: Shopify) -> World:
    world = world_of(shopify.shop(20, products=4))
    world.run()
    return world


def wrong(world: World, *tables: str) -> list[object]:
    return [difference for difference in world.wrong(*tables) if difference.what not in NOT_IN_REST]


def calls(shopify: Shopify, world: World) -> int:
    return len(shopify.asked(world.shop))


def test_a_shop_at_rest_costs_a_call_for_each_list_that_is_due(shopify: Shopify, world: World) -> None:
    """Its orders name refunds without their versions: they are not asked for again in every round."""
    assert len(world.stored("order_refunds")) > 0
    asked = calls(shopify, world)

    come_due(world, "orders")
    in_orders = calls(shopify, world) - asked
    come_due(world, "orders", "listings", "customers")

    assert (in_orders, calls(shopify, world) - asked - in_orders) == (1, 3)
    assert set(world.statuses().values()) == {"completed"}


@pytest.mark.parametrize("change", ["new_order", "refund_order", "cancel_order", "fulfill_order"])
def test_what_changed_of_an_order_is_here_after_one_round(shopify: Shopify, world: World, change: str) -> None:
    which = {} if change == "new_order" else {"order_id": int(max(world.stored("orders"), key=int))}
    shopify.mutate(world.shop, change, at=a_while_ago(), **which)
    before = wrong(world, *ORDER_TABLES)

    round_of(world, "orders")

    assert before != []
    assert world.statuses()["orders"] == "completed", world.error("orders")
    assert wrong(world, *ORDER_TABLES) == []


def test_a_customer_who_changed_is_read_again(shopify: Shopify, world: World) -> None:
    who = min(world.stored("customers"), key=int)
    shopify.mutate(world.shop, "edit_customer", customer_id=int(who), fields={"first": "Zora"}, at=a_while_ago())

    round_of(world, "customers")

    assert wrong(world, "customers") == []


def test_what_went_is_found_by_reading_everything(shopify: Shopify, world: World) -> None:
    first = int(min(world.stored("orders"), key=int))
    shopify.mutate(world.shop, "remove_order", order_id=first)
    # Two runs have to miss it.
    for _ in range(2):
        make_whole_due(world)
        round_of(world, "orders")

    assert world.statuses()["orders"] == "completed", world.error("orders")
    assert str(first) not in world.stored("orders")
    assert wrong(world, *ORDER_TABLES) == []
