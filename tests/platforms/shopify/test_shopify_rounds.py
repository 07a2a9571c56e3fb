"""What changed is searched by its time of change, whichever way a shop is read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.standins.shopify import Shopify
from tests.standins.stand_in import Shop
from tests.worlds.rounds import a_while_ago, come_due, due, make_whole_due, round_of
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


NEWS = {
    "listings": ("edit_product", "product_id", {"title": "Another"}),
    "customers": ("edit_customer", "customer_id", {"first": "Zora"}),
}


@pytest.mark.parametrize("table", NEWS)
def test_the_orders_call_tells_of_what_else_changed_and_only_that_is_read(
    shopify: Shopify, world: World, table: str
) -> None:
    """A call for the news and a call for what changed; the next round, which sees it again, knows it."""
    kind, named, fields = NEWS[table]
    round_of(world)
    which = {named: int(min(world.stored(table), key=int))}
    shopify.mutate(world.shop, kind, at=a_while_ago(), fields=fields, **which)
    asked = len(shopify.asked(world.shop))

    come_due(world, "orders", "listings", "customers")
    in_first = len(shopify.asked(world.shop)) - asked
    come_due(world, "orders", "listings", "customers")

    assert (in_first, len(shopify.asked(world.shop)) - asked - in_first) == (2, 1)
    assert world.wrong(table) == []


def test_a_pulse_says_nothing_of_what_lies_between_its_window_and_what_is_known(world: World) -> None:
    """What an earlier one found was not read, because its round failed: nothing new since then puts nobody off."""
    round_of(world)
    world.db.execute(
        "update private.sync_rounds set known_until = now() - interval '1 hour'"
        " where connection_id = %s and entity = 'listings'",
        (world.only.connection_id,),
    )
    before = due(world)

    round_of(world, "orders")

    after = due(world)
    assert after["listings"] == before["listings"]
    assert after["customers"] > before["customers"]


def test_without_leave_to_see_customers_orders_go_on_and_nobody_is_put_off(shopify: Shopify, world: World) -> None:
    round_of(world)
    before = due(world)
    shopify.settings(customer_data="denied")

    round_of(world, "orders")

    after = due(world)
    assert world.statuses()["orders"] == "completed", world.error("orders")
    assert (after["customers"], after["listings"]) == (before["customers"], before["listings"])


def test_how_long_a_pulse_is_believed(world: World) -> None:
    """A day, and never past the day on which all is read."""
    round_of(world)
    world.db.execute(
        "update public.sync_cursors set updated_at = now() - interval '23 hours' where connection_id = %s",
        (world.only.connection_id,),
    )

    round_of(world, "orders")

    hours = {entity: (at - datetime.now(UTC)).total_seconds() / 3600 for entity, at in due(world).items()}
    assert hours["customers"] == pytest.approx(1, abs=0.1)
    assert hours["orders"] == pytest.approx(6, abs=0.1)


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


def test_a_refund_whose_time_is_none_stops_no_round_and_costs_no_call(shopify: Shopify, world: World) -> None:
    """Its version is unknown: it is asked for with its order, and not in every round."""
    world.db.execute(
        "update public.orders set raw = jsonb_set(raw, '{refunds,0,updatedAt}', '\"soon\"')"
        " where connection_id = %s and raw #>> '{refunds,0,id}' is not null",
        (world.only.connection_id,),
    )
    asked = len(shopify.asked(world.shop))

    round_of(world, "orders")

    assert world.statuses()["orders"] == "completed", world.error("orders")
    assert len(shopify.asked(world.shop)) - asked == 1
