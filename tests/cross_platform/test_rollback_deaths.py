"""A rollback that dies leaves all as it was; one that comes in the middle of a round is refused, or loses nothing.

KEEPER_ALL_DEATHS=1 tries it at every call of a round; without it, at two.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from execution import operations, runs
from execution.app import App
from execution.errors import KeeperError, UserError
from tests.standins.etsy import Etsy
from tests.worlds.rounds import a_while_ago, make_whole_due, round_of
from tests.worlds.slices_by_hand import interrupt
from tests.worlds.undo import differing, tenant
from tests.worlds.world import World, make_world

CALLS = range(1, 9) if os.environ.get("KEEPER_ALL_DEATHS") else (1, 3)
OUTCOMES = {"done", "already_undone", "entity_is_read", "run_is_open"}
BLOCKED = "select pid from pg_stat_activity where cardinality(pg_blocking_pids(pid)) > 0"
TABLES = ("orders", "line_items", "order_refunds", "listings", "payments")


def happen(etsy: Etsy, world: World, refunded: int) -> None:
    """A sale, a refund of the order at this place, an edit."""
    for kind, more in (("new_order", {"count": 2}), ("refund_order", {"receipt_id": {"index": refunded}})):
        etsy.mutate(world.shop, kind, at=a_while_ago(), **more)
    etsy.mutate(world.shop, "update_order", at=a_while_ago(), receipt_id={"index": 4}, fields={"is_gift": True})


def changed_by(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.app.store.rpc("runs", p_user_id=world.user_id)
    return [run for run in found if run["kept_because"] is None and run["kind"] == "round" and run["tables"]]


def tried(world: World, run_id: str) -> str:
    try:
        runs.roll_back(world.app.store, run_id, actor="test", with_later=True)
    except UserError as error:
        return error.code
    return "done"


@pytest.fixture
def world(app: App, db: psycopg.Connection[Any], etsy: Etsy) -> World:
    """A shop with a round behind it, and news for the next one."""
    world = make_world(app, db, (etsy, etsy.shop(20, listings=6)))
    world.run()
    happen(etsy, world, 2)
    round_of(world)
    return world


def test_what_was_taken_back_is_read_again_by_the_next_round(world: World) -> None:
    taken = [run["run_id"] for run in changed_by(world)]
    for run_id in taken:
        runs.roll_back(world.app.store, run_id, actor="test")
    assert taken
    assert world.wrong(*TABLES)

    round_of(world)
    round_of(world)

    assert world.wrong(*TABLES) == []


@pytest.mark.parametrize("call", CALLS)
def test_in_the_middle_of_a_round_it_is_refused_or_loses_nothing(world: World, etsy: Etsy, call: int) -> None:
    outcomes: list[str] = []
    happen(etsy, world, 3)
    earlier = [run["run_id"] for run in changed_by(world)]

    def take_all_back() -> None:
        outcomes.extend(tried(world, run_id) for run_id in earlier)

    operations.orchestrator(world.app).sync(world.user_id, entities=(), trigger="test")
    interrupt(world, take_all_back, answer=call)
    world.drain()
    assert len(outcomes) == len(earlier) > 0
    assert set(outcomes) <= OUTCOMES
    make_whole_due(world)
    round_of(world)
    round_of(world)

    assert set(world.statuses().values()) == {"completed"}
    assert world.wrong(*TABLES) == []


def test_one_that_dies_before_its_end_has_changed_nothing(world: World, db: psycopg.Connection[Any]) -> None:
    """Its process, or the backend that works for it: while it waits for a row that somebody else holds."""
    before = tenant(world)
    (run_id, *_) = [run["run_id"] for run in changed_by(world) if "orders" in run["tables"]]
    with psycopg.connect(db.info.dsn, password=db.info.password) as other, ThreadPoolExecutor(1) as pool:
        other.execute(
            "select from public.orders as o where user_id = %s and sync_run_id = %s for update", [world.user_id, run_id]
        )
        dying = pool.submit(runs.roll_back, world.app.store, run_id, actor="test", with_later=True)
        while (blocked := db.execute(BLOCKED).fetchone()) is None:
            assert not dying.done(), "nothing held it up"
        db.execute("select pg_terminate_backend(%s)", blocked)
        other.rollback()
        # The store asks once more, with the same name for it: it is done once.
        told = dying.result()

    assert [
        run["run_id"] for run in world.app.store.rpc("runs", p_user_id=world.user_id) if run["kind"] == "rollback"
    ] == [told["run_id"]]
    runs.roll_back(world.app.store, told["run_id"], actor="test")
    assert differing(before, tenant(world)) == []


def test_a_database_that_stays_away_leaves_all_as_it_was(world: World, db: psycopg.Connection[Any]) -> None:
    before = tenant(world)
    (run_id, *_) = [run["run_id"] for run in changed_by(world)]
    db.execute("alter table public.sync_cursors add constraint planted check (run_id is null) not valid")
    try:
        with pytest.raises(KeeperError):
            runs.roll_back(world.app.store, run_id, actor="test", with_later=True)
    finally:
        db.execute("alter table public.sync_cursors drop constraint planted")

    assert differing(before, tenant(world)) == []
    assert runs.one(world.app.store, run_id)["undone_by"] is None
