"""What `keeper verify` finds missing is read again by itself, and by the next start where it could not be."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from execution import operations
from tests.standins.etsy import Etsy
from tests.standins.stand_in import Shop
from tests.worlds.world import World

WorldOf = Callable[[Shop], World]


def lose(world: World, table: str = "orders", rows: int = 2) -> None:
    world.db.execute(
        f"delete from public.{table} where platform_id in (select platform_id from public.{table}"
        " where user_id = %s order by platform_id limit %s)",
        (world.user_id, rows),
    )


def verify(world: World) -> dict[str, tuple[bool, str | None]]:
    facts = operations.verify(world.app, user_id=world.user_id, platform=None)
    return {
        one["entity"]: (one["ok"], one.get("outcome")) for one in facts["entities"] if one["status"] != "never started"
    }


def test_what_verify_finds_missing_is_queued_and_mended(etsy: Etsy, world_of: WorldOf) -> None:
    world = world_of(etsy.shop(30))
    world.run("orders", "listings")
    lose(world)

    first = verify(world)
    world.drain()

    assert first == {"orders": (False, "queued"), "listings": (True, None)}
    assert world.wrong("orders", "line_items", "customers") == []
    assert verify(world) == {"orders": (True, None), "listings": (True, None)}


@pytest.mark.parametrize("then", ["reconnected", "still away"])
def test_a_shop_that_may_not_be_asked_now_is_read_by_the_next_start(etsy: Etsy, world_of: WorldOf, then: str) -> None:
    world = world_of(etsy.shop(30))
    world.run("orders")
    lose(world)
    world.db.execute("update public.connected_accounts set status = 'reconnect_needed', status_reason = 'x'")

    first = verify(world)
    before = world.statuses()
    if then == "reconnected":
        world.db.execute("update public.connected_accounts set status = 'connected', status_reason = null")
    world.start("orders")

    assert first == {"orders": (False, None)}
    assert before == {"orders": "completed"}
    assert world.statuses() == {"orders": "queued"}
    if then == "reconnected":
        world.drain()
        assert world.wrong("orders", "line_items") == []


def test_two_verifications_queue_one_reading(etsy: Etsy, world_of: WorldOf) -> None:
    world = world_of(etsy.shop(30))
    world.run("orders")
    lose(world)

    verify(world)
    verify(world)

    (row,) = world.rows("select count(*) as jobs from public.sync_jobs where status = 'queued'")
    assert row["jobs"] == 1
