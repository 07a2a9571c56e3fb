"""Bells say that there may be work; whoever is idle hears them, and works until there is none."""

from __future__ import annotations

from collections.abc import Callable

from execution import workers
from tests.standins.etsy import Etsy
from tests.standins.stand_in import Shop
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
