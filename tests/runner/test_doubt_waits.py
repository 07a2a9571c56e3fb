"""A platform that does not agree with itself for a while is asked again later, and complete in the end."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from execution.errors import UserError
from execution.slices.doubts import DoubtWaits
from tests.standins.etsy import Etsy
from tests.standins.stand_in import Shop
from tests.worlds.world import World

WorldOf = Callable[[Shop], World]
WAITS = DoubtWaits.load().waits


def waited(world: World, etsy: Etsy, *, mended_after: int = 99) -> list[timedelta]:
    """The waits that are told while the world is worked; the platform is itself again after so many."""
    found: list[timedelta] = []

    def look(_: object) -> None:
        for job in world.rows(
            "select run_after - now() as wait, attempts from public.sync_jobs "
            "where user_id = %s and status = 'parked' and park_code = 'disagrees'",
            world.user_id,
        ):
            assert job["attempts"] == 0  # waiting is not failing
            found.append(job["wait"])
        if len(found) == mended_after:
            etsy.control("DELETE", "/faults")

    world.after_slice = look
    return found


@pytest.mark.parametrize("readings", [1, 2, 5])
def test_a_count_that_lags_is_waited_for(etsy: Etsy, world_of: WorldOf, readings: int) -> None:
    """Four passes within a second cannot know; a reading later can."""
    world = world_of(etsy.shop(20))
    waits = waited(world, etsy, mended_after=readings)
    etsy.fault("wrong_count", path="receipts$", by=3)

    world.run("orders")

    assert world.statuses() == {"orders": "completed"}, world.error("orders")
    assert world.wrong("orders", "line_items") == []
    assert len(waits) == readings
    for wait, declared in zip(waits, WAITS, strict=False):
        assert declared - timedelta(seconds=30) < wait <= declared


def test_one_that_never_agrees_is_given_up_with_numbers(etsy: Etsy, world_of: WorldOf) -> None:
    world = world_of(etsy.shop(20))
    waits = waited(world, etsy)
    etsy.fault("wrong_count", path="receipts$", by=3)

    world.run("orders")

    job = world.job("orders")
    assert (job["status"], job["error_code"]) == ("failed", "not_shown")
    assert re.search(r"announces \d+ records, \d+ came", job["error"])
    assert len(waits) == len(WAITS) == 5
    assert sum(WAITS, timedelta()) > timedelta(hours=10)


def test_a_proof_that_does_not_hold_yet_is_waited_for_as_well(etsy: Etsy, world_of: WorldOf) -> None:
    """The windows closed, and the count that is asked for afterwards is another: it lags there too."""
    world = world_of(etsy.shop(20))
    waits = waited(world, etsy, mended_after=1)
    etsy.fault("wrong_count", path="receipts$", query="sort_order=desc", by=3)

    world.run("orders")

    assert world.statuses() == {"orders": "completed"}, world.error("orders")
    assert len(waits) == 1


@pytest.mark.parametrize("declared", ["doubt_waits: soon", "doubt_waits: [1m, 10]", "rejects: {}"])
def test_a_directive_that_cannot_be_used_is_told(tmp_path: Path, declared: str) -> None:
    page = tmp_path / "backfill.md"
    page.write_text(f"---\n{declared}\n---\n")

    with pytest.raises(UserError, match=r"backfill\.md has no usable `doubt_waits`"):
        DoubtWaits.load(page)
