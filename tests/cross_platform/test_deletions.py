"""What is gone is missed twice by different runs, very much at once is a question, and one call brings it back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import psycopg
import pytest

from execution import operations
from execution.app import App
from execution.brake import DeletionBrake
from execution.errors import UserError
from execution.reports import deletions
from execution.settings import HistoryWindow
from tests.standins.etsy import Etsy
from tests.standins.printify import Printify
from tests.standins.shopify import Shopify
from tests.worlds.rounds import due, make_whole_due, round_of
from tests.worlds.world import World, make_world

LISTINGS = "listings$"


@pytest.fixture
def world(app: App, db: psycopg.Connection[Any], etsy: Etsy) -> World:
    world = make_world(app, db, (etsy, etsy.shop(5, listings=60)))
    world.run("listings")
    return world


def read_again(world: World) -> None:
    """Another run reads all of it."""
    world.run("listings", again=True)
    assert world.statuses()["listings"] == "completed"


def remove(world: World, etsy: Etsy, number: int) -> set[str]:
    keys = [listing["listing_id"] for listing in etsy.truth(world.shop, "listings")[:number]]
    for key in keys:
        etsy.mutate(world.shop, "remove_listing", listing_id=key)
    return {str(key) for key in keys}


def run_of(world: World) -> str:
    return str(world.job("listings")["run_id"])


def test_a_list_that_is_empty_for_one_reading_deletes_nothing(
    app: App, db: psycopg.Connection[Any], etsy: Etsy
) -> None:
    """Also where the brake would let all of it go. What it shows again is missed no more: the next such reading is the
    first sighting.
    """
    world = make_world(app, db, (etsy, etsy.shop(5, listings=DeletionBrake.load().number - 5)))
    world.run("listings")
    before = world.stored("listings")
    for _ in range(2):
        etsy.fault("status", path=LISTINGS, status=200, body={"count": 0, "results": []})
        read_again(world)
        etsy.control("DELETE", "/faults")
        assert world.stored("listings").keys() == before.keys()
        read_again(world)

    assert world.stored("listings").keys() == before.keys()
    assert world.rows("select * from private.missing_records") == []
    assert deletions.held(world.app.store) == []


def test_what_is_gone_goes_at_the_second_sighting_and_comes_back_when_it_is_shown(world: World, etsy: Etsy) -> None:
    gone = remove(world, etsy, 3)
    read_again(world)
    assert gone <= world.stored("listings").keys()
    first = run_of(world)

    read_again(world)
    assert gone.isdisjoint(world.stored("listings"))
    assert world.wrong("listings") == []
    missed = world.rows("select distinct run_id::text as first, gone_run::text as gone from private.missing_records")
    assert missed == [{"first": first, "gone": run_of(world)}]


def test_one_that_was_fetched_between_two_sightings_was_there(world: World, etsy: Etsy) -> None:
    (gone,) = remove(world, etsy, 1)
    read_again(world)
    # As a webhook's job, or a round, would have brought it.
    world.db.execute("update public.listings set fetched_at = clock_timestamp() where platform_id = %s", (gone,))

    read_again(world)
    assert gone in world.stored("listings")
    read_again(world)
    assert gone not in world.stored("listings")


def test_half_a_shop_missing_twice_is_a_question_and_nothing_goes(world: World, etsy: Etsy) -> None:
    before = world.stored("listings")
    gone = remove(world, etsy, 30)
    read_again(world)
    assert deletions.held(world.app.store) == []
    read_again(world)

    (held,) = deletions.held(world.app.store, world.user_id)
    assert (held["entity"], held["held"], held["stored"]) == ("listings", 30, len(before))
    assert world.stored("listings").keys() == before.keys()
    assert world.app.store.rpc("pipeline_health")["deletions_held"] == 1
    # Told once, however often it is read again.
    read_again(world)
    (held,) = deletions.held(world.app.store, world.user_id)
    (told_of,) = world.rows("select data from private.outbox where type = 'deletions.held'")
    assert told_of["data"]["deletion_id"] == held["id"]
    assert {"held": 30, "stored": len(before)}.items() <= told_of["data"].items()
    with pytest.raises(UserError, match="wait for you"):
        deletions.decide(world.app.store, user_id=make_stranger(world), number=held["id"], decision="confirmed")

    told = deletions.decide(world.app.store, user_id=world.user_id, number=held["id"], decision="confirmed")

    assert told["gone"] == 30
    assert gone.isdisjoint(world.stored("listings"))
    assert world.wrong("listings") == []

    back = deletions.restore(world.app.store, user_id=world.user_id, run_id=held["run_id"])

    assert back["restored"] == 30
    assert world.stored("listings") == before | world.stored("listings")
    assert deletions.held(world.app.store) == []


def test_what_is_dismissed_is_sighted_anew(world: World, etsy: Etsy) -> None:
    before = world.stored("listings").keys()
    remove(world, etsy, 30)
    read_again(world)
    read_again(world)
    (held,) = deletions.held(world.app.store, world.user_id)

    deletions.decide(world.app.store, user_id=world.user_id, number=held["id"], decision="dismissed")
    read_again(world)
    assert deletions.held(world.app.store) == []
    read_again(world)

    assert [one["held"] for one in deletions.held(world.app.store)] == [30]
    assert world.stored("listings").keys() == before


def test_a_question_is_over_when_the_platform_shows_them_again(world: World, etsy: Etsy) -> None:
    before = world.stored("listings").keys()
    for _ in range(2):
        etsy.fault("status", path=LISTINGS, status=200, body={"count": 0, "results": []})
        read_again(world)
        etsy.control("DELETE", "/faults")
    assert len(deletions.held(world.app.store)) == 1

    read_again(world)

    assert deletions.held(world.app.store) == []
    assert world.stored("listings").keys() == before


def test_after_a_first_sighting_the_whole_is_read_again_soon(world: World, etsy: Etsy) -> None:
    """As soon as the directive declares, and not a day later."""
    (rest,) = world.db.execute("select private.sighting_rest()").fetchone() or ()
    assert rest == DeletionBrake.load().again
    remove(world, etsy, 1)
    round_of(world, "listings")
    (now,) = world.db.execute("select now()").fetchone() or ()

    assert due(world)["listings"] <= now + rest
    round_of(world, "listings")
    assert world.wrong("listings") == []


def test_a_restored_order_has_all_that_came_with_it(app: App, db: psycopg.Connection[Any], shopify: Shopify) -> None:
    """Triggers took its refunds along, and what hangs on them."""
    world = make_world(app, db, (shopify, shopify.shop(12, products=4)))
    world.run("orders")
    tables = ("orders", "line_items", "order_refunds", "order_refund_lines", "order_transactions", "order_fulfillments")
    refunded = world.rows("select order_platform_id from public.order_refunds")[0]["order_platform_id"]
    before = {table: world.stored(table).keys() for table in tables}
    shopify.mutate(world.shop, "remove_order", order_id=int(refunded))
    for _ in range(2):
        make_whole_due(world)
        round_of(world, "orders")
    assert world.wrong("orders", "line_items", "order_refunds") == []
    (run,) = world.rows("select distinct gone_run::text as id from private.missing_records")

    operations_restored = deletions.restore(app.store, user_id=world.user_id, run_id=run["id"])

    assert {table: world.stored(table).keys() for table in tables} == before
    assert operations_restored["restored"] >= 3


def test_what_an_event_closed_comes_back_too(app: App, db: psycopg.Connection[Any], printify: Printify) -> None:
    world = make_world(app, db, (printify, printify.shop(2, listings=5)))
    world.run("products")
    before = {table: world.stored(table).keys() for table in ("printify_products", "printify_variants")}
    key = str(printify.truth(world.shop, "products")[0]["id"])
    printify.mutate(world.shop, "remove_product", product_id=key)
    app.store.rpc(
        "accept_platform_event", p_platform="printify", p_delivery_id="one", p_shop_id=world.shop.id,
        p_topic="product:deleted", p_effect="gone", p_kind="products", p_object_ids=[key],
    )  # fmt: skip
    world.drain()
    assert key not in world.stored("printify_products")
    (run,) = world.rows("select distinct gone_run::text as id from private.missing_records")

    deletions.restore(app.store, user_id=world.user_id, run_id=run["id"])

    assert {table: world.stored(table).keys() for table in before} == before


def test_an_order_line_keeps_the_product_that_is_deleted(
    app: App, db: psycopg.Connection[Any], shopify: Shopify
) -> None:
    """Shopify takes its id out of every line that is read again."""
    world = make_world(app, db, (shopify, shopify.shop(12, products=4)))
    world.run("orders")
    line = next(row for row in world.stored("line_items").values() if row["listing_platform_id"])
    shopify.mutate(world.shop, "remove_product", product_id=int(line["listing_platform_id"]))
    shopify.mutate(world.shop, "update_order", order_id=int(line["order_platform_id"]))

    world.run("orders", again=True)
    operations.remap(app, user_id=world.user_id, platform="shopify", entity="orders")

    again = world.stored("line_items")[line["platform_id"]]
    assert again["raw"]["product"] == {"id": None}
    assert (again["listing_platform_id"], again["product_platform_id"]) == (
        line["listing_platform_id"],
        line["product_platform_id"],
    )


def make_stranger(world: World) -> str:
    return str(
        world.rows("insert into auth.users (id, email) values (gen_random_uuid(), 'x@y.z') returning id")[0]["id"]
    )


def test_what_a_platform_has_forgotten_is_not_gone(app: App, db: psycopg.Connection[Any], shopify: Shopify) -> None:
    """Without `read_all_orders` Shopify shows sixty days of orders: what is older is not shown, and says nothing."""
    scopes = ["read_orders", "read_products", "read_customers", "read_inventory", "read_locations"]
    world = make_world(app, db, (shopify, shopify.shop(12, products=4, scopes=scopes)))
    runner = replace(app.runner(), history=HistoryWindow(days=55))
    world.start("orders")
    world.drain(runner)
    assert world.statuses() == {"orders": "completed"}, world.error("orders")
    old, young = sorted(world.stored("orders"))[:2]
    for key in (old, young):
        shopify.mutate(world.shop, "remove_order", order_id=int(key))
    # As it stands ten days after the sixty: made then, and sold within the window, so that nothing else spares it.
    world.db.execute(
        "update public.orders set raw = raw || jsonb_build_object('createdAt', now() - interval '70 days')"
        " where platform_id = %s and user_id = %s",
        (old, world.user_id),
    )

    for _ in range(2):
        world.start("orders", again=True)
        world.drain(runner)
        assert world.statuses() == {"orders": "completed"}, world.error("orders")

    assert old in world.stored("orders")
    assert young not in world.stored("orders")
