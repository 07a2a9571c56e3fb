"""Orders that came, orders that changed, and what is there no more."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.standins.printify import Printify
from tests.standins.stand_in import Shop
from tests.worlds.rounds import a_while_ago, make_whole_due, round_of
from tests.worlds.world import World

WorldOf = Callable[[Shop], World]


@pytest.fixture
def world(world_of: WorldOf, printify: Printify) -> World:
    world = world_of(printify.shop(40))
    world.run()
    return world


def calls(printify: Printify, world: World) -> int:
    return len(printify.ledger(shop=str(world.shop.number)))


def test_a_shop_at_rest_costs_one_call(printify: Printify, world: World) -> None:
    asked = calls(printify, world)

    round_of(world, "orders")

    assert world.statuses()["orders"] == "completed", world.error("orders")
    assert calls(printify, world) - asked == 1


def test_new_orders_are_here_after_one_round(printify: Printify, world: World) -> None:
    """More than a page holds: it reads on until it meets what is known."""
    before = set(world.stored("printify_orders"))
    for _ in range(13):
        printify.mutate(world.shop, "new_order", at=a_while_ago())

    round_of(world, "orders")

    assert len(set(world.stored("printify_orders")) - before) == 13
    assert world.wrong("printify_orders", "printify_line_items") == []


@pytest.mark.parametrize(
    ("change", "more"), [("ship", {}), ("set_cost", {"cost": 777}), ("cancel", {}), ("deliver", {})]
)
def test_an_order_that_changed_is_asked_for_when_its_time_comes(
    world_of: WorldOf, printify: Printify, change: str, more: dict[str, int]
) -> None:
    """It was twenty minutes old in the middle of its production: at ten and at fifteen it is asked for."""
    shop = printify.shop(40)
    printify.mutate(shop, "new_order", at=a_while_ago(1200), status="in-production")
    world = world_of(shop)
    world.run()
    if change == "deliver":
        printify.mutate(shop, "ship", order_id="last")
    printify.mutate(shop, change, order_id="last", **more)
    # As if the backfill had ended when the order was five minutes old.
    world.db.execute(
        "update public.sync_jobs set window_end = window_end - interval '15 minutes' where connection_id = %s",
        (world.only.connection_id,),
    )

    round_of(world, "orders")
    asked = calls(printify, world)
    round_of(world, "orders")

    assert world.wrong("printify_orders", "printify_line_items", "printify_shipments") == []
    assert calls(printify, world) - asked == 1  # and then not before it is half as old again


def test_all_is_read_when_its_day_has_come_and_what_is_gone_is_gone(printify: Printify, world: World) -> None:
    """An old order changes, and one goes: no round sees either."""
    first, second, *_ = sorted(world.stored("printify_orders"))
    printify.mutate(world.shop, "remove_order", order_id=first)
    printify.mutate(world.shop, "set_cost", order_id=second, cost=4711)
    round_of(world, "orders")
    unseen = world.wrong("printify_orders", "printify_line_items")
    make_whole_due(world)
    round_of(world, "orders")
    # Missed once: the whole is due again at once, and no day later.
    round_of(world, "orders")

    assert unseen != []
    assert world.statuses()["orders"] == "completed", world.error("orders")
    assert world.wrong("printify_orders", "printify_line_items") == []
    (when,) = world.rows(
        "select whole_at > now() + interval '23 hours' as is_tomorrow from private.sync_rounds"
        " where connection_id = %s and entity = 'orders'",
        world.only.connection_id,
    )
    assert when["is_tomorrow"]
