"""The legacy REST API instead of GraphQL: the same rows, wherever REST has them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from execution.settings import Settings
from tests.standins.shopify import COMPLETE, Shopify
from tests.standins.stand_in import Shop
from tests.worlds.world import World

WorldOf = Callable[[Shop], World]
# REST calls an unfulfilled order nothing at all, and tells no sum of what was refunded.
NOT_IN_REST = {"fulfillment_status", "refunded_amount"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """As with SHOPIFY_READ=rest."""
    return settings.model_copy(update={"shopify_read": "rest"})


def test_orders_and_customers_read_by_rest_equal_the_source(shopify: Shopify, world_of: WorldOf) -> None:
    """Closed and cancelled orders too, by rising ids, 250 a page; refunds by the lookups of GraphQL."""
    world = world_of(shopify.shop(560, products=12))

    world.run()

    assert world.statuses() == COMPLETE
    tables = ("orders", "line_items", "order_refunds", "order_refund_lines", "listings", "listing_variants")
    tables += ("order_journals", "order_sales", "order_shipping_lines", "order_tax_lines", "order_disputes")
    tables += ("order_refund_shipping_lines", "order_refund_adjustments")
    assert [d for d in world.wrong(*tables, "customers") if d.what not in NOT_IN_REST] == []
    assert sum("/orders.json" in call["path"] for call in shopify.asked(world.shop)) >= 3


@pytest.mark.parametrize("fault", [{"kind": "rate_limit", "which": "calls"}, {"kind": "status", "status": 500}])
def test_a_refusal_of_rest_that_passes_leaves_the_tables_equal(
    shopify: Shopify, world_of: WorldOf, fault: dict[str, object]
) -> None:
    """429 with Retry-After; 500 on a heavy page, which is asked for again at half its size."""
    world = world_of(shopify.shop(520, products=4))
    shopify.fault(path="orders", every=2, times=3, **fault)  # type: ignore[arg-type]

    world.run("orders")

    assert world.statuses() == {"orders": "completed"}
    assert [d for d in world.wrong("orders", "line_items") if d.what not in NOT_IN_REST] == []


def test_what_a_webhook_names_is_read_again_by_rest(shopify: Shopify, world_of: WorldOf) -> None:
    """The notice says "orders"; which of its APIs is asked is this process's choice, and nothing is left unread."""
    world = world_of(shopify.shop(30, products=4))
    world.run("orders", "customers")
    # Closing an order moves its customer's time too, so it is this customer who is named.
    order, customer = min(
        (k, row["buyer_platform_id"]) for k, row in world.stored("orders").items() if row["buyer_platform_id"]
    )
    shopify.mutate(world.shop, "close_order", order_id=int(order))
    shopify.mutate(world.shop, "edit_customer", customer_id=int(customer), fields={"first": "Zora"})
    calls = len(shopify.asked(world.shop))

    for kind, key in (("orders", order), ("customers", customer), ("customers", "999")):
        world.app.store.rpc(
            "accept_platform_event",
            p_platform="shopify",
            p_delivery_id=f"{kind}/{key}",
            p_shop_id=world.shop.id,
            p_topic=f"{kind}/update",
            p_effect="read",
            p_kind=kind,
            p_object_ids=[key],
        )
    world.drain()

    asked = [call["path"].rpartition("/")[2] for call in shopify.asked(world.shop)[calls:]]
    assert asked[:2] == ["orders.json", "customers.json"]
    assert "Zora" in world.stored("customers")[customer]["name"]
    assert [d for d in world.wrong("orders", "customers") if d.what not in NOT_IN_REST] == []


@pytest.mark.parametrize(("refunded", "nodes"), [(False, 0), (True, 1)])
def test_a_webhook_asks_for_the_refunds_of_its_own_order_alone(
    shopify: Shopify, world_of: WorldOf, *, refunded: bool, nodes: int
) -> None:
    """REST tells no version of a refund: those of all other orders are asked for at a full read, not at each notice."""
    world = world_of(shopify.shop(120, products=4))
    world.run("orders")
    orders = shopify.truth(world.shop, "orders")
    order = next(o for o in orders if bool(o["refunds"]) == refunded and o["financial"] != "VOIDED")
    assert sum(bool(o["refunds"]) for o in orders) > 3
    calls = len(shopify.asked(world.shop))

    world.app.store.rpc(
        "accept_platform_event",
        p_platform="shopify",
        p_delivery_id="one",
        p_shop_id=world.shop.id,
        p_topic="orders/updated",
        p_effect="read",
        p_kind="orders",
        p_object_ids=[str(order["id"])],
    )
    world.drain()

    asked = [call["path"].rpartition("/")[2] for call in shopify.asked(world.shop)[calls:]]
    assert asked == ["orders.json", *["graphql.json"] * nodes]
    (pages,) = world.rows(
        "select coalesce(sum(cardinality(keys)), 0) as n from public.sync_pages as p join public.sync_jobs as j"
        " on j.id = p.job_id where j.entity = 'changes' and p.stream = 'refunds'"
    )
    assert pages["n"] == order["refunds"]


def test_customers_whom_rest_no_longer_shows_keep_what_was_known(shopify: Shopify, world_of: WorldOf) -> None:
    world = world_of(shopify.shop(30, products=4))
    world.run("customers")
    before = {key: (row["name"], row["email"], row["country"]) for key, row in world.stored("customers").items()}
    shopify.settings(customer_data="redacted")

    world.run("customers", again=True)

    after = world.stored("customers")
    assert {row["raw"].get("email") for row in after.values()} == {None}
    assert {key: (row["name"], row["email"], row["country"]) for key, row in after.items()} == before
    assert any(email for _, email, _ in before.values())
