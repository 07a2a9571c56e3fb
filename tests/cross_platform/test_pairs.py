"""Two deaths, at any two kinds of outside effects, in a backfill of three platforms at once: nothing is lost.

A kind is the first time that a life makes a request of that name: each request to the database, to each platform, to
Valkey. KEEPER_ALL_DEATHS=1 takes every ordered pair of kinds, before and after (some 4,000, an hour and a half);
KEEPER_SHARD=1/2 takes the first half of them, for two processes. Without it, a seeded sample.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
from collections.abc import Callable, Iterator

import psycopg
import pytest

from execution.app import App
from tests.cross_platform.shops import Shops
from tests.runner.children import Mortal
from tests.runner.test_deaths import signal_of
from tests.worlds.world import OPEN, World

ALL = bool(os.environ.get("KEEPER_ALL_DEATHS"))
SAMPLE = int(os.environ.get("KEEPER_PAIRS", "4"))
SHARD, SHARDS = map(int, os.environ.get("KEEPER_SHARD", "1/1").split("/"))


@pytest.fixture(scope="module")
def mortal(product_env: dict[str, str]) -> Iterator[Mortal]:
    with Mortal.running("tests.cross_platform.child", product_env) as mortal:
        yield mortal


def expire(world: World) -> None:
    """Every life begins with a refresh."""
    world.db.execute("update private.platform_tokens set expires_at = now() - interval '1 second'")


def kinds(world: World, mortal: Mortal) -> list[str]:
    """The names of all effects of a calm life, or of as many as it takes, in the order of their first time."""
    seen: dict[str, None] = {}
    while world.jobs(*OPEN):
        status, effects = mortal.work(None)
        assert status == 0
        seen.update(dict.fromkeys(effects))
        world.wake()
    return list(seen)


def die_twice(world: World, shops: Shops, mortal: Mortal, pair: tuple[str, str]) -> tuple[int, list[str]]:
    """How many died, and what is wrong after both have been replaced and the work has ended."""
    died = 0
    for place in pair:
        status, _ = mortal.work(place)
        died += signal_of(status) == signal.SIGKILL
        world.wake()
    world.drain()
    return died, [f"{pair[0]}, {pair[1]}: {line}" for line in shops.wrong(world)[:3]]


@pytest.mark.has_sister
@pytest.mark.timeout(36000)
def test_two_deaths_at_any_two_effects_of_three_platforms_lose_nothing(
    app: App,
    db: psycopg.Connection[object],
    shops: Shops,
    mortal: Mortal,
    record_property: Callable[[str, object], None],
) -> None:
    calm = shops.seller(app, db)
    expire(calm)
    calm.start()
    names = kinds(calm, mortal)
    assert shops.wrong(calm) == []
    assert {job["platform"] for job in calm.jobs()} == set(shops.of)
    calm.forget()
    places = [f"{when}:{name}" for name in names for when in ("before", "after")]
    pairs = list(itertools.product(places, repeat=2))
    chosen = pairs if ALL else random.Random(20261122).sample(pairs, SAMPLE)
    found, deaths = [], 0

    for pair in chosen[SHARD - 1 :: SHARDS]:
        world = shops.seller(app, db)
        expire(world)
        world.start()
        died, wrong = die_twice(world, shops, mortal, pair)
        deaths, found = deaths + died, found + wrong
        world.forget()

    record_property("kinds", len(names))
    record_property("pairs", len(chosen))
    record_property("deaths", deaths)
    assert deaths > len(chosen) / SHARDS
    assert not found, "\n".join(found)
