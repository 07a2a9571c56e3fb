"""A shop that is disconnected: the tokens go here in any case, and Shopify is told to take the app away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from execution.app import App
from execution.keyring import AssociatedData
from tests.standins.shopify import Shopify
from tests.standins.stand_in import Shop
from tests.worlds.world import World, make_world

WorldOf = Callable[[Shop], World]


def stored_tokens(db: psycopg.Connection[Any]) -> list[Any]:
    return db.execute("select connection_id from private.platform_tokens").fetchall()


def answers_to(shopify: Shopify, access_token: str) -> int:
    """What Shopify says to whoever still has this token."""
    headers = {"x-shopify-access-token": access_token}
    asked = {"query": "{ shop { id } }"}
    return shopify.http.post("/admin/api/2026-10/graphql.json", json=asked, headers=headers).status_code


def test_the_app_is_uninstalled_and_its_tokens_are_dead_on_both_sides(
    app: App, db: psycopg.Connection[Any], shopify: Shopify, world_of: WorldOf
) -> None:
    world = world_of(shopify.shop(3))
    before = answers_to(shopify, world.shop.access_token)

    result = app.disconnector.disconnect(user_id=world.user_id, connection_id=world.only.connection_id)

    assert result == {"disconnected": True, "revoked": True}
    assert (before, answers_to(shopify, world.shop.access_token)) == (200, 401)
    assert stored_tokens(db) == []


def test_a_token_that_died_of_age_is_refreshed_once_to_take_leave(
    app: App, db: psycopg.Connection[Any], shopify: Shopify, world_of: WorldOf
) -> None:
    """Shopify's tokens live an hour: whoever disconnects an idle shop has none that is good."""
    world = world_of(shopify.shop(3))
    old = shopify.control("POST", "/tokens", shop_id=world.shop.number, expires_in=-1)["access_token"]
    (connection_id,) = db.execute("select connection_id::text from private.platform_tokens").fetchone() or ("",)
    place = AssociatedData(user_id=world.user_id, platform="shopify", connection_id=connection_id, field="access_token")
    db.execute("update private.platform_tokens set access_token = %s", (app.keyring.encrypt(old, place),))

    result = app.disconnector.disconnect(user_id=world.user_id, connection_id=world.only.connection_id)

    assert result == {"disconnected": True, "revoked": True}
    assert len(shopify.refreshes(world.shop)) == 1
    assert answers_to(shopify, world.shop.access_token) == 401


def test_of_two_who_hold_one_shop_the_last_takes_the_app_away(
    app: App, db: psycopg.Connection[Any], shopify: Shopify, world_of: WorldOf
) -> None:
    """An app that is taken out of a shop is taken from all who connected it."""
    world = world_of(shopify.shop(3))
    other = make_world(app, db, (shopify, world.shop))

    first = app.disconnector.disconnect(user_id=world.user_id, connection_id=world.only.connection_id)
    between = answers_to(shopify, world.shop.access_token)
    other.run("orders")
    last = app.disconnector.disconnect(user_id=other.user_id, connection_id=other.only.connection_id)

    assert first == {"disconnected": True, "revoked": False}
    assert between == 200
    assert other.statuses() == {"orders": "completed"}
    assert last == {"disconnected": True, "revoked": True}
    assert answers_to(shopify, world.shop.access_token) == 401


def test_taking_leave_is_booked_like_any_other_call(app: App, shopify: Shopify, world_of: WorldOf) -> None:
    world = world_of(shopify.shop(3))

    app.disconnector.disconnect(user_id=world.user_id, connection_id=world.only.connection_id)

    (bucket,) = app.valkey.scan_iter("keeper:*:points")
    level, maximum = app.valkey.hmget(bucket, "level", "maximum")
    assert float(level) == float(maximum) - shopify.asked(world.shop)[-1]["cost"]


@pytest.mark.parametrize("gone", [True, False], ids=["the app was removed before", "Shopify is away"])
def test_a_shopify_that_does_not_obey_keeps_no_token_with_us(
    app: App, db: psycopg.Connection[Any], shopify: Shopify, world_of: WorldOf, *, gone: bool
) -> None:
    world = world_of(shopify.shop(3))
    if gone:
        shopify.control("POST", "/tokens/revoke", shop_id=world.shop.number)
    else:
        shopify.fault(kind="status", status=503, path="", times=9)

    result = app.disconnector.disconnect(user_id=world.user_id, connection_id=world.only.connection_id)

    assert result == {"disconnected": True, "revoked": False}
    assert stored_tokens(db) == []
    assert db.execute("select status from public.connected_accounts").fetchall() == [("disconnected",)]
