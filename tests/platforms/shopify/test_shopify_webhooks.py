"""Shopify's own notices about products, sent by the sandbox, taken in by the web process, worked as jobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from sandbox.stack import Stack
from tests.standins.shopify import Shopify
from tests.standins.stand_in import Shop
from tests.web.conftest import served
from tests.worlds.slices_by_hand import work_due
from tests.worlds.world import World

WorldOf = Callable[[Shop], World]
TOPICS = ("products/update", "products/delete")


@pytest.fixture
def addressed(stack: Stack, shopify: Shopify) -> Iterator[None]:
    """The sandbox knows where the web process takes notices."""
    with served({**stack.env, **shopify.env}) as url:
        shopify.control("POST", "/webhooks/addresses", **dict.fromkeys(TOPICS, f"{url}/webhooks/shopify"))
        yield
        shopify.control("POST", "/webhooks/addresses")


def heard(shopify: Shopify, notices: int = 1) -> list[int]:
    """What the notices were answered with, once all have come."""
    ends_at = time.monotonic() + 20
    while time.monotonic() < ends_at:
        sent = shopify.control("GET", "/webhooks")["results"][-notices:]
        if len(sent) == notices and all(each["done"] for each in sent):
            return [status for each in sent for status in each["attempts"]]
        time.sleep(0.02)
    raise AssertionError("the notices did not arrive")


def product_of(world: World, variants: int) -> str:
    """A product with that many variants."""
    query = "select listing_platform_id as id from public.listing_variants group by 1 having count(*) = %s order by 1"
    return str(world.rows(query, variants)[0]["id"])


def test_a_product_that_changed_is_read_with_its_variants(shopify: Shopify, world_of: WorldOf, addressed: None) -> None:
    """Their prices and stock are theirs alone; one that is there no more is gone here too, and other products' stay."""
    world = world_of(shopify.shop(3, products=6))
    world.run("listings", "variants")
    product = product_of(world, 2048)
    first = min((key for key, row in variants(world).items() if row == product), key=int)
    stock = world.stored("listing_variants")[first]["quantity"]
    world.rows(
        "insert into public.listing_variants select (t).* from (select jsonb_populate_record(v, jsonb_build_object("
        "'platform_id', '1')) as t from public.listing_variants as v where platform_id = %s) as planted returning 1",
        first,
    )
    shopify.mutate(world.shop, "set_stock", product_id=int(product), variation=0, quantity=4711)
    shopify.mutate(world.shop, "edit_product", product_id=int(product), fields={"title": "Another name"})

    answered = heard(shopify)
    calls = len(shopify.asked(world.shop))
    work_due(world)
    calls = len(shopify.asked(world.shop)) - calls
    assert "1" in variants(world)
    # Missed once. The next notice misses it too.
    shopify.mutate(world.shop, "edit_product", product_id=int(product), fields={"title": "Another name"})
    heard(shopify, 2)
    work_due(world)

    assert answered == [200]
    assert world.stored("listings")[product]["title"] == "Another name"
    assert world.stored("listing_variants")[first]["quantity"] != stock
    assert "1" not in variants(world)
    assert world.wrong("listings", "listing_variants") == []
    assert calls <= 13


def test_a_new_product_comes_with_all_of_its_variants(shopify: Shopify, world_of: WorldOf, addressed: None) -> None:
    """Nothing of it is stored: each stretch that comes shows where the next one begins."""
    world = world_of(shopify.shop(3, products=6))
    world.run("listings", "variants")
    product = product_of(world, 2048)
    world.db.execute("delete from public.listing_variants where listing_platform_id = %s", (product,))
    world.db.execute("delete from public.listings where platform_id = %s", (product,))
    shopify.mutate(world.shop, "edit_product", product_id=int(product), fields={})

    heard(shopify)
    work_due(world)

    assert world.wrong("listings", "listing_variants") == []


def test_a_product_that_was_removed_takes_its_variants_along(
    shopify: Shopify, world_of: WorldOf, addressed: None
) -> None:
    world = world_of(shopify.shop(3, products=6))
    world.run("listings", "variants")
    shopify.mutate(world.shop, "remove_product", product_id=int(product_of(world, 2048)))

    heard(shopify)
    work_due(world)

    assert 0 < len(variants(world)) < 2048
    assert world.wrong("listings", "listing_variants") == []


def variants(world: World) -> dict[str, str]:
    """The product of each variant."""
    return {key: row["listing_platform_id"] for key, row in world.stored("listing_variants").items()}
