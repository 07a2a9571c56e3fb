"""Kill a worker before and after effects of rounds: the tables equal the source, at most one call is made again.

KEEPER_ALL_DEATHS=1 tries every point; without it a seeded sample.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator

import pytest

from execution import operations
from tests.runner import child
from tests.runner.children import Mortal
from tests.runner.test_deaths import ALL, Stage, points, signal_of
from tests.worlds.rounds import a_while_ago
from tests.worlds.world import World, make_world

SAMPLE = 6
ENTITIES = ("orders", "payments")
TABLES = ("orders", "line_items", "order_refunds", "payments")
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


def behind(stage: Stage) -> World:
    """A user whose shop has refunded and shipped since it was read, with a round that is due of all. Each life has a
    shop of its own: what the lives before it refunded would lie in the hour that a round reads again.
    """
    shop = stage.etsy.shop(30, listings=6, ends_at=a_while_ago(20_000))
    world = make_world(stage.app, stage.db, (stage.etsy, shop))
    world.run(*ENTITIES)
    paid = [one for one in stage.etsy.truth(shop, "receipts", paid="true") if not one["refunds"]]
    for kind, receipt in (("refund_order", paid[0]), ("mark_shipped", paid[-1])):
        stage.etsy.mutate(shop, kind, at=a_while_ago(), receipt_id=receipt["receipt_id"])
    operations.orchestrator(stage.app).sync(world.user_id, entities=ENTITIES, trigger="test")
    stage.etsy.control("DELETE", "/ledger")
    return world


def calls(stage: Stage) -> int:
    return sum("oauth" not in row["path"] for row in stage.etsy.ndjson("/ledger"))


def test_a_death_at_any_effect_of_a_round_loses_nothing_and_costs_at_most_one_call(stage: Stage) -> None:
    world = behind(stage)
    status, effects = stage.mortal.work(None)
    world.drain()
    calm = calls(stage)
    assert status == 0
    assert world.wrong(*TABLES) == []
    world.forget()
    chosen = points(len(effects))
    if not ALL:
        chosen = random.Random(20261130).sample(chosen, SAMPLE)

    found = [wrong for point in chosen for wrong in die_at(stage, calm, point)]

    assert not found, "\n".join(found)


def die_at(stage: Stage, calm: int, point: str) -> Iterator[str]:
    """What is wrong after a death at this point, a restart and a drain; nothing, we hope."""
    world = behind(stage)
    status, effects = stage.mortal.work(point)
    last = effects[-1] if effects else "nothing"
    died = signal_of(status) == signal.SIGKILL
    world.wake()
    world.drain()
    again = calls(stage) - calm
    if set(world.statuses().values()) != {"completed"}:
        yield f"{point} ({last}): {world.statuses()} {[job['error'] for job in world.jobs('failed')]}"
    elif differences := world.wrong(*TABLES):
        yield f"{point} ({last}): {differences[:3]} of {len(differences)}"
    if again > died:
        yield f"{point} ({last}): {again} calls were made again"
    world.forget()
