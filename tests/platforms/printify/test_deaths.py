"""Kill a worker before and after its outside effects: the tables equal the source, at most one page is fetched again.

KEEPER_ALL_DEATHS=1 tries every point; without it, a seeded sample.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from execution.app import App
from tests.runner.children import Mortal
from tests.runner.test_deaths import points, signal_of
from tests.standins.printify import Printify
from tests.standins.stand_in import Shop
from tests.worlds.world import World, make_world

# Each death is waited for: on a busy machine that takes its time.
pytestmark = pytest.mark.timeout(1800)
ALL = bool(os.environ.get("KEEPER_ALL_DEATHS"))
SAMPLE = 26


@pytest.fixture(scope="module")
def mortal(product_env: dict[str, str]) -> Iterator[Mortal]:
    with Mortal.running("tests.runner.child", product_env) as mortal:
        yield mortal


def pages(printify: Printify, shop: Shop) -> int:
    return len(printify.asked(shop, r"/(orders|products)\.json"))


def test_a_death_at_any_effect_loses_nothing_and_costs_at_most_one_page(
    app: App,
    db: psycopg.Connection[Any],
    printify: Printify,
    mortal: Mortal,
    record_property: Callable[[str, object], None],
) -> None:
    """Token refresh, five pages of orders with the head once more, products, both certificates."""
    shop = printify.shop(45, listings=40)
    printify.settings(reuse_old_refresh_token="allow")

    def user() -> World:
        world = make_world(app, db, (printify, shop))
        db.execute(
            "update private.platform_tokens set expires_at = now() - interval '1 second' where connection_id ="
            " (select id from public.connected_accounts where user_id = %s)",
            (world.user_id,),
        )
        world.start()
        printify.control("DELETE", "/ledger")
        return world

    world = user()
    status, effects = mortal.work(None)
    calm = pages(printify, shop)
    assert (status, world.wrong()) == (0, [])
    assert any("/tokens/refresh" in name for name in effects)
    world.forget()
    record_property("effects", len(effects))
    chosen = points(len(effects)) if ALL else random.Random(20261122).sample(points(len(effects)), SAMPLE)

    found = []
    for point in chosen:
        world = user()
        status, effects_seen = mortal.work(point)
        died = signal_of(status) == signal.SIGKILL
        world.wake()
        world.drain()
        again, differences = pages(printify, shop) - calm, world.wrong()
        if set(world.statuses().values()) != {"completed"} or again > died or differences:
            found.append(f"{point} ({effects_seen[-1:]}): {world.statuses()}, {again} pages again, {differences[:3]}")
        world.forget()

    assert not found, "\n".join(found)
