"""Bells say that there may be work; whoever is idle hears them, and works until there is none."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest

from execution import workers
from execution.app import App
from execution.budget.budgets import Scope
from execution.errors import UserError
from execution.process import lease_returns
from execution.settings import Settings
from tests.standins.etsy import Etsy
from tests.standins.stand_in import Shop
from tests.worlds.process import close_app, make_app
from tests.worlds.world import World


def test_one_bell_is_enough_for_all_that_is_due(world_of: Callable[[Shop], World], etsy: Etsy) -> None:
    """Others that are rung for the same work find none."""
    worlds = [world_of(etsy.shop(20)) for _ in range(3)]
    for world in worlds:
        world.start("orders")

    workers.answer_bell(worlds[0].app.runner())

    assert [world.job("orders")["status"] for world in worlds] == ["completed"] * 3


def test_a_busy_process_leaves_bells_to_idle_ones(world_of: Callable[[Shop], World], etsy: Etsy) -> None:
    """Two threads take two bells; Dramatiq would keep two more in memory, where nobody hears them."""
    here = world_of(etsy.shop(1)).app
    broker = workers.make_broker(here.settings, [])
    for _ in range(4):
        workers.ring(broker)
    threads = 2

    busy = broker.consume(workers.QUEUE, prefetch=2 * threads, timeout=1000)
    next(busy)

    assert workers.bells_waiting(here.valkey) == 4 - threads
    broker.close()


def test_two_installations_on_one_valkey_hear_their_own_bells_and_keep_their_own_leases(app: App) -> None:
    """One took the other's bells, settled its leases at a database that knew none of them, and paced by its lease."""
    other = make_app(app.settings.model_copy(update={"keeper_environment": "staging"}))
    broker = workers.make_broker(other.settings, [])
    before = set(app.valkey.scan_iter())

    workers.ring(broker)
    lease_returns.note(other.valkey, str(uuid.uuid4()))
    other.limiter.throttled(Scope(platform="etsy", key="etsy:app:x"), timedelta(seconds=5))

    assert (workers.bells_waiting(app.valkey), workers.bells_waiting(other.valkey)) == (0, 1)
    assert lease_returns.settle(app.store, app.valkey) == 0
    # Whoever adds a key that names no installation is found here.
    new = set(app.valkey.scan_iter()) - before
    assert len(new) >= 3
    assert {key for key in new if not key.startswith(f"keeper:{other.settings.installation}:".encode())} == set()
    broker.close()
    close_app(other)


def test_processes_of_one_installation_may_have_several_addresses_for_their_database(app: App) -> None:
    """By the address alone, a worker on the custom domain hears no bell of a clock on the project's own."""
    clock, worker = (
        app.settings.model_copy(update={"keeper_installation": "shop-house", "supabase_url": url})
        for url in ("https://project.example.com", "https://keeper.example.com")
    )

    assert clock.installation == worker.installation == "shop-house"
    assert (
        app.settings.model_copy(update={"supabase_url": worker.supabase_url}).installation != app.settings.installation
    )


def test_a_name_of_an_installation_cannot_run_into_the_keys_of_another(env: dict[str, str]) -> None:
    with pytest.raises(UserError, match="KEEPER_INSTALLATION"):
        Settings.load({**env, "KEEPER_INSTALLATION": "one:two"})
