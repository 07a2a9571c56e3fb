"""What is derived can be derived again from its records alone."""

from __future__ import annotations

from typing import Any

import psycopg

from execution import operations
from execution.app import App
from tests.cross_platform.shops import Shops
from tests.worlds.world import World

DERIVED = (
    "select source_id, reference, production_amount, is_known, order_platform_id from public.order_costs order by 1",
    "select source_id, order_platform_id from private.cost_links order by 1, 2",
    "select platform, platform_id, cost_amount, cost_state from public.orders order by 1, 2",
)


def derived(db: psycopg.Connection[Any]) -> list[Any]:
    return [db.execute(query).fetchall() for query in DERIVED]


def seller(app: App, db: psycopg.Connection[Any], shops: Shops) -> World:
    """Their printer made some of the orders of their channels."""
    world = shops.seller(app, db)
    world.run("orders")
    etsy = next(iter(world.of("etsy").stored("orders")))
    made = next(iter(world.of("printify").stored("printify_orders")))
    db.execute("update public.printify_orders set shop_order_id = %s where platform_id = %s", [etsy, made])
    return world


def spoil(db: psycopg.Connection[Any]) -> None:
    """As a deletion that went too far leaves them."""
    db.execute("delete from private.cost_links")
    db.execute("delete from public.order_costs where source_id in (select source_id from public.order_costs limit 7)")
    db.execute("update public.orders set cost_amount = 1, cost_currency = 'USD', cost_state = 'linked'")


def test_costs_and_links_are_derived_again(app: App, db: psycopg.Connection[Any], shops: Shops) -> None:
    world = seller(app, db, shops)
    before = derived(db)
    spoil(db)

    done = operations.rebuild(app, user_id=world.user_id)

    assert any(state == "linked" for *_, state in before[2])
    assert derived(db) == before
    assert done[0]["platform"] == "printify"


def test_costs_that_fall_short_of_their_records_are_derived_by_themselves(
    app: App, db: psycopg.Connection[Any], shops: Shops
) -> None:
    world = seller(app, db, shops)
    before = derived(db)
    db.execute("delete from private.cost_links")
    db.execute("delete from public.order_costs where source_id in (select source_id from public.order_costs limit 7)")

    # Not a row of the printer's changes: nothing but the end of the reading says that costs are missing.
    world.of("printify").run("orders", again=True)

    assert derived(db) == before
