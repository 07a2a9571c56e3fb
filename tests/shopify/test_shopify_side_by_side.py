"""A webhook's job and a backfill take turns with one shop: what one has half done is no failure of the other."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from execution.errors import Snooze
from execution.job_runner import Outcome
from execution.jobs import Job
from execution.platforms import Answer, Ask
from execution.slice_work import Client
from tests.shopify.shopify import Shop, Shopify
from tests.shopify.world import ShopifyWorld

WorldOf = Callable[[Shop], ShopifyWorld]


def work(world: ShopifyWorld, throttled: bytes) -> None:
    """Work what is due; whoever asks Shopify for this is throttled for an hour."""

    class Throttled:
        def __init__(self, client: Client) -> None:
            self._client = client
            self.download = client.download

        @property
        def sends(self) -> int:
            return self._client.sends

        def send(self, ask: Ask, /) -> Answer:
            if throttled in (ask.body or b""):
                raise Snooze("throttled", timedelta(hours=1))
            return self._client.send(ask)

    def client_of(job: Job) -> Client:
        return Throttled(world.app.client_of(job))

    runner = replace(world.app.runner(), client_of=client_of)
    while runner.work_one() is not Outcome.IDLE:
        pass


def told(world: ShopifyWorld, kind: str, object_id: str) -> None:
    """As the web process keeps a webhook."""
    world.app.store.rpc(
        "accept_platform_event",
        p_platform="shopify",
        p_delivery_id=str(uuid.uuid4()),
        p_shop_id=world.sold.id,
        p_topic=f"{kind}/update",
        p_effect="read",
        p_kind=kind,
        p_object_ids=[object_id],
    )


def test_a_refund_that_the_other_job_has_still_to_look_up_is_no_missing_one(
    shopify: Shopify, world_of: WorldOf
) -> None:
    """The backfill is about to prove; an order comes with a new refund; its own job is throttled before it is read."""
    world = world_of(shopify.shop(40, products=4))
    world.start("orders")
    work(world, throttled=b"KeeperProbe")
    order = next(o for o in shopify.truth(world.sold, "orders") if o["financial"] == "PAID" and not o["refunds"])
    shopify.mutate(world.sold, "refund_order", order_id=order["id"], amount=100)
    told(world, "orders", str(order["id"]))
    work(world, throttled=b"on Refund")
    world.rows("update public.sync_jobs set run_after = now() where entity = 'orders' returning 1")

    work(world, throttled=b"nothing")

    assert world.job("changes")["status"] == "parked"
    assert world.job("orders")["status"] == "completed", world.error("orders")


def test_customers_that_may_not_be_read_keep_no_other_change_from_being_read(
    shopify: Shopify, world_of: WorldOf
) -> None:
    """Their own entity tells the seller. Here variants and refunds come after them, and the notices are done with."""
    shopify.settings(customer_data="denied")
    world = world_of(shopify.shop(20, products=4))
    product, customer = (str(shopify.truth(world.sold, kind)[0]["id"]) for kind in ("products", "customers"))
    told(world, "customers", customer)
    told(world, "products", product)

    work(world, throttled=b"nothing")

    assert world.job("changes")["status"] == "completed", world.error("changes")
    assert {row["listing_platform_id"] for row in world.stored("listing_variants").values()} == {product}
    assert world.rows("select 1 from private.platform_events where worked_at is null") == []
