"""A webhook's job and a backfill take turns with one shop: what one has half done is no failure of the other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from execution.errors import Snooze
from execution.http.messages import Request, Response, Send
from tests.standins.shopify import Shopify
from tests.standins.stand_in import Shop
from tests.worlds.slices_by_hand import Through, notify, work_due
from tests.worlds.world import World

WorldOf = Callable[[Shop], World]


def throttled(body: bytes) -> Through:
    """Whoever asks Shopify for this is throttled for an hour."""

    def through(send: Send, request: Request) -> Response:
        if body in (request.body or b""):
            raise Snooze("throttled", timedelta(hours=1), code="throttled")
        return send(request)

    return through


def test_a_refund_that_the_other_job_has_still_to_look_up_is_no_missing_one(
    shopify: Shopify, world_of: WorldOf
) -> None:
    """The backfill is about to prove; an order comes with a new refund; its own job is throttled before it is read."""
    world = world_of(shopify.shop(40, products=4))
    world.start("orders")
    work_due(world, throttled(b"KeeperProbe"))
    order = next(o for o in shopify.truth(world.shop, "orders") if o["financial"] == "PAID" and not o["refunds"])
    shopify.mutate(world.shop, "refund_order", order_id=order["id"], amount=100)
    notify(world, "orders/update", "read", str(order["id"]), p_kind="orders")
    work_due(world, throttled(b"on Refund"))
    world.rows("update public.sync_jobs set run_after = now() where entity = 'orders' returning 1")

    work_due(world)

    assert world.job("changes")["status"] == "parked"
    assert world.job("orders")["status"] == "completed", world.error("orders")


def test_customers_that_may_not_be_read_keep_no_other_change_from_being_read(
    shopify: Shopify, world_of: WorldOf
) -> None:
    """Their own entity tells the seller. Here variants and refunds come after them, and the notices are done with."""
    shopify.settings(customer_data="denied")
    world = world_of(shopify.shop(20, products=4))
    product, customer = (str(shopify.truth(world.shop, kind)[0]["id"]) for kind in ("products", "customers"))
    notify(world, "customers/update", "read", customer, p_kind="customers")
    notify(world, "products/update", "read", product, p_kind="products")

    work_due(world)
    # A refusal is believed when it is said twice.
    assert world.job("changes")["status"] == "parked"
    world.wake()
    work_due(world)

    assert world.job("changes")["status"] == "completed", world.error("changes")
    assert {row["listing_platform_id"] for row in world.stored("listing_variants").values()} == {product}
    assert world.rows("select 1 from private.platform_events where worked_at is null") == []
