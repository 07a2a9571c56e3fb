"""Personal data that Shopify does not show (sheet 2.5): no approval erases nothing, a wish to be forgotten does."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from execution import operations
from tests.standins.shopify import Shopify
from tests.standins.stand_in import Shop
from tests.worlds.world import World

WorldOf = Callable[[Shop], World]


def people(world: World) -> dict[str, tuple[Any, ...]]:
    return {key: (row["name"], row["email"], row["country"]) for key, row in world.stored("customers").items()}


def read_again(world: World) -> None:
    world.run("customers", again=True)


def test_customers_without_approval_keep_what_was_known_of_them(shopify: Shopify, world_of: WorldOf) -> None:
    """Neither reading them again nor deriving the columns again takes it away."""
    world = world_of(shopify.shop(60, products=4))
    world.run("customers")
    before = people(world)
    shopify.settings(customer_data="redacted")

    read_again(world)
    read = people(world)
    operations.remap(world.app, user_id=world.user_id, platform="shopify", entity="customers")

    assert sum(email is not None for _, email, _ in before.values()) > 10
    assert {row["raw"]["firstName"] for row in world.stored("customers").values()} == {None}
    assert read == before
    assert people(world) == before
    assert world.statuses() == {"customers": "completed"}


def test_an_approval_that_comes_later_fills_what_was_empty(shopify: Shopify, world_of: WorldOf) -> None:
    shopify.settings(customer_data="redacted")
    world = world_of(shopify.shop(60, products=4))
    world.run("customers")
    before = people(world)
    shopify.settings(customer_data="open")

    read_again(world)

    assert {email for _, email, _ in before.values()} == {None}
    assert world.wrong("customers") == []


def test_who_asked_to_be_forgotten_stays_forgotten(shopify: Shopify, world_of: WorldOf) -> None:
    """`customers/redact` erases; what Shopify shows of them from then on brings nothing back."""
    world = world_of(shopify.shop(60, products=4))
    world.run("customers")
    key = next(key for key, (_, email, _) in people(world).items() if email)
    world.app.store.rpc(
        "accept_platform_event",
        p_platform="shopify",
        p_delivery_id=str(uuid.uuid4()),
        p_shop_id=world.shop.id,
        p_topic="customers/redact",
        p_effect="redact_customer",
        p_object_ids=[key],
    )
    erased = people(world)[key]
    shopify.settings(customer_data="redacted")

    read_again(world)

    assert erased[:2] == (None, None)
    assert people(world)[key][1] is None
    assert "Customer" in people(world)[key][0]
