"""One bucket of points or calls for all processes, kept by Valkey or by Postgres: never fuller than the platform's."""

import time

import pytest

from execution.budget.budgets import Bucket, Budget
from execution.budget.observed_limits import ObservedLimits
from execution.budget.pacing import Pacer
from execution.errors import Snooze
from execution.rate_limiter import RateLimiter
from execution.valkey import connect_valkey
from tests.budget.test_day_budget import SCOPE
from tests.budget.test_pacing_lease import lease_over, move_lease
from tests.doubles.clocks import HandClock

POINTS = Bucket(maximum=1000, restore_per_s=100)


def draw(pacer, cost=50, **changes):
    return pacer.draw("s", "points", POINTS, cost, **({"keep": 0.1, "longest_wait_s": 2.0} | changes))


def permits(limiter, call_class, **cost):
    """Take permits until there are none; answer how many."""
    for count in range(1000):
        try:
            limiter.permit(SCOPE, call_class, **cost)
        except Snooze:
            return count
    raise AssertionError("no end")


@pytest.mark.parametrize("kept_by", ["valkey", "postgres"])
def test_a_bucket_is_never_overdrawn(rpc, valkey, kept_by):
    """All that is booked within two seconds fits what the bucket restores in them, whoever keeps it."""
    pacer = Pacer(rpc, valkey if kept_by == "valkey" else None, HandClock())
    started, booked = time.monotonic(), []

    while (slot := draw(pacer)).booked and len(booked) < 100:
        booked.append(time.monotonic() + slot.wait_s - started)

    assert booked
    for number, moment in enumerate(booked, 1):
        assert number * 50 <= POINTS.restore_per_s * (moment + 0.1)


def test_an_answer_settles_what_it_cost(rpc, valkey):
    """Booked at its dearest, settled at what the platform says: the difference can be spent at once."""
    pacer = Pacer(rpc, valkey, HandClock())
    first = draw(pacer, 100)
    refused = draw(pacer, 500)

    pacer.settle("s", "points", POINTS, 988.0, first.call_id)

    assert not refused.booked
    assert draw(pacer, 500).wait_s == 0


@pytest.mark.parametrize(
    ("level", "seen_s_ago", "costs"),
    [(1000, 60, [800, 200]), (0, 5, [300, 200]), (500, -3600, [300, 200]), (1000, 0, [950, 1])],
    ids=["never fuller than full", "refilled by time", "never drained by a clock", "all of it, where it must be"],
)
def test_a_known_bucket_fills_with_time(rpc, valkey, level, seen_s_ago, costs):
    """The first cost fits, the second one has to wait: a tenth of a thousand stays, unless a call needs nearly all."""
    pacer = Pacer(rpc, valkey, HandClock())
    pacer.settle("s", "points", POINTS, level, draw(pacer).call_id)
    valkey.hset("keeper:{s}:points", "at", int((time.time() - seen_s_ago) * 1e6))

    waits = [draw(pacer, cost).wait_s for cost in costs]

    assert waits[0] == 0
    assert waits[1] > 0


def test_a_bucket_that_nobody_knows_fills_from_the_first_question_on(rpc, valkey):
    """Who asked for too much finds it later, though no call has gone out and no answer has come."""
    pacer = Pacer(rpc, valkey, HandClock())
    first = draw(pacer, 500)
    valkey.hincrby("keeper:{s}:points", "at", -5_000_000)

    assert not first.booked
    assert draw(pacer, 400).wait_s == 0


def test_what_is_on_its_way_is_not_given_twice(rpc, valkey):
    """The answer of one call does not know of another that is still on its way: that one's cost stays booked."""
    pacer = Pacer(rpc, valkey, HandClock())
    one = draw(pacer, 50)
    pacer.settle("s", "points", POINTS, 1000.0, one.call_id)
    two, _still_out = draw(pacer, 300), draw(pacer, 400)

    pacer.settle("s", "points", POINTS, 980.0, two.call_id)

    assert draw(pacer, 450).wait_s == 0  # 980 - 400 on its way - 100 that stay
    assert draw(pacer, 300).wait_s > 1.5


@pytest.mark.parametrize(("seconds", "fits"), [(59, False), (61, True)])
def test_an_answer_that_never_comes_counts_for_a_minute(rpc, valkey, seconds, fits):
    """Its cost may have been spent a minute long; later it is the answers' word that counts."""
    pacer = Pacer(rpc, valkey, HandClock())
    pacer.settle("s", "points", POINTS, 1000.0, draw(pacer).call_id)
    lost = draw(pacer, 400)
    (member,) = valkey.zrange("keeper:{s}:points-unsettled", 0, -1)
    valkey.zincrby("keeper:{s}:points-unsettled", -seconds * 1e6, member)

    pacer.settle("s", "points", POINTS, 1000.0, "another")

    assert member.startswith(lost.call_id.encode())
    assert (draw(pacer, 800).wait_s == 0) is fits


