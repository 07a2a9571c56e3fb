"""A run that is taken back leaves every row as it was before it; taken back itself, the rollback leaves none."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import psycopg
import pytest

from execution.app import App
from execution.catalog import platform_named
from tests.cross_platform.test_round_histories import ETSY, PRINTIFY, SHOPIFY, Change, happen
from tests.standins.etsy import Etsy
from tests.standins.printify import Printify
from tests.standins.shopify import Shopify
from tests.worlds.rounds import round_of
from tests.worlds.undo import differing, roll_back, tenant
from tests.worlds.world import World, make_world


def watermarks(world: World) -> dict[tuple[str, str], datetime]:
    found = world.rows(
        "select connection_id, entity, watermark from public.sync_cursors where user_id = %s", world.user_id
    )
    return {(str(row["connection_id"]), row["entity"]): row["watermark"] for row in found}


def runs(world: World) -> list[dict[str, Any]]:
    """The user's runs, the newest first."""
    return world.app.store.rpc("runs", p_user_id=world.user_id, p_limit=500)


def undoable(world: World, known: set[str]) -> list[str]:
    """Runs that came since and changed anything, the newest first."""
    return [run["run_id"] for run in runs(world) if run["run_id"] not in known and run["kept_because"] is None]


def that_stand(world: World, run_ids: list[str]) -> list[str]:
    """Without quiet rounds, which leave nothing when the next one ends."""
    there = {run["run_id"] for run in runs(world)}
    return [run_id for run_id in run_ids if run_id in there]


@pytest.fixture
def seller(app: App, db: psycopg.Connection[Any], etsy: Etsy, printify: Printify, shopify: Shopify) -> World:
    """A seller on both channels, with a printer whose orders are theirs."""
    etsy_shop, shopify_shop = etsy.shop(20, listings=12), shopify.shop(12, products=4)
    return make_world(app, db, (etsy, etsy_shop), (shopify, shopify_shop), (printify, printify.shop(14)))


CHANGES: Mapping[str, tuple[Change, ...]] = {"etsy": ETSY, "printify": PRINTIFY, "shopify": SHOPIFY}
SEEDS = range(int(os.environ.get("KEEPER_HISTORIES", "1")))
ALL = "KEEPER_HISTORIES" in os.environ


def much_happens(world: World, rng: random.Random) -> None:
    for shop in world.shops:
        for change in rng.sample(CHANGES[shop.platform], 5):
            happen(shop.stand_in, shop.shop, rng, change)


def a_round(world: World) -> None:
    round_of(world)


def a_whole_reading(world: World) -> None:
    world.db.execute(
        "update private.sync_rounds as s set whole_at = now() from public.connected_accounts as a"
        " where a.id = s.connection_id and a.user_id = %s and whole_at is not null",
        (world.user_id,),
    )
    round_of(world)


def webhooks(world: World) -> None:
    """Every object that its platform reads again by its id is named."""
    for shop in world.shops:
        for one in platform_named(shop.platform).changes.objects:
            world.db.execute(
                "select private.read_again(a, %s, array("
                "select distinct k from public.sync_pages as p, unnest(p.keys) as k"
                " where p.connection_id = a.id and p.stream = %s and k not like 'rejected:%%'), 'x', true, 'test')"
                " from public.connected_accounts as a where a.id = %s",
                [one.event or one.stream, one.stream, shop.connection_id],
            )
    world.drain()


def a_backfill(world: World) -> None:
    world.run(again=True)


# Beside the first backfill. A run of the suite takes two.
KINDS: tuple[Callable[[World], None], ...] = (a_round, webhooks, a_whole_reading, a_backfill)[: 4 if ALL else 2]


@pytest.mark.parametrize("seed", SEEDS)
def test_each_kind_of_run_is_taken_back_to_the_last_row(seller: World, seed: int) -> None:
    rng = random.Random(seed)
    nothing = tenant(seller)
    seller.run()
    seen = [(nothing, undoable(seller, set()), tenant(seller))]
    for kind in rng.sample(KINDS, len(KINDS)):
        known = {run["run_id"] for run in runs(seller)}
        before = tenant(seller)
        much_happens(seller, rng)
        kind(seller)
        assert {job["status"] for job in seller.jobs()} == {"completed"}
        seen.append((before, undoable(seller, known), tenant(seller)))
    assert all(run_ids for _, run_ids, _ in seen)

    for before, run_ids, after in reversed(seen):
        at = watermarks(seller)
        assert differing(after, tenant(seller)) == []
        counting = that_stand(seller, run_ids)
        undone = roll_back(seller, *counting)
        assert differing(before, tenant(seller)) == []
        roll_back(seller, *reversed([one["run_id"] for one in undone]))
        assert differing(after, tenant(seller)) == []
        assert watermarks(seller) == at
        # And once more, whatever has been taken back and done again in between.
        roll_back(seller, *counting)
        assert differing(before, tenant(seller)) == []
    assert watermarks(seller) == {}
