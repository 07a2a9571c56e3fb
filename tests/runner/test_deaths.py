"""Kill a worker before and after every outside effect: the tables equal the source, at most one page is fetched again.

KEEPER_ALL_DEATHS=1 tries every point of every entity; without it, every other point of the orders entity and a seeded
sample of the others.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from execution.app import App
from tests.runner import child
from tests.runner.children import Mortal
from tests.standins.etsy import Etsy
from tests.standins.stand_in import Shop
from tests.worlds.world import Truth, World, make_world

ENTITIES = ("orders", "listings", "payments", "customers")
# Each death is waited for: on a busy machine that takes its time.
pytestmark = pytest.mark.timeout(1800)
ALL = bool(os.environ.get("KEEPER_ALL_DEATHS"))
SAMPLE = 8
COMMIT = "/rest/v1/rpc/commit_page"


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


@dataclass(kw_only=True)
class Stage:
    """A shop that is backfilled again and again, each time for a new user, with an expired token."""

    app: App
    db: psycopg.Connection[Any]
    etsy: Etsy
    shop: Shop
    mortal: Mortal
    truth: Truth | None = None

    def user(self, *entities: str) -> World:
        world = make_world(self.app, self.db, (self.etsy, self.shop))
        self.db.execute(
            "update private.platform_tokens set expires_at = now() - interval '1 second' where connection_id ="
            " (select id from public.connected_accounts where user_id = %s)",
            (world.user_id,),
        )
        world.start(*entities)
        self.etsy.control("DELETE", "/ledger")
        return world

    def pages(self) -> int:
        """How many pages Etsy was asked for; probes of one record are none."""
        return len(self.etsy.asked(self.shop)) + len(
            self.etsy.asked(self.shop, "/transactions|/payments", pages_only=False)
        )

    def wrong(self, world: World, tables: tuple[str, ...]) -> list[Any]:
        if self.truth is None:
            self.truth = world.truth()
        return world.wrong(*tables, truth=self.truth)


@pytest.fixture
def stage(app: App, db: psycopg.Connection[Any], etsy: Etsy, mortal: Mortal) -> Stage:
    shop = etsy.shop(180, listings=12)
    # Unpaid receipts are not read, and which those are depends on the shop's dates.
    paid = etsy.truth(shop, "receipts", paid="true")
    for place in (3, 100):
        etsy.mutate(shop, "strip_transactions", receipt_id=paid[place]["receipt_id"])
    return Stage(app=app, db=db, etsy=etsy, shop=shop, mortal=mortal)


TABLES_OF = {
    "orders": ("orders", "line_items", "order_refunds", "order_fulfillments", "customers"),
    "listings": ("listings",),
}


def test_a_death_before_or_after_any_effect_of_the_orders_loses_nothing_and_costs_at_most_one_page(
    stage: Stage, record_property: Callable[[str, object], None]
) -> None:
    effects, calm = live_calmly(stage, "orders")
    assert {"POST /v3/public/oauth/token", "POST /rest/v1/rpc/move_cursor"} <= set(effects)
    assert sum("/transactions" in name for name in effects) == 2
    record_property("effects", len(effects))

    chosen = points(len(effects)) if ALL else first_and_last_of_each(effects)

    found = [outcome for point in chosen for outcome in die_at(stage, calm, point, "orders")]

    assert not found, "\n".join(found)


@pytest.mark.has_sister
def test_a_death_at_any_effect_of_the_whole_flow_loses_nothing_and_costs_at_most_one_page(
    stage: Stage, record_property: Callable[[str, object], None]
) -> None:
    effects, calm = live_calmly(stage, *ENTITIES)
    record_property("effects", len(effects))
    chosen = points(len(effects))
    if not ALL:
        chosen = random.Random(20261122).sample(chosen, SAMPLE)

    found = [outcome for point in chosen for outcome in die_at(stage, calm, point, *ENTITIES)]

    assert not found, "\n".join(found)


def test_two_deaths_at_the_same_point_lose_nothing(stage: Stage) -> None:
    _, calm = live_calmly(stage, "orders")
    places = [
        f"{when}:{name}" for name in (f"POST {COMMIT}", "POST /rest/v1/rpc/claim_job") for when in ("before", "after")
    ]

    found = [o for place in places for o in die_at(stage, calm, place, "orders", deaths=2)]

    assert not found, "\n".join(found)


def test_the_third_death_on_one_slice_quarantines_it_and_its_siblings_finish(stage: Stage) -> None:
    world = stage.user(*ENTITIES)

    for _ in range(3):
        status, _ = stage.mortal.work(f"before:POST {COMMIT}")
        assert signal_of(status) == signal.SIGKILL
        world.wake()
    world.drain()

    assert world.statuses() == {
        "orders": "quarantined",
        "listings": "completed",
        "payments": "completed",
        "customers": "failed",
    }
    assert "died" in world.job("orders")["error"]
    (profile,) = world.rows("select * from public.profiles where user_id = %s", world.user_id)
    assert profile["backfill_status"] == "failed"
    assert {failure["entity"] for failure in profile["backfill_failures"]} == {"orders", "customers"}


def points(count: int) -> list[str]:
    return [f"{when}:{k}" for k in range(1, count + 1) for when in ("before", "after")]


def first_and_last_of_each(effects: list[str]) -> list[str]:
    """Points where each kind of effect happens first and last: before the one, after the other, in turns by kind."""
    places: dict[str, list[int]] = {}
    for place, effect in enumerate(effects, 1):
        places.setdefault(effect, []).append(place)
    turns = [("before", "after"), ("after", "before")]
    return [
        f"{when}:{place}"
        for n, of_kind in enumerate(places.values())
        for when, place in zip(turns[n % 2], (of_kind[0], of_kind[-1]), strict=True)
    ]


def live_calmly(stage: Stage, *entities: str) -> tuple[list[str], int]:
    """The effects of a life without a death, and the pages that it asks for."""
    world = stage.user(*entities)
    status, effects = stage.mortal.work(None)
    calm = stage.pages()
    assert status == 0
    assert set(world.statuses().values()) == {"completed"}
    assert stage.wrong(world, tables_of(entities)) == []
    world.forget()
    return effects, calm


def die_at(stage: Stage, calm: int, point: str, *entities: str, deaths: int = 1) -> list[str]:
    """What is wrong after a death at this point, a restart and a drain; nothing, we hope."""
    world, wrong = stage.user(*entities), []
    died = 0
    for _ in range(deaths):
        status, effects = stage.mortal.work(point)
        died += signal_of(status) == signal.SIGKILL
        last = effects[-1] if effects else "nothing"
        world.wake()
    world.drain()
    if set(world.statuses().values()) != {"completed"}:
        wrong.append(f"{point} ({last}): {world.statuses()} {[j['error'] for j in world.jobs('failed')]}")
    elif differences := stage.wrong(world, tables_of(entities)):
        wrong.append(f"{point} ({last}): {differences[:3]} of {len(differences)}")
    again = stage.pages() - calm
    if again > died:
        wrong.append(f"{point} ({last}): {again} pages were fetched again after {died} deaths")
    world.forget()
    return wrong


def signal_of(status: int) -> int:
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def tables_of(entities: tuple[str, ...]) -> tuple[str, ...]:
    return TABLES_OF["orders"] if entities == ("orders",) else ()
