"""A slice by itself: how deep it is from claim to commit, and what it does with a cursor that is not its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb

import execution
from execution.app import App
from execution.job_runner import SliceOutcome
from execution.slices.cursor import VERSION
from execution.store import Store
from tests.standins.etsy import Etsy
from tests.standins.stand_in import Shop
from tests.worlds.world import World

MOST_FRAMES = 8
OURS = str(Path(execution.__file__).parent)


@dataclass(kw_only=True)
class Watching(httpx.BaseTransport):
    """Notes who stands on the stack when a page is sent to the database."""

    inner: httpx.BaseTransport = field(default_factory=lambda: httpx.HTTPTransport(trust_env=False))
    stacks: list[list[str]] = field(default_factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/rpc/commit_page"):
            self.stacks.append(_frames(sys._getframe()))
        return self.inner.handle_request(request)

    def close(self) -> None:
        self.inner.close()


def _frames(frame: FrameType | None) -> list[str]:
    """Our own, outermost first, from the claim on."""
    found: list[str] = []
    while frame is not None and (not found or found[-1] != "work_one"):
        if frame.f_code.co_filename.startswith(OURS):
            found.append(frame.f_code.co_name)
        frame = frame.f_back
    return found[::-1]


def test_from_the_claim_to_the_commit_it_is_at_most_eight_frames(
    etsy: Etsy, world_of: Callable[[Shop], World], app: App
) -> None:
    """Streams, lookups and second readings alike: whoever reads a trace, or the code, has few steps to follow."""
    transport = Watching()
    vars(app)["store"] = Store(app.settings, clock=app.clock, transport=transport)
    world = world_of(etsy.shop(260, listings=30))

    world.run()

    assert set(world.statuses().values()) == {"completed"}
    assert {stack[0] for stack in transport.stacks} == {"work_one"}
    assert len(transport.stacks) > 3
    deepest = max(transport.stacks, key=len)
    assert len(deepest) <= MOST_FRAMES, deepest


def leave_cursor(db: psycopg.Connection[Any], world: World, cursor: dict[str, Any]) -> None:
    db.execute(
        "update public.sync_jobs set cursor = %s where user_id = %s and entity = 'orders'",
        (Jsonb(cursor), world.user_id),
    )


@pytest.mark.parametrize(
    "cursor",
    [
        {"step": 0, "place": {"offset": 99}},
        {"version": 0, "step": 5},
        {"version": VERSION, "step": 0, "position": {"page": 9}},
        {"version": VERSION, "step": 0, "position": {"offset": "nine"}},
    ],
    ids=str,
)
def test_a_cursor_that_cannot_be_read_begins_the_entity_again_and_nothing_is_lost(
    etsy: Etsy, world_of: Callable[[Shop], World], db: psycopg.Connection[Any], cursor: dict[str, Any]
) -> None:
    """Pages are idempotent, and the certificate counts anew: calls are all that it costs."""
    world = world_of(etsy.shop(150))
    world.start("orders")
    leave_cursor(db, world, cursor)

    world.drain()

    assert world.statuses() == {"orders": "completed"}
    assert world.wrong("orders", "line_items") == []


def test_a_cursor_of_newer_code_waits_for_a_newer_worker(
    etsy: Etsy, world_of: Callable[[Shop], World], db: psycopg.Connection[Any]
) -> None:
    """During a deploy both run: to begin again would undo what the newer one has read."""
    world = world_of(etsy.shop(20))
    world.start("orders")
    newer = {"version": VERSION + 1, "step": 0, "page_token": "abc"}
    leave_cursor(db, world, newer)

    asked = len(etsy.ledger())

    assert world.app.runner().work_one() is SliceOutcome.PARKED

    job = world.job("orders")
    assert (job["park_code"], job["attempts"], job["cursor"]) == ("worker_too_old", 0, newer)
    assert len(etsy.ledger()) == asked
