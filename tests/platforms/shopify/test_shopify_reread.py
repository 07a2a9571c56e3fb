"""A list that was read twice because something went meanwhile: the second reading keeps to the frozen window."""

from __future__ import annotations

from collections.abc import Callable

from tests.standins.shopify import Shopify
from tests.standins.stand_in import Shop
from tests.worlds.world import World

WorldOf = Callable[[Shop], World]


def test_a_second_reading_ends_where_the_first_one_did(shopify: Shopify, world_of: WorldOf) -> None:
    """What came after the window is in neither count, nor in the reading: else they would never agree."""
    world = world_of(shopify.shop(3, products=9))
    first, *_, last = sorted(shopify.truth(world.shop, "products"), key=lambda product: product["created"])
    inside = sum(each["created"] < last["created"] for each in shopify.truth(world.shop, "products"))
    world.start("listings")
    world.rows(
        "update public.sync_jobs set window_start = '2001-01-01', window_end = to_timestamp(%s - 0.5) returning 1",
        last["created"],
    )
    shopify.mutate(world.shop, "remove_product", product_id=first["id"], after={"requests": 2, "path": "graphql"})

    world.drain()

    assert world.statuses() == {"listings": "completed"}, world.error("listings")
    assert world.certificate("listings")["checks"][0]["detail"]["windows"] == 1
    assert len(world.stored("listings")) in (inside - 1, inside)