def test_backfills_leave_more_in_the_bucket(rpc, valkey):
    """Live calls find their share of the points whatever backfills do."""
    budget = {"etsy": Budget(shared_by="shop", points=POINTS, live_share=0.2, safety_margin=0.1, block_calls=50)}
    limiter = RateLimiter(rpc, valkey, budget, HandClock())
    limiter.permit(SCOPE, "live", points=1)
    limiter.observe(SCOPE, ObservedLimits(points_maximum=1000, points_available=500, points_restore_per_s=0.001))

    backfill = permits(limiter, "backfill", points=50)
    limiter.permit(SCOPE, "live", points=150)

    assert backfill == 4


def test_what_an_answer_tells_is_the_level_of_now(rpc, valkey):
    """Nobody called for a minute, and others emptied the bucket: that minute does not fill it a second time."""
    pacer = Pacer(rpc, valkey, HandClock())
    slot = draw(pacer)
    valkey.hincrby("keeper:{s}:points", "at", -60_000_000)

    pacer.settle("s", "points", POINTS, 300.0, slot.call_id)

    assert draw(pacer, 300).wait_s > 0.5


def test_a_larger_plan_is_adopted_by_all(rpc, valkey, env):
    """An answer tells a larger bucket: every process draws from that one."""
    one = Pacer(rpc, valkey, HandClock())
    other = Pacer(rpc, connect_valkey(env["REDIS_URL"]), HandClock())
    slot = draw(one)

    one.settle("s", "points", Bucket(maximum=20_000, restore_per_s=1000), 20_000, slot.call_id)

    assert draw(other, 10_000).wait_s == 0
    assert draw(other, 9_500).booked  # a second and a half until there are so many, and the tenth that stays
    other._valkey.close()


def test_rest_calls_leak_by_the_header(rpc, valkey):
    """Calls without points draw from the bucket of calls: 32 of 40 are used, four stay, so four go at once."""
    budget = {
        "etsy": Budget(shared_by="shop", points=POINTS, calls=Bucket(maximum=40, restore_per_s=2), safety_margin=0.1)
    }
    clock = HandClock()
    limiter = RateLimiter(rpc, valkey, budget, clock)
    limiter.permit(SCOPE, "live")
    limiter.observe(SCOPE, ObservedLimits(calls_maximum=40, calls_available=8))
    clock.slept.clear()

    for _ in range(4):
        limiter.permit(SCOPE, "live")

    assert sum(clock.slept) == 0
    limiter.permit(SCOPE, "live")
    assert 0 < sum(clock.slept) <= 0.5


def test_a_scope_that_rested_goes_on_where_it_was(rpc, valkey, db):
    """The lease lapsed because nobody called: the same server still knows how full the bucket is."""
    pacer = Pacer(rpc, valkey, HandClock())
    pacer.settle("s", "points", POINTS, 1000.0, draw(pacer).call_id)
    move_lease(valkey, -1)

    assert draw(pacer, 500).wait_s == 0


def test_a_bucket_in_postgres_follows_the_emptier_one(rpc, db):
    """Others use the platform's bucket too: what an answer tells lowers ours, and never fills it."""
    pacer, levels = Pacer(rpc, None, HandClock()), []
    slot = draw(pacer, 50)

    for available in (3.0, 900.0):
        pacer.settle("s", "points", POINTS, available, slot.call_id)
        levels.append(db.execute("select level from private.api_buckets").fetchone()[0])

    assert levels == [3.0, 3.0]


def test_a_bucket_that_valkey_drew_from_since_is_unknown_to_postgres(rpc, valkey, db):
    """Postgres kept it long ago, and Valkey since: what time would have refilled is gone; it starts without credit."""
    draw(Pacer(rpc, None, HandClock()))
    db.execute("update private.api_buckets set at = at - interval '1 hour'")
    draw(Pacer(rpc, valkey, HandClock()), 500)
    lease_over(db)

    slot = draw(Pacer(rpc, None, HandClock()), 150)

    assert slot.wait_s == pytest.approx(1.5, abs=0.1)


def test_a_bucket_that_postgres_drew_from_since_is_unknown_to_valkey(rpc, valkey, db):
    """Valkey could not be reached for a while, and comes back with its memory: of a bucket that was full then."""
    pacer = Pacer(rpc, valkey, HandClock())
    pacer.settle("s", "points", POINTS, 1000.0, draw(pacer).call_id)
    move_lease(valkey, -1)
    lease_over(db)
    draw(Pacer(rpc, None, HandClock()), 1)
    draw(pacer)
    valkey.delete("keeper:{s}:hold")  # until that one call is on its way

    slot = draw(pacer, 150)

    assert slot.wait_s > 1


def test_valkey_begins_when_costs_that_postgres_booked_are_spent(rpc, valkey, db):
    """A call that waits for its points by Postgres goes first: nothing of Valkey's until it is on its way."""
    waiting = draw(Pacer(rpc, None, HandClock()), 150)

    slot = draw(Pacer(rpc, valkey, HandClock()), 1)

    assert not slot.booked
    assert slot.wait_s == pytest.approx(waiting.wait_s, abs=0.4)
