"""A process is stopped past its lease, another one takes the job, the first one wakes: it writes nothing.

Real processes with the product's own code, stopped at any outside effect of a slice. KEEPER_ALL_ZOMBIES=1 makes a
thousand trials, as must be shown; without it, a seeded sample.
"""

from __future__ import annotations

import os
import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import pytest

from execution.app import App
from tests.runner import child
from tests.runner.children import Child
from tests.runner.test_deaths import TABLES_OF
from tests.standins.etsy import Etsy
from tests.standins.stand_in import Shop
from tests.worlds.world import Truth, World, make_world

TRIALS = 1000 if os.environ.get("KEEPER_ALL_ZOMBIES") else 9
# Where the job is when the sleeper wakes: ended, between two slices, or in another process's hands.
MEANWHILE = ("ended", "between slices", "in other hands")
WRITTEN = ("sync_jobs", "sync_pages", "sync_cursors", "certificates", "rejected_records", *TABLES_OF["orders"])


@pytest.fixture(autouse=True)
def small_windows() -> Iterator[None]:
    """Whoever takes over halves as the sleeper did."""
    child.halve_early()
    yield
    child.halve_late()


@pytest.fixture(scope="module")
def sleeper(product_env: dict[str, str]) -> Iterator[Child]:
    """The process that is stopped on order."""
    with Child.running("tests.runner.stopped_child", product_env) as sleeper:
        yield sleeper


@dataclass(kw_only=True)
class Stage:
    """One shop, connected anew for each trial."""

    app: App
    db: psycopg.Connection[Any]
    etsy: Etsy
    shop: Shop
    sleeper: Child
    truth: Truth | None = None

    def user(self) -> World:
        world = make_world(self.app, self.db, (self.etsy, self.shop))
        world.start("orders")
        return world

    def effects(self) -> int:
        """How many outside effects a slice has that nobody stops."""
        world = self.user()
        report = self.sleeper.ask(stop_at=None)
        world.forget()
        return int(report["effects"])

    def trial(self, stop_at: str, meanwhile: str) -> list[str]:
        """What is wrong after this; nothing, we hope."""
        world = self.user()
        wrong = []
        if self.sleeper.ask(stop_at=stop_at)["stopped"]:
            world.wake()
            lease_id = self._take_over(world, meanwhile)
            before = written(world)
            self.sleeper.ask(go=True)
            wrong = [f"{stop_at}, {meanwhile}: the sleeper wrote {t}" for t in changed(before, written(world))]
            if lease_id:
                world.app.store.rpc("hand_back_job", p_lease_id=lease_id)
        world.drain()
        self.truth = self.truth or world.truth()
        differences = world.wrong(*TABLES_OF["orders"], truth=self.truth)
        wrong += [f"{stop_at}, {meanwhile}: {differences[:3]} of {len(differences)}"] if differences else []
        world.forget()
        return wrong

    def _take_over(self, world: World, meanwhile: str) -> str | None:
        if meanwhile == "ended":
            world.drain()
        elif meanwhile == "between slices":
            # A call a slice: the job stands in the middle of its pages.
            replace(world.app.runner(), slice_calls=lambda _: 1).work_one()
        else:
            lease_id = str(uuid.uuid4())
            world.app.store.rpc("claim_job", p_lease_id=lease_id, p_worker="other", p_lease_seconds=600)
            return lease_id
        return None


def written(world: World) -> dict[str, str]:
    """Everything of the user's that a worker may write, table by table."""
    rows = "string_agg(t::text, '|' order by t::text)"
    query = f"select coalesce(md5({rows}), '') as sum from public.{{}} as t where user_id = %s"
    return {table: world.rows(query.format(table), world.user_id)[0]["sum"] for table in WRITTEN}


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return [table for table in before if before[table] != after[table]]


@pytest.fixture
def stage(app: App, db: psycopg.Connection[Any], etsy: Etsy, sleeper: Child) -> Stage:
    return Stage(app=app, db=db, etsy=etsy, shop=etsy.shop(180, listings=12), sleeper=sleeper)


@pytest.mark.timeout(7200)
def test_a_process_that_wakes_up_after_its_lease_writes_nothing(
    stage: Stage, record_property: Callable[[str, object], None]
) -> None:
    """Stopped before or after any request to the database, to Etsy or to Valkey: no stale write in any trial."""
    chance, effects, seen = random.Random(20261122), stage.effects(), Counter[str]()
    # Before the first one, the claim, there is no lease to be late with.
    points = [f"{when}:{k}" for k in range(1, effects + 1) for when in ("before", "after")][1:]
    found = []

    for number in range(TRIALS):
        meanwhile = MEANWHILE[number % len(MEANWHILE)]
        found += stage.trial(chance.choice(points), meanwhile)
        seen[meanwhile] += 1

    record_property("trials", dict(seen))
    assert effects > 10
    assert not found, "\n".join(found)


@contextmanager
def unfenced(db: psycopg.Connection[Any]) -> Iterator[None]:
    """Planted: a lease that is nobody's any more is taken for that of whoever works now."""
    (kept,) = db.execute("select pg_get_functiondef('private.leased_job(uuid)'::regprocedure)").fetchone() or ("",)
    db.execute("""
        create or replace function private.leased_job(p_lease_id uuid) returns public.sync_jobs
        language plpgsql set search_path = '' as $$
        declare job public.sync_jobs;
        begin
            select * into job from public.sync_jobs where status = 'running' limit 1 for update;
            return job;
        end $$""")
    try:
        yield
    finally:
        db.execute(kept)


def test_the_judge_sees_a_process_that_writes_without_its_lease(stage: Stage, db: psycopg.Connection[Any]) -> None:
    """Planted: without the fence, a sleeper that is woken before its commit is found."""
    stage.effects()

    with unfenced(db):
        found = [
            line
            for k in range(5, 10)
            for line in stage.trial(f"before:{k}", "in other hands")
            if "the sleeper wrote" in line
        ]

    assert found
