"""A shop follows its platform after the backfill: at the least number of calls, and ending as the source."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from psycopg import sql

from execution import operations
from tests.standins.etsy import Etsy
from tests.standins.stand_in import Shop
from tests.worlds.rounds import a_while_ago, due, round_of
from tests.worlds.world import World

WorldOf = Callable[[Shop], World]


@pytest.fixture
def world(world_of: WorldOf, etsy: Etsy) -> World:
    world = world_of(etsy.shop(40))
    world.run()
    return world


def calls(etsy: Etsy, world: World) -> int:
    return len(etsy.asked(world.shop, pages_only=False))


def all_due(world: World) -> None:
    world.db.execute(
        "update private.sync_rounds set due_at = now() where connection_id = %s", (world.only.connection_id,)
    )


def order_of(world: World) -> int:
    return int(max(world.stored("orders"), key=int))


def test_a_shop_at_rest_costs_one_call_and_writes_nothing(etsy: Etsy, world: World) -> None:
    def written() -> dict[str, Any]:
        """Every row's place and the transaction that wrote it."""
        tables = [name for (name,) in world.db.execute("select name from private.synced_tables").fetchall()]
        query = "select md5(string_agg(ctid::text || xmin::text, ',' order by ctid)) from public.{}"
        return {name: world.db.execute(sql.SQL(query).format(sql.Identifier(name))).fetchone() for name in tables}

    before, asked = written(), calls(etsy, world)

    round_of(world, "payments")

    assert world.statuses()["payments"] == "completed", world.error("payments")
    assert calls(etsy, world) - asked == 1
    assert written() == before
    assert world.wrong() == []


def test_a_sale_is_here_after_one_round(etsy: Etsy, world: World) -> None:
    """The ledger shows it, and wakes the orders."""
    before = len(world.stored("orders"))
    etsy.mutate(world.shop, "new_order", count=3, at=a_while_ago())

    round_of(world, "payments")

    assert world.wrong("orders", "line_items", "payments", "customers") == []
    assert len(world.stored("orders")) == before + 3


def test_a_refund_costs_three_calls_at_most(etsy: Etsy, world: World) -> None:
    """No time of change moves with it: the ledger's new entry leads to its receipt."""
    etsy.mutate(world.shop, "refund_order", receipt_id=order_of(world), at=a_while_ago())
    asked = calls(etsy, world)

    round_of(world, "payments")

    assert calls(etsy, world) - asked <= 3
    assert len(world.stored("order_refunds")) > 0
    assert world.wrong("orders", "order_refunds", "payments") == []


def test_what_was_refunded_is_read_once(etsy: Etsy, world: World) -> None:
    """The next round sees the entry again, within its lookback, and knows it."""
    etsy.mutate(world.shop, "refund_order", receipt_id=order_of(world), at=a_while_ago())
    round_of(world, "payments")
    asked = calls(etsy, world)

    round_of(world, "payments")

    assert calls(etsy, world) - asked == 1


def test_a_shipment_is_seen_by_the_time_of_change(etsy: Etsy, world: World) -> None:
    etsy.mutate(world.shop, "mark_shipped", receipt_id=order_of(world), at=a_while_ago())
    asked = calls(etsy, world)

    round_of(world, "orders")

    assert calls(etsy, world) - asked == 1
    assert world.wrong("orders", "order_fulfillments") == []


def test_an_entry_that_was_put_into_the_past_breaks_the_chain_and_is_found(etsy: Etsy, world: World) -> None:
    """It lies before the watermark. What follows shows that something is missing: fourteen days are read again."""
    etsy.mutate(world.shop, "backdated_ledger_entry", at=a_while_ago(3 * 86_400), amount=-55)
    etsy.mutate(world.shop, "new_order", count=1, at=a_while_ago())

    round_of(world, "payments")

    assert world.statuses()["payments"] == "completed", world.error("payments")
    assert world.wrong("payments") == []


def test_the_first_round_is_planned_by_what_completes_the_backfill(world: World) -> None:
    planned = due(world)

    assert set(planned) == {"payments", "orders", "listings"}
    # Of plan free, and sooner where the shop's own history makes that worth a call.
    for entity in ("payments", "orders"):
        assert timedelta(hours=1) <= planned[entity] - world.job(entity)["window_end"] <= timedelta(hours=6)
    assert planned["listings"] > planned["payments"]


def test_the_clock_queues_what_is_due_and_nothing_else(world: World) -> None:
    world.db.execute(
        "update private.sync_rounds set due_at = now() - interval '1 minute' where connection_id = %s and entity = %s",
        (world.only.connection_id, "orders"),
    )

    queued = [world.app.store.rpc("tick")["rounds"] for _ in range(2)]

    assert queued == [1, 0]
    assert [job["entity"] for job in world.jobs("queued")] == ["orders"]


@pytest.mark.parametrize(
    ("plan", "minutes"), [("free", 360), ("starter", 60), ("pro", 15), ("enterprise", 5), ("of_no_such_name", 360)]
)
def test_a_plan_is_promised_how_old_its_shops_may_be(world: World, plan: str, minutes: int) -> None:
    world.db.execute("update public.profiles set plan = %s where user_id = %s", (plan, world.user_id))
    # Nothing ever happens in this shop.
    world.db.execute(
        "update private.sync_rounds set changes = 0, days = 1000 where connection_id = %s", (world.only.connection_id,)
    )

    round_of(world, "payments")

    waits = due(world)["payments"] - world.job("payments")["window_end"]
    assert waits.total_seconds() == minutes * 60


def test_quiet_rounds_leave_nothing_but_the_newest_proof(etsy: Etsy, world: World) -> None:
    def left() -> list[int]:
        return [
            world.rows(f"select count(*) as n from public.{table} where user_id = %s", world.user_id)[0]["n"]
            for table in ("sync_runs", "sync_jobs", "sync_pages", "certificates")
        ]

    round_of(world, "payments")
    before = left()

    for _ in range(5):
        round_of(world, "payments")

    assert left() == before
    etsy.mutate(world.shop, "refund_order", receipt_id=order_of(world), at=a_while_ago())
    for _ in range(3):
        round_of(world, "payments")
    # What came of the one that changed something is on record, beside the newest.
    assert left()[1] == before[1] + 1


def test_a_round_that_fails_is_tried_again_from_where_the_last_was_proven(etsy: Etsy, world: World) -> None:
    watermark = world.watermark("payments")
    etsy.mutate(world.shop, "new_order", count=2, at=a_while_ago())
    etsy.fault("wrong_count", by=7, path="ledger-entries")
    round_of(world, "payments")
    etsy.control("DELETE", "/faults")
    failed = world.statuses()["payments"], world.watermark("payments")

    all_due(world)
    world.app.store.rpc("tick")
    world.drain()

    assert failed == ("failed", watermark)
    assert world.wrong("orders", "payments") == []


def test_a_shop_that_left_has_no_rounds(world: World) -> None:
    all_due(world)
    world.db.execute(
        "update public.connected_accounts set status = 'disconnected' where id = %s", (world.only.connection_id,)
    )

    assert world.app.store.rpc("tick")["rounds"] == 0
    assert world.jobs("queued") == []


def test_the_seller_is_told_when_it_was_looked_at(world: World) -> None:
    def looked() -> dict[str, Any]:
        facts = operations.status(world.app, user_id=world.user_id, platform=None)
        return {job["entity"]: job["looked_at"] for job in facts["jobs"]}

    before = looked()
    round_of(world, "payments")

    assert set(before.values()) == {None}
    assert [entity for entity, at in looked().items() if at] == ["payments"]
