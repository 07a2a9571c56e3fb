"""Rounds, when a test wants them rather than when they are due."""

from __future__ import annotations

import time
from datetime import datetime

from execution import operations
from tests.worlds.world import World


def round_of(world: World, *entities: str) -> None:
    """A round of these entities of all shops, and of whatever it wakes, worked to its end."""
    operations.orchestrator(world.app).sync(world.user_id, entities=entities, trigger="test")
    world.drain()


def due(world: World) -> dict[str, datetime]:
    """When each entity of the only shop is read next."""
    rows = world.rows("select * from private.sync_rounds where connection_id = %s", world.only.connection_id)
    return {row["entity"]: row["due_at"] for row in rows}


def come_due(world: World, *entities: str) -> None:
    """These entities of the only shop, and what they wake, as the clock reads them."""
    world.db.execute(
        "update private.sync_rounds set due_at = now() where connection_id = %s and entity = any (%s)",
        (world.only.connection_id, list(entities)),
    )
    for _ in range(2):
        world.app.store.rpc("tick")
        world.drain()
        # What waits for another's round is looked at again after twenty seconds.
        world.db.execute(
            "update private.sync_rounds set due_at = due_at - interval '20 seconds' where connection_id = %s",
            (world.only.connection_id,),
        )


def a_while_ago(seconds: int = 120) -> int:
    """A moment that the next round's bound lies behind, and the watermark before."""
    return int(time.time()) - seconds


def make_whole_due(world: World) -> None:
    """The next rounds of the only shop read everything, where a rule says so at all."""
    world.db.execute(
        "update private.sync_rounds set whole_at = now() where connection_id = %s and whole_at is not null",
        (world.only.connection_id,),
    )
