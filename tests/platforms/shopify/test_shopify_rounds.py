"""What changed is searched by its time of change, whichever way a shop is read."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.standins.shopify import Shopify
from tests.standins.stand_in import Shop
from tests.worlds.rounds import a_while_ago, make_whole_due, round_of
from tests.worlds.world import World

WorldOf = Callable[[Shop], World]
ORDER_TABLES = ("orders", "line_items", "order_refunds", "order_refund_lines", "order_fulfillments")


@pytest.fixture
def world(world_of: WorldOf, shopify: Shopify) -> World:
    world = world_of(shopify.shop(30, products=4))
    world.run()
    return world


def newest(world: World) -> int:
    return int(max(world.stored("orders"), key=int))


@pytest.mark.parametrize("entity", ["orders", "listings", "customers"])
def test_a_shop_at_rest_costs_one_call(shopify: Shopify, world: World, entity: str) -> None:
    asked = len(shopify.asked(world.shop))

    round_of(world, entity)

    assert world.statuses()[entity] == "completed", world.error(entity)
    assert len(shopify.asked(world.shop)) - asked == 1


@pytest.mark.parametrize("change", ["refund_order", "cancel_order", "fulfill_order", "close_order"])
def test_an_order_that_changed_is_read_with_all_that_belongs_to_it(shopify: Shopify, world: World, change: str) -> None:
    shopify.mutate(world.shop, change, order_id=newest(world), at=a_while_ago())
    before = world.wrong(*ORDER_TABLES)

    round_of(world, "orders")

    assert before != []
    assert world.wrong(*ORDER_TABLES) == []


def test_new_orders_are_here_after_one_round(shopify: Shopify, world: World) -> None:
    before = len(world.stored("orders"))
    shopify.mutate(world.shop, "new_order", count=5, at=a_while_ago())

    round_of(world, "orders")

    assert len(world.stored("orders")) == before + 5
    assert world.wrong(*ORDER_TABLES) == []


def test_a_product_that_changed_is_read_again(shopify: Shopify, world: World) -> None:
    first = int(min(world.stored("listings"), key=int))
    shopify.mutate(world.shop, "edit_product", product_id=first, fields={"title": "Another"}, at=a_while_ago())

    round_of(world, "listings")

    assert world.stored("listings")[str(first)]["title"] == "Another"


def test_what_went_is_found_by_reading_everything(shopify: Shopify, world: World) -> None:
    """No search by time shows what is there no more."""
    first = int(min(world.stored("orders"), key=int))
    shopify.mutate(world.shop, "remove_order", order_id=first)
    round_of(world, "orders")
    unseen = str(first) in world.stored("orders")
    for _ in range(2):
        make_whole_due(world)
        round_of(world, "orders")

    assert unseen
    assert world.statuses()["orders"] == "completed", world.error("orders")
    assert str(first) not in world.stored("orders")
    assert world.wrong(*ORDER_TABLES) == []
