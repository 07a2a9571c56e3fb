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


def test_a_refund_that_the_other_job_has_still_to_look_up_is_no_missing_one(
    shopify: Shopify, world_of: WorldOf
) -> None:
    """The backfill is about to prove; an order comes with a new refund; its own job is throttled before it is read."""
    world = world_of(shopify.shop(40, products=4))
    world.start("orders")
    work(world, throttled=b"KeeperProbe")
    order = next(o for o in shopify.truth(world.sold, "orders") if o["financial"] == "PAID" and not o["refunds"])
    shopify.mutate(world.sold, "refund_order", order_id=order["id"], amount=100)
    world.app.store.rpc(
        "accept_platform_event",
        p_platform="shopify",
        p_delivery_id=str(uuid.uuid4()),
        p_shop_id=world.sold.id,
        p_topic="orders/updated",
        p_effect="read",
        p_kind="orders",
        p_object_ids=[str(order["id"])],
    )
    work(world, throttled=b"on Refund")
    world.rows("update public.sync_jobs set run_after = now() where entity = 'orders' returning 1")

    work(world, throttled=b"nothing")

    assert world.job("changes")["status"] == "parked"
    assert world.job("orders")["status"] == "completed", world.error("orders")
