"""Orders and products that come, change and go while they are read."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.standins.shopify import TABLES, Shopify
from tests.standins.stand_in import Shop
from tests.worlds.world import World

WorldOf = Callable[[Shop], World]
# 700 orders: a look, three pages; 600 products as many.
PAGES = 4


def disturb(shopify: Shopify, shop: Shop, rng: random.Random, kinds: tuple[str, ...]) -> None:
    """Eight changes, each after some page of the reading."""
    orders = [order["id"] for order in shopify.truth(shop, "orders")]
    products = [product["id"] for product in shopify.truth(shop, "products")]
    for kind in rng.choices(kinds, k=8):
        fields: dict[str, object] = {}
        if kind == "new_order":
            fields = {"at": shop.facts["ends_at"], "lines": rng.randrange(1, 130)}
        elif kind == "remove_order":
            fields = {"order_id": orders.pop(rng.randrange(300, len(orders)))}
        elif kind == "edit_product":
            fields = {"product_id": rng.choice(products[:200]), "fields": {"title": "New"}}
        elif kind == "remove_product":
            fields = {"product_id": products.pop(rng.randrange(200, len(products)))}
        shopify.mutate(shop, kind, after={"requests": rng.randrange(1, PAGES), "path": "graphql"}, **fields)


@pytest.mark.parametrize("seed", range(3))
def test_orders_that_come_and_go_are_neither_missed_nor_kept(shopify: Shopify, world_of: WorldOf, seed: int) -> None:
    """Nothing missing, nothing twice, nothing that is gone: what comes after an id never shifts, and counts prove it.

    What changed after it was read is the incremental sync's: reading once more stands for that.
    """
    shop = shopify.shop(700, products=9)
    world = world_of(shop)
    disturb(shopify, shop, random.Random(seed), ("new_order", "remove_order"))

    world.run("orders")
    first = {(d.what, d.key) for d in world.wrong("orders") if d.what == "missing"}
    # What has gone is missed by two runs.
    for _ in range(2):
        world.run("orders", again=True)

    assert world.statuses() == {"orders": "completed"}
    assert first == set()
    assert world.wrong(*TABLES[:6]) == []


@pytest.mark.parametrize("requests", range(1, 7))
def test_an_order_that_goes_before_its_refunds_are_looked_up_is_no_missing_refund(
    shopify: Shopify, world_of: WorldOf, requests: int
) -> None:
    """It is gone, with its refunds: the proof of refunds is over the orders that are left."""
    shop = shopify.shop(120, products=4)
    world = world_of(shop)
    refunded = next(order["id"] for order in shopify.truth(shop, "orders") if order["refunds"])
    shopify.mutate(shop, "remove_order", order_id=refunded, after={"requests": requests, "path": "graphql"})

    world.run("orders")
    first = world.statuses()
    for _ in range(2):
        world.run("orders", again=True)

    assert first == world.statuses() == {"orders": "completed"}
    assert world.wrong(*TABLES[:6]) == []


@pytest.mark.parametrize("seed", range(2))
def test_products_that_come_and_go_are_neither_missed_nor_kept(shopify: Shopify, world_of: WorldOf, seed: int) -> None:
    shop = shopify.shop(50, products=600)
    world = world_of(shop)
    disturb(shopify, shop, random.Random(seed), ("edit_product", "remove_product"))

    world.run("listings")
    first = {(d.what, d.key) for d in world.wrong("listings") if d.what == "missing"}
    for _ in range(2):
        world.run("listings", again=True)

    assert world.statuses() == {"listings": "completed"}
    assert first == set()
    assert world.wrong("listings") == []
