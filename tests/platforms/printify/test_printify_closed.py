"""What Printify says is gone: a page fetched before brings nothing back, and variants go with their product."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from tests.standins.printify import Printify
from tests.standins.stand_in import Shop
from tests.worlds.slices_by_hand import interrupt, notify
from tests.worlds.world import World

WorldOf = Callable[[Shop], World]
CHANGED = "update public.printify_products set source_updated_at = '2001-01-01', content_hash = 1"


def remove(printify: Printify, world: World, key: str) -> None:
    """It is deleted in the shop, and Printify says so."""
    printify.mutate(world.shop, "remove_product", product_id=key)
    notify(world, "product:deleted", "gone", key, p_kind="products")


@pytest.mark.parametrize("known", [True, False], ids=["known", "new"])
def test_a_product_that_is_deleted_while_its_page_is_on_the_way_stays_deleted(
    printify: Printify, world_of: WorldOf, db: psycopg.Connection, *, known: bool
) -> None:
    world = world_of(printify.shop(3, listings=5))
    if known:
        world.run("products")
        db.execute(CHANGED)
    key = str(printify.truth(world.shop, "products")[0]["id"])
    notify(world, "product:updated", "read", key, p_kind="products")

    interrupt(world, lambda: remove(printify, world, key))

    assert world.statuses()["changes"] == "completed"
    assert key not in world.stored("printify_products")
    assert world.rows("select 1 from public.printify_variants where product_platform_id = %s", key)
    assert key not in {row["product_platform_id"] for row in world.stored("printify_variants").values()}
    assert len(world.stored("printify_products")) == (4 if known else 0)


def test_a_product_that_is_deleted_takes_its_variants_along(printify: Printify, world_of: WorldOf) -> None:
    world = world_of(printify.shop(3, listings=5))
    world.run("products")
    key = str(printify.truth(world.shop, "products")[0]["id"])

    remove(printify, world, key)
    world.drain()

    left = {row["product_platform_id"] for row in world.stored("printify_variants").values()}
    assert left == set(world.stored("printify_products"))
    assert len(left) == 4


def test_no_event_closes_a_record_of_a_table_that_would_bring_it_back(printify: Printify, world_of: WorldOf) -> None:
    world = world_of(printify.shop(3))

    notify(world, "order:deleted", "gone", "5a96b649b2439217d070f507", p_kind="orders")
    world.drain()

    assert world.job("changes")["status"] == "failed"
    assert "table_not_closed_by_events" in world.job("changes")["error"]


def test_a_product_that_is_said_to_be_deleted_and_is_not_stays(printify: Printify, world_of: WorldOf) -> None:
    world = world_of(printify.shop(3, listings=5))
    world.run("products")
    key = str(printify.truth(world.shop, "products")[0]["id"])

    notify(world, "product:deleted", "gone", key, p_kind="products")
    world.drain()

    assert world.statuses()["changes"] == "completed"
    assert len(world.stored("printify_products")) == 5
