"""How far behind its bound the next round begins is learned from how late records came."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from execution.doctor import lookbacks
from tests.standins.etsy import Etsy
from tests.standins.stand_in import Shop
from tests.worlds.rounds import a_while_ago, make_whole_due, round_of
from tests.worlds.world import World
from web.health.metrics import Metrics
from web.health.pipeline import Snapshot

WorldOf = Callable[[Shop], World]
Db = psycopg.Connection[Any]


@pytest.fixture
def world(world_of: WorldOf, etsy: Etsy) -> World:
    world = world_of(etsy.shop(12, listings=5))
    world.run()
    return world


@pytest.fixture(autouse=True)
def unlearned(db: Db) -> Iterator[None]:
    """What is learned is learned of all shops, and other tests have some."""
    db.execute("delete from private.lateness")
    yield
    db.execute("delete from private.lateness")


def seen(world: World, entity: str = "payments") -> dict[int, int]:
    """Records by their class of lateness."""
    rows = world.rows("select class, records from private.lateness where platform = 'etsy' and entity = %s", entity)
    return {row["class"]: row["records"] for row in rows}


def learn(db: Db, late: timedelta, records: int, *, on_time: int = 0, weeks_ago: int = 0) -> None:
    for number, by in ((records, late), (on_time, timedelta())):
        if not number:
            continue
        db.execute(
            "insert into private.lateness (platform, entity, week, class, records)"
            " select 'etsy', 'payments', date_trunc('week', now())::date - 7 * %s, private.lateness_class(%s), %s",
            (weeks_ago, by, number),
        )


def used(db: Db) -> timedelta:
    (found,) = db.execute("select private.lookback('etsy', 'payments')").fetchone() or (None,)
    assert isinstance(found, timedelta)
    return found


def looked_back(world: World) -> timedelta:
    """To the second: bounds are whole seconds of the platform's."""
    found: timedelta = world.job("payments")["window_end"] - world.only.watermark("payments")
    return timedelta(seconds=int(found.total_seconds()))


def test_a_backfill_teaches_nothing(world: World) -> None:
    assert (seen(world), seen(world, "orders")) == ({}, {})


def test_a_record_that_came_after_the_bound_before_is_not_late(etsy: Etsy, world: World) -> None:
    world.db.execute(
        "update public.sync_jobs set window_end = window_end - interval '1 hour' where connection_id = %s",
        (world.only.connection_id,),
    )
    etsy.mutate(world.shop, "new_order", count=1, at=a_while_ago())
    round_of(world, "payments")

    first = seen(world)
    round_of(world, "payments")

    assert set(first) == {0}
    assert first[0] >= 1
    # What is read again within the lookback was seen before.
    assert seen(world) == first


def test_a_record_behind_the_bound_before_is_as_late_as_that(etsy: Etsy, world: World) -> None:
    etsy.mutate(world.shop, "new_order", count=1, at=a_while_ago(1800))

    round_of(world, "payments")

    (late,) = {one for one in seen(world) if one}
    ends = [
        row["ends"]
        for row in world.rows(
            "select private.class_end(%s) as ends union all select private.class_end(%s)", late - 1, late
        )
    ]
    # Half an hour before now, and the bound a minute before.
    assert ends[0] < timedelta(minutes=29, seconds=30) <= ends[1] * 1.1


def test_a_whole_reading_teaches_what_no_round_could_see(etsy: Etsy, world: World) -> None:
    etsy.mutate(world.shop, "new_order", count=1, at=a_while_ago(3 * 86_400))
    make_whole_due(world)

    round_of(world, "orders")

    ((late, records),) = seen(world, "orders").items()
    (row,) = world.rows("select private.class_end(%s) as ends", late)
    assert records == 1
    assert row["ends"] >= timedelta(days=2, hours=23)


def test_what_changed_without_a_time_of_its_own_teaches_nothing(etsy: Etsy, world: World) -> None:
    """A refund moves no receipt's time: it is news of now, of whatever age the receipt is."""
    order = int(max(world.stored("orders"), key=int))
    etsy.mutate(world.shop, "refund_order", receipt_id=order, at=a_while_ago())
    make_whole_due(world)

    round_of(world, "orders")

    assert world.wrong("orders") == []
    assert seen(world, "orders") == {}


@pytest.mark.parametrize("_", range(5))
def test_classes_take_every_lateness_once(db: Db, _: int) -> None:
    late = timedelta(seconds=random.uniform(0.001, 10**8))

    (number, below, end) = db.execute(
        "select c, private.class_end(c - 1), private.class_end(c) from private.lateness_class(%s) as c", (late,)
    ).fetchone() or (0, None, None)

    assert below < late <= end + timedelta(milliseconds=1), number


def test_few_records_are_none(db: Db, world: World) -> None:
    learn(db, timedelta(hours=9), 999)

    assert used(db) == timedelta(hours=1)
    facts = {one["entity"]: one for one in world.app.store.rpc("lookback_facts") if one["platform"] == "etsy"}
    assert (facts["payments"]["state"], facts["payments"]["learned_seconds"]) == ("unknown", None)


def test_the_next_round_begins_as_far_back_as_was_learned(db: Db, etsy: Etsy, world: World) -> None:
    round_of(world, "payments")
    assert looked_back(world) == timedelta(hours=1)
    learn(db, timedelta(hours=4), 3, on_time=2000)

    round_of(world, "payments")

    assert timedelta(hours=4) < looked_back(world) < timedelta(hours=8)
    # And sees what lies there, beyond what is declared.
    etsy.mutate(world.shop, "new_order", count=1, at=a_while_ago(3 * 3600))
    round_of(world, "payments")
    assert [one.key for one in world.wrong("payments") if one.what == "missing"] == []


def test_one_in_a_thousand_may_be_later(db: Db) -> None:
    learn(db, timedelta(hours=9), 2, on_time=2000)

    assert used(db) == timedelta(hours=1)


def test_never_more_than_the_cap(db: Db) -> None:
    learn(db, timedelta(days=30), 5000)

    assert used(db) == timedelta(days=1)


def test_what_was_learned_fades(db: Db) -> None:
    """Of the same number of records the newer count for more, and old ones alone are few."""
    learn(db, timedelta(hours=4), 1500, weeks_ago=8)
    assert used(db) == timedelta(hours=1)
    learn(db, timedelta(hours=4), 1500, on_time=10, weeks_ago=0)
    assert used(db) > timedelta(hours=4)


@pytest.mark.parametrize(
    ("late", "state", "words"),
    [(timedelta(hours=4), "grown", "Raise `floor`"), (timedelta(days=4), "over", "raise `cap`")],
)
def test_an_alarm_says_that_it_grew(db: Db, world: World, late: timedelta, state: str, words: str) -> None:
    assert [line.status for line in lookbacks.of_rounds(world.app.store)] == ["ok"]
    learn(db, late, 2000)

    (line,) = lookbacks.of_rounds(world.app.store)
    facts = world.app.store.rpc("pipeline_health")
    told = Metrics().text(Snapshot(facts=facts, age_s=0.0), [], []).decode()

    assert (line.status, words in line.advice) == ("warning", True)
    assert f"keeper_lookbacks_{state} 1.0" in told
    assert f'keeper_alarms{{alarm="lookbacks_{state}",level="degraded"}} 1.0' in told
    assert 'keeper_lateness_seconds{entity="payments",platform="etsy"}' in told
    assert 'keeper_lateness_seconds{entity="orders",platform="etsy"}' not in told
