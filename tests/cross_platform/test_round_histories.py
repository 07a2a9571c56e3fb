"""Whatever happens at the source, between rounds and within them, whatever becomes of its webhooks (late, doubled, out
of order, lost), and a full refresh in the midst of it: after a round and two whole readings it is the source, deletions
too. The refresh taken back, the rows are those before it.

`KEEPER_HISTORIES=40` takes so many seeds for each platform; a run takes a few.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping
from typing import Any

import psycopg
import pytest

from execution.app import App
from tests.standins.etsy import Etsy
from tests.standins.printify import Printify
from tests.standins.shopify import Shopify
from tests.standins.stand_in import Shop, StandIn
from tests.worlds.mail import Mail
from tests.worlds.refreshes import begin_refresh, settle, state_of
from tests.worlds.rounds import a_while_ago, make_whole_due, round_of
from tests.worlds.slices_by_hand import interrupt
from tests.worlds.undo import differing, roll_back, tenant
from tests.worlds.world import World, make_world

SEEDS = range(int(os.environ.get("KEEPER_HISTORIES", "2")))
STEPS = 14

Change = Mapping[str, Any]
# One of the first so many; a shop has more than ever go.
SOME, SO_MANY = object(), 8
ETSY: tuple[Change, ...] = (
    {"kind": "new_order", "count": 2},
    {"kind": "refund_order", "receipt_id": SOME},
    {"kind": "cancel", "receipt_id": SOME},
    {"kind": "mark_shipped", "receipt_id": SOME},
    {"kind": "update_order", "receipt_id": SOME, "fields": {"is_gift": True}},
    {"kind": "edit_listing", "listing_id": SOME, "fields": {"title": "Another name"}},
    {"kind": "remove_listing", "listing_id": SOME},
    {"kind": "backdated_ledger_entry", "amount": -31},
)
PRINTIFY: tuple[Change, ...] = (
    {"kind": "new_order", "count": 3},
    {"kind": "set_cost", "order_id": SOME, "cost": 555},
    {"kind": "cancel", "order_id": SOME},
    {"kind": "send_to_production", "order_id": SOME},
    {"kind": "ship", "order_id": SOME},
    {"kind": "remove_order", "order_id": SOME},
    {"kind": "new_product"},
    {"kind": "remove_product", "product_id": "last"},
)
SHOPIFY: tuple[Change, ...] = (
    {"kind": "new_order", "count": 2},
    {"kind": "refund_order", "order_id": SOME},
    {"kind": "cancel_order", "order_id": SOME},
    {"kind": "fulfill_order", "order_id": SOME},
    {"kind": "update_order", "order_id": SOME},
    {"kind": "remove_order", "order_id": SOME},
    {"kind": "edit_product", "product_id": "last", "fields": {"title": "Another name"}},
    {"kind": "remove_product", "product_id": "first"},
)
# Buyers stay when their orders go, so their table is not compared.
COMPARED = {
    "etsy": ("orders", "line_items", "order_refunds", "order_fulfillments", "listings", "payments"),
    "printify": ("printify_orders", "printify_line_items", "printify_shipments", "printify_products"),
    "shopify": ("orders", "line_items", "order_refunds", "order_fulfillments", "listings", "listing_variants"),
}


@pytest.fixture
def connected(app: App, db: psycopg.Connection[Any]) -> Callable[[StandIn, Shop], World]:
    return lambda stand_in, shop: make_world(app, db, (stand_in, shop))


def happen(stand_in: StandIn, shop: Shop, rng: random.Random, change: Change) -> Mapping[str, Any]:
    """A change, which may have nothing to happen to any more. Not within the last minute, which no round reads."""
    ages = (90, 300, 700) if change["kind"] != "backdated_ledger_entry" else (4_000, 200_000)
    at = a_while_ago(rng.choice(ages))
    fields = {name: {"index": rng.randrange(SO_MANY)} if value is SOME else value for name, value in change.items()}
    answer = stand_in.http.post(f"/_sandbox/shops/{shop.number}/mutations", json={"at": at, **fields})
    assert answer.status_code in (200, 400, 404, 422), answer.text
    result: Mapping[str, Any] = answer.json().get("result") or {}
    return result


def lived_through(world: World, stand_in: StandIn, changes: tuple[Change, ...], seed: int) -> list[Any]:
    """A history from this seed, and what is not as the source at its end."""
    rng = random.Random(f"{stand_in.platform}:{seed}")
    mail = Mail(world, rng)

    def changes_something() -> None:
        change = rng.choice(changes)
        mail.tell(change["kind"], happen(stand_in, world.shop, rng, change))

    begins, swaps = sorted(rng.sample(range(STEPS), 2))
    for step in range(STEPS):
        drawn = rng.random()
        if step == begins:
            refresh = begin_refresh(world.only)
            interrupt(world, changes_something, answer=rng.randint(1, 6))
        elif step == swaps:
            swapped_and_taken_back(world, refresh)
        elif drawn < 0.25:
            round_of(world)
        elif drawn < 0.45:
            mail.deliver()
            world.drain()
        else:
            changes_something()
    # An entry that was put into the past shows in the balance of the next one, and not before.
    happen(stand_in, world.shop, rng, {"kind": "new_order", "count": 1})
    # What a whole reading misses is gone when another run misses it, too.
    for _ in range(2):
        make_whole_due(world)
        round_of(world)
    # What the ledger told of an order that only the whole reading found. And what is late by more than that.
    mail.deliver(everything=True)
    round_of(world)
    assert set(world.statuses().values()) == {"completed"}, [world.error(entity) for entity in world.statuses()]
    return world.wrong(*COMPARED[stand_in.platform])


def swapped_and_taken_back(world: World, run_id: str) -> None:
    """And done again: what comes after it finds it done."""
    world.drain()
    before = tenant(world)
    settle(world)
    assert state_of(world, run_id)["status"] == "swapped"
    after = tenant(world)
    if not state_of(world, run_id)["result"]["tables"]:
        # What changed nothing is no run that could be taken back.
        assert differing(before, after) == []
        return
    (undone,) = roll_back(world, run_id)
    assert differing(before, tenant(world)) == []
    roll_back(world, undone["run_id"])
    assert differing(after, tenant(world)) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_etsy(connected: Callable[[StandIn, Shop], World], etsy: Etsy, seed: int) -> None:
    world = connected(etsy, etsy.shop(30, listings=12, seed=7_000 + seed))
    world.run()

    assert lived_through(world, etsy, ETSY, seed) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_printify(connected: Callable[[StandIn, Shop], World], printify: Printify, seed: int) -> None:
    world = connected(printify, printify.shop(25, seed=7_000 + seed))
    world.run()

    assert lived_through(world, printify, PRINTIFY, seed) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_shopify(connected: Callable[[StandIn, Shop], World], shopify: Shopify, seed: int) -> None:
    world = connected(shopify, shopify.shop(20, products=4, seed=7_000 + seed))
    world.run()

    assert lived_through(world, shopify, SHOPIFY, seed) == []
