"""A right that is missing ends what needs it, by name and without a call; the others go on to their certificates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from execution import operations
from execution.app import App
from execution.catalog import PLATFORMS
from execution.errors import UserError
from tests.standins.etsy import Etsy
from tests.standins.printify import Printify
from tests.standins.shopify import Shopify
from tests.standins.square import Square
from tests.standins.stand_in import Shop, StandIn
from tests.worlds.world import World, make_world

WorldWith = Callable[[str, "set[str]"], World]
IDENTITY = {"etsy": "shops_r", "printify": "shops.read", "square": "APPOINTMENTS_BUSINESS_SETTINGS_READ"}
RIGHTS = [
    (name, right)
    for name, platform in PLATFORMS.items()
    for right in platform.rights.of(step for entity in platform.entities() for step in entity.steps)
]


Made = dict[str, tuple[StandIn, dict[str, Any]]]


@pytest.fixture
def made(etsy: Etsy, printify: Printify, shopify: Shopify, square: Square) -> Made:
    return {
        "etsy": (etsy, {"orders": 20, "listings": 8}),
        "printify": (printify, {"orders": 12}),
        "shopify": (shopify, {"orders": 20, "products": 4}),
        "square": (square, {"orders": 20, "locations": 1, "payout_days": 31}),
    }


@pytest.fixture
def world_with(app: App, db: psycopg.Connection[Any], made: Made) -> WorldWith:
    """A world of one shop on this platform, of which these rights were granted."""

    def connected(platform: str, rights: set[str]) -> World:
        stand_in, fields = made[platform]
        return make_world(app, db, (stand_in, stand_in.shop(**fields, scopes=sorted(rights))))

    return connected


def all_of(platform: str) -> set[str]:
    consent = PLATFORMS[platform].consent
    assert consent is not None
    more = {"read_all_orders"} if platform == "shopify" else set()
    return set(consent.scopes) | more


def without(platform: str, right: str) -> tuple[set[str], set[str]]:
    """Entities that need this right themselves, and those that do not."""
    found = PLATFORMS[platform]
    lost = {entity.name for entity in found.entities() if right in found.rights.of(entity.steps)}
    return lost, {entity.name for entity in found.entities()} - lost


def granted_anew(world: World) -> None:
    """The seller reconnects, and allows everything that is asked for."""
    shop, stand_in = world.shop, world.only.stand_in
    # Whoever clicks has waited some seconds.
    world.wake()
    made = stand_in.control("POST", "/tokens", shop_id=shop.number, scopes=sorted(all_of(stand_in.platform)))
    fresh = Shop(
        id=shop.id,
        number=shop.number,
        access_token=made["access_token"],
        refresh_token=made["refresh_token"],
        facts=shop.facts,
    )
    operations.connect(world.app, user_id=world.user_id, **stand_in.connecting(fresh))


def check_lost(world: World, right: str) -> set[str]:
    lost, kept = without(world.only.platform, right)
    for entity in lost:
        status, code, message = world.error(entity)
        assert (status, code) == ("failed", "right_missing")
        assert right in message
    statuses = world.statuses()
    following = {name for name in kept if statuses[name] == "failed"}
    assert all(world.error(name)[1] == "source_incomplete" for name in following)
    assert {statuses[name] for name in kept - following} <= {"completed"}
    (account,) = world.rows("select status from public.connected_accounts")
    assert account["status"] == "connected"
    return lost


@pytest.mark.parametrize(("platform", "right"), RIGHTS)
def test_a_right_that_is_missing_ends_what_needs_it_alone(world_with: WorldWith, platform: str, right: str) -> None:
    """Known from the start: no call. Once it is granted the next start reads what was missing, and all is there."""
    world = world_with(platform, all_of(platform) - {right})

    world.run()

    lost = check_lost(world, right)
    assert all(world.job(entity)["calls_used"] == 0 for entity in lost)
    facts = operations.status(world.app, user_id=world.user_id, platform=None)
    assert facts["backfill_status"] == "failed"
    assert {one["code"] for one in facts["failures"]} <= {"right_missing", "source_incomplete"}

    granted_anew(world)
    world.run()

    assert set(world.statuses().values()) == {"completed"}
    assert world.wrong() == []


@pytest.mark.parametrize(("platform", "right"), RIGHTS)
def test_a_platform_that_tells_no_rights_is_asked(world_with: WorldWith, platform: str, right: str) -> None:
    """The stand-in refuses; said twice it is believed of this entity, and of no other."""
    world = world_with(platform, all_of(platform) - {right})
    world.db.execute("update private.platform_tokens set rights = null")

    world.run(*without(platform, right)[0])

    for entity in without(platform, right)[0]:
        assert world.error(entity)[:2] == ("failed", "right_missing")
        assert right in world.error(entity)[2]


@pytest.mark.parametrize("platform", ["etsy", "shopify", "square", "printify"])
def test_a_shop_of_which_nothing_may_be_read_is_refused_by_name(world_with: WorldWith, platform: str) -> None:
    granted = {IDENTITY.get(platform, "read_locations")}
    needed = {right for name, right in RIGHTS if name == platform}

    with pytest.raises(UserError) as raised:
        world_with(platform, granted)

    assert raised.value.code == "nothing_readable"
    assert all(right in str(raised.value) for right in needed)


def test_who_may_not_be_asked_whose_shop_it_is_connects_as_well(world_with: WorldWith) -> None:
    """Etsy's getMe needs a right of its own; the owner is named by the token."""
    world = world_with("etsy", {"transactions_r"})

    world.run()

    assert world.statuses() == {"orders": "completed", "listings": "failed", "payments": "completed",
                                "customers": "completed"}  # fmt: skip


def test_what_is_missing_is_told_when_a_shop_is_connected(world_with: WorldWith) -> None:
    world = world_with("shopify", all_of("shopify") - {"read_customers"})

    again = operations.connect(world.app, user_id=world.user_id, **world.only.stand_in.connecting(world.shop))

    assert again["missing_rights"] == ["read_customers"]


def test_orders_that_were_read_without_their_buyers_are_read_again(world_with: WorldWith) -> None:
    world = world_with("shopify", all_of("shopify") - {"read_customers"})
    world.run("orders")
    assert {row["buyer_platform_id"] for row in world.stored("orders").values()} == {None}

    granted_anew(world)
    world.run("orders")

    assert world.wrong("orders", "line_items") == []
    assert any(row["buyer_platform_id"] for row in world.stored("orders").values())


def test_orders_are_read_without_their_buyers_where_the_platform_had_told_no_rights(world_with: WorldWith) -> None:
    """The refusal of a part is news: Shopify is asked what was granted, and the rest is read."""
    world = world_with("shopify", all_of("shopify") - {"read_customers"})
    world.db.execute("update private.platform_tokens set rights = null")

    world.run("orders")

    assert world.statuses() == {"orders": "completed"}
    assert len(world.stored("orders")) == 20
