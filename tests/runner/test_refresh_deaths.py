"""Kill a worker before and after effects of a full refresh: until the swap the old data is whole, after it the tables
equal the source, at most one call is made again, and taken back all is as it was.

KEEPER_ALL_DEATHS=1 tries every point, in parts that pass or fail for themselves; without it a seeded sample.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator

import pytest

from tests.runner import child
from tests.runner.children import Mortal
from tests.runner.test_deaths import ALL, Stage, points, signal_of
from tests.worlds.refreshes import begin_refresh, in_shadows, settle, state_of
from tests.worlds.undo import differing, roll_back, tenant
from tests.worlds.world import World, make_world

SAMPLE = 3
# All of it takes an hour: what was found is not lost with what was not reached.
PARTS = range(12 if ALL else 1)
TABLES = ("orders", "line_items", "order_refunds", "order_fulfillments", "listings", "payments")
pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def mortal(product_env: dict[str, str]) -> Iterator[Mortal]:
    with Mortal.running("tests.runner.child", product_env) as mortal:
        yield mortal


@pytest.fixture(autouse=True)
def small_windows() -> Iterator[None]:
    """The process that takes over halves as the one that died did."""
    child.halve_early()
    yield
    child.halve_late()


@pytest.fixture
def stage(app, db, etsy, mortal) -> Stage:  # type: ignore[no-untyped-def]
    return Stage(app=app, db=db, etsy=etsy, shop=etsy.shop(30, listings=6), mortal=mortal)


def begun(stage: Stage) -> tuple[World, str]:
    """A user whose rows are partly wrong, and of whose shop a refresh is queued."""
    world = make_world(stage.app, stage.db, (stage.etsy, stage.shop))
    world.run()
    stage.db.execute("update public.orders set total_amount = 1 where user_id = %s", [world.user_id])
    run_id = begin_refresh(world.only)
    stage.etsy.control("DELETE", "/ledger")
    return world, run_id


def calls(stage: Stage) -> int:
    """Pages and look-ups. The counts that a proof asks for, a record each, are of one moment: they are asked anew."""
    return sum(not ("oauth" in row["path"] or "limit=1&" in f"{row['query']}&") for row in stage.etsy.ndjson("/ledger"))


@pytest.mark.parametrize("part", PARTS)
def test_a_death_at_any_effect_leaves_the_old_data_whole_and_costs_at_most_one_call(stage: Stage, part: int) -> None:
    world, _ = begun(stage)
    status, effects = stage.mortal.work(None)
    calm = calls(stage)
    world.forget()
    assert status == 0
    chosen = points(len(effects))[part :: len(PARTS)]
    if not ALL:
        chosen = random.Random(20261130).sample(chosen, SAMPLE)

    found = [wrong for point in chosen for wrong in die_at(stage, calm, point)]

    assert not found, "\n".join(found)


def die_at(stage: Stage, calm: int, point: str) -> Iterator[str]:
    """What is wrong after a death at this point, a restart, a drain and the swap; nothing, we hope."""
    world, run_id = begun(stage)
    before = tenant(world)
    status, effects = stage.mortal.work(point)
    last = effects[-1] if effects else "nothing"
    if changed := differing(before, tenant(world)):
        yield f"{point} ({last}): dead, and {changed}"
    world.wake()
    world.drain()
    if changed := differing(before, tenant(world)):
        yield f"{point} ({last}): not swapped, and {changed}"
    again = calls(stage) - calm
    settle(world)
    if (stands := state_of(world, run_id))["status"] != "swapped":
        yield f"{point} ({last}): {stands}"
    elif differences := world.wrong(*TABLES):
        yield f"{point} ({last}): {differences[:3]} of {len(differences)}"
    elif left := in_shadows(world):
        yield f"{point} ({last}): {left} is left"
    roll_back(world, run_id)
    if changed := differing(before, tenant(world)):
        yield f"{point} ({last}): taken back, and {changed}"
    if again > (signal_of(status) == signal.SIGKILL):
        yield f"{point} ({last}): {again} calls were made again"
    world.forget()
