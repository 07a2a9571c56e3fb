"""Rounds by themselves, without a whole reading, end as the source for all that they can see; wrong ones are caught.

Each variant is a mistake that others have made (no lookback, `>` for `>=`, a cursor at the greatest that was seen,
payloads believed), planted into the product, and has to be seen within the few histories that every run takes.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from execution import verification
from execution.app import App
from execution.jobs import Job
from execution.pagination.paginator import Bounds
from execution.slices.slice_work import SliceWork
from tests.standins.etsy import Etsy
from tests.standins.shopify import Shopify
from tests.standins.stand_in import Shop, StandIn
from tests.worlds.rounds import a_while_ago, round_of
from tests.worlds.world import World, make_world

SEEDS = range(2)
STEPS = 6
TABLES = ("orders", "line_items", "order_refunds")
Believe = Callable[[World, dict[str, Any]], None]


@pytest.fixture
def world(app: App, db: psycopg.Connection[Any], shopify: Shopify) -> World:
    world = make_world(app, db, (shopify, shopify.shop(8, products=4)))
    world.run("orders")
    return world


def change(stand_in: StandIn, shop: Shop, kind: str, at: int, **fields: Any) -> Mapping[str, Any]:
    answer = stand_in.http.post(f"/_sandbox/shops/{shop.number}/mutations", json={"at": at, "kind": kind, **fields})
    assert answer.status_code == 200, answer.text
    result: Mapping[str, Any] = answer.json()["result"]
    return result


def stamps(world: World, rng: random.Random) -> list[int]:
    """When something may be stamped that can be read only now: any time that rounds still promise to see, its first
    second too.
    """
    first = int(world.only.watermark("orders").timestamp())
    return [first, a_while_ago(90), rng.randrange(first, a_while_ago(90))]


def followed(world: World, stand_in: StandIn, seed: int) -> list[Any]:
    """Changes and rounds in turns; what is not as the source after the last round. No order is changed twice, so that
    nothing mends what was missed.
    """
    rng = random.Random(seed)
    for number in range(STEPS):
        at = rng.choice(stamps(world, rng)) if number else stamps(world, rng)[0]
        if rng.random() < 0.5:
            change(stand_in, world.shop, "new_order", at)
        else:
            change(stand_in, world.shop, "update_order", at, order_id={"index": number})
        round_of(world, "orders")
    return world.wrong(*TABLES)


def without_lookback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        verification, "_watermark", lambda _job, window: datetime.fromtimestamp(window.end, UTC) - timedelta(seconds=0)
    )


def beyond_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """`>` where `>=` has to stand."""
    right = SliceWork._freeze

    def frozen(work: SliceWork) -> Bounds:
        bounds = right(work)
        return replace(bounds, start=bounds.start + 1) if work._job.entity.in_round else bounds

    monkeypatch.setattr(SliceWork, "_freeze", frozen)


def cursor_at_the_greatest(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    right = verification._watermark

    def greatest(job: Job, window: Bounds) -> datetime:
        (row,) = world.rows("select max(source_updated_at) as seen from public.orders")
        return max(right(job, window), min(row["seen"], datetime.fromtimestamp(window.end, UTC)))

    monkeypatch.setattr(verification, "_watermark", greatest)


@pytest.mark.parametrize("seed", SEEDS)
def test_rounds_alone_see_whatever_is_stamped_within_their_lookback(world: World, shopify: Shopify, seed: int) -> None:
    assert followed(world, shopify, seed) == []


@pytest.mark.parametrize("variant", ["without lookback", "beyond the bound", "cursor at the greatest"])
def test_a_wrong_round_is_caught(world: World, shopify: Shopify, monkeypatch: pytest.MonkeyPatch, variant: str) -> None:
    # Stamps are of what the right rounds promise.
    promised = verification._watermark
    bounds: dict[str, datetime] = {}

    def watermark(_: Any, entity: str) -> datetime:
        return bounds.get(entity) or right_watermark(world.only, entity)

    right_watermark = type(world.only).watermark
    monkeypatch.setattr(type(world.only), "watermark", watermark)
    match variant:
        case "without lookback":
            without_lookback(monkeypatch)
        case "beyond the bound":
            beyond_the_bound(monkeypatch)
        case _:
            cursor_at_the_greatest(world, monkeypatch)
    wrong = verification._watermark

    def noting(job: Job, window: Bounds) -> datetime:
        bounds[job.entity.name] = promised(job, window)
        return wrong(job, window)

    monkeypatch.setattr(verification, "_watermark", noting)
    round_of(world, "orders")

    assert any(followed(world, shopify, seed) for seed in SEEDS)


# ── payloads ──


def as_sent(etsy: Etsy, world: World, receipt_id: int) -> dict[str, Any]:
    """The object as a delivery of this moment would bring it."""
    headers = {"x-api-key": etsy.env["ETSY_KEYSTRING"] + ":" + etsy.env["ETSY_SHARED_SECRET"]}
    headers["authorization"] = f"Bearer {world.shop.access_token}"
    path = f"/v3/application/shops/{world.shop.id}/receipts/{receipt_id}"
    answer = httpx.get(f"{etsy.url}{path}", headers=headers, trust_env=False).raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def believe(world: World, receipt: dict[str, Any]) -> None:
    """A delivery's body is taken for the truth of the moment in which it comes."""
    world.db.execute(
        "select private.land_records(j, 'receipts', clock_timestamp(), %s::jsonb) from public.sync_jobs as j"
        " where entity = 'orders' order by created_at desc limit 1",
        (json.dumps([receipt]),),
    )


def ask(world: World, receipt: dict[str, Any]) -> None:
    """A delivery says which object to ask for."""
    world.app.store.rpc(
        "accept_platform_event", p_platform="etsy", p_delivery_id=str(uuid.uuid4()), p_shop_id=world.shop.id,
        p_topic="order.paid", p_effect="read", p_kind="receipts", p_object_ids=[str(receipt["receipt_id"])],
    )  # fmt: skip
    world.drain()


@pytest.mark.parametrize(("take", "is_right"), [(ask, True), (believe, False)], ids=["asked for", "believed"])
def test_a_late_payload_that_is_believed_is_caught(
    app: App, db: psycopg.Connection[Any], etsy: Etsy, take: Believe, *, is_right: bool
) -> None:
    """A refund moves no version of its receipt: what was sent before it, and comes after it, looks as new."""
    world = make_world(app, db, (etsy, etsy.shop(12, listings=5)))
    world.run("orders", "payments")
    key = etsy.truth(world.shop, "receipts", paid="true")[0]["receipt_id"]
    sent = as_sent(etsy, world, key)
    change(etsy, world.shop, "refund_order", a_while_ago(), receipt_id=key)
    round_of(world)
    assert world.wrong(*TABLES) == []

    take(world, sent)

    assert (world.wrong(*TABLES) == []) is is_right
