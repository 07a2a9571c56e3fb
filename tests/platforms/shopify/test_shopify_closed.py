"""What was deleted, or asked to be forgotten, while a page with it was on its way: the page brings nothing back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.standins.shopify import Shopify
from tests.standins.stand_in import Shop
from tests.worlds.slices_by_hand import interrupt, notify
from tests.worlds.world import World

WorldOf = Callable[[Shop], World]
MEMBER = {"orders": "order_id", "products": "product_id", "customers": "customer_id"}


def remove(shopify: Shopify, world: World, kind: str, key: str) -> None:
    """It is deleted in the shop, and Shopify says so."""
    name = MEMBER[kind]
    shopify.mutate(world.shop, f"remove_{name.removesuffix('_id')}", **{name: int(key)})
    notify(world, f"{kind}/delete", "gone", key, p_kind=kind)


@pytest.mark.parametrize("known", [True, False], ids=["known", "new"])
@pytest.mark.parametrize(("kind", "table"), [("products", "listings"), ("orders", "orders"), ("customers",) * 2])
def test_what_is_deleted_while_its_page_is_on_the_way_stays_deleted(
    shopify: Shopify, world_of: WorldOf, *, kind: str, table: str, known: bool
) -> None:
    """It changed, it was fetched, and then it was deleted: the page was true once, and comes too late."""
    world = world_of(shopify.shop(30, products=6))
    if known:
        world.run("orders", "listings", "variants", "customers")
    key = str(shopify.truth(world.shop, kind)[0]["id"])
    world.db.execute(f"update public.{table} set source_updated_at = '2001-01-01', content_hash = 1")
    notify(world, f"{kind}/updated", "read", key, p_kind=kind)

    interrupt(world, lambda: remove(shopify, world, kind, key))
    world.wake()
    world.drain()  # that its refunds are gone is believed when it is said twice

    assert world.statuses()["changes"] == "completed"
    assert key not in world.stored(table)
    assert key not in {row["order_platform_id"] for row in world.stored("line_items").values()}
    assert len(world.stored(table)) == (len(shopify.truth(world.shop, kind)) if known else 0)


@pytest.mark.parametrize(("kind", "table"), [("products", "listings"), ("orders", "orders"), ("customers",) * 2])
def test_what_is_said_to_be_deleted_and_is_not_stays(
    shopify: Shopify, world_of: WorldOf, *, kind: str, table: str
) -> None:
    """The topic is a header, which nothing signs: what was signed when it changed comes as its deletion."""
    world = world_of(shopify.shop(30, products=6))
    world.run("orders", "listings", "variants", "customers")
    before = set(world.stored(table))
    key = str(shopify.truth(world.shop, kind)[0]["id"])

    notify(world, f"{kind}/delete", "gone", key, "999", p_kind=kind)
    world.drain()

    assert world.statuses()["changes"] == "completed"
    assert set(world.stored(table)) == before
    assert world.wrong() == []


def test_a_product_that_is_deleted_while_its_variants_are_on_the_way_takes_them_along(
    shopify: Shopify, world_of: WorldOf
) -> None:
    world = world_of(shopify.shop(3, products=6))
    key = str(shopify.truth(world.shop, "products")[0]["id"])
    notify(world, "products/create", "read", key, p_kind="products")

    interrupt(world, lambda: remove(shopify, world, "products", key), answer=2)

    assert len(world.rows("select 1 from public.listing_variants where listing_platform_id = %s", key)) > 0
    assert world.stored("listing_variants") == {}


def test_who_is_forgotten_while_a_page_is_on_the_way_stays_forgotten(shopify: Shopify, world_of: WorldOf) -> None:
    """Nor does a record that was rejected before bring them back."""
    world = world_of(shopify.shop(30, products=6))
    world.run("customers")
    key, known = next((key, row) for key, row in world.stored("customers").items() if row["email"])
    world.db.execute("update public.customers set source_updated_at = '2001-01-01', content_hash = 1")
    notify(world, "customers/update", "read", key, p_kind="customers")

    interrupt(world, lambda: notify(world, "customers/redact", "redact_customer", key))

    kept = world.stored("customers")[key]
    assert (kept["name"], kept["email"], kept["raw"]) == (None, None, {})
    assert known["email"] not in str(world.rows("select * from public.customers where platform_id = %s", key))


def test_who_is_to_be_forgotten_may_be_named_by_an_address_alone(shopify: Shopify, world_of: WorldOf) -> None:
    """Also in records that could not be mapped. Of somebody whom nobody finds, people have to make sure."""
    world = world_of(shopify.shop(30, products=6))
    world.run("customers")
    key, known = next((key, row) for key, row in world.stored("customers").items() if row["email"])
    world.rows(
        "insert into public.rejected_records (connection_id, user_id, platform, entity, stream, shape, run_id,"
        " platform_id, reason, sqlstate, raw, fetched_at)"
        " select connection_id, user_id, platform, 'customers', 'customers', 'customers', sync_run_id, platform_id,"
        " 'x', '22000', convert_to(email, 'UTF8'), now() from public.customers where platform_id = %s returning 1",
        key,
    )

    for email in (known["email"].upper(), "nobody@example.com"):
        notify(world, "customers/redact", "redact_customer", p_email=email)

    kept = world.stored("customers")[key]
    assert (kept["name"], kept["email"], kept["raw"]) == (None, None, {})
    assert world.rejected() == []
    done = world.rows("select done_at is not null as done from private.privacy_requests order by id")
    assert [row["done"] for row in done] == [True, False]


def test_an_order_that_is_deleted_takes_all_that_came_with_it(shopify: Shopify, world_of: WorldOf) -> None:
    world = world_of(shopify.shop(60, products=6))
    world.run("orders")
    order = next(order for order in shopify.truth(world.shop, "orders") if order["refunds"])
    shopify.mutate(world.shop, "remove_order", order_id=order["id"])

    notify(world, "orders/delete", "gone", str(order["id"]), p_kind="orders")
    world.drain()

    tables = ("orders", "line_items", "order_transactions", "order_fulfillments", "order_refunds", "order_refund_lines")
    assert world.wrong(*tables) == []
