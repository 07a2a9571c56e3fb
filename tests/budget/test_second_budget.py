"""The second's calls: slots on Valkey's own clock, or on the database's while Valkey is away."""

import math
import socket
import time
from datetime import timedelta

import pytest

from execution.budget.budgets import Budget
from execution.budget.observed_limits import ObservedLimits
from execution.budget.pacing import Pacer, Slot
from execution.clock import SystemClock
from execution.errors import Snooze
from execution.rate_limiter import RateLimiter
from execution.valkey import connect_valkey
from tests.budget.test_day_budget import SCOPE, booked, budget, spend
from tests.doubles.clocks import HandClock
from tests.threads import many


def sends(pacer, count, *, per_second, clock=time.monotonic):
    """When calls may go out at the earliest, as this process sees it: real time plus the waits it was told."""
    moments = []
    while len(moments) < count:
        slot = pacer.slot("s", per_second=per_second, safety_margin=0.2)
        if not slot.booked:
            return moments, slot.wait_s
        moments.append(clock() + slot.wait_s)
    return moments, 0.0


def most_in_one_second(moments):
    ordered = sorted(moments)
    return max(sum(1 for other in ordered if start <= other < start + 0.999) for start in ordered)


def gone():
    """A Valkey that is not there: the connection is refused."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return connect_valkey(f"redis://127.0.0.1:{port}/0")


@pytest.mark.parametrize("per_second", [1, 2, 5, 10, 150])
@pytest.mark.parametrize("kept_by", ["valkey", "postgres"])
def test_no_second_sees_more_than_the_limit(rpc, valkey, per_second, kept_by):
    """In any window of one second, rate + burst stay within the limit, whoever keeps the slots."""
    pacer = Pacer(rpc, valkey if kept_by == "valkey" else None, HandClock())

    moments, wait = sends(pacer, 10**6, per_second=per_second)

    assert wait > 2  # the next slot is too far away to be slept
    assert most_in_one_second(moments) <= per_second
    assert len(moments) >= math.floor(2 * per_second * 0.8)


def test_all_processes_share_the_second(rpc, env, valkey):
    """Six pacers in six threads that start at once, one limit; the first lease is nobody's loss, so nobody is quiet."""
    pacers = [Pacer(rpc, connect_valkey(env["REDIS_URL"]), SystemClock()) for _ in range(6)]
    started = time.monotonic()

    with many(6, lambda number: sends(pacers[number], 100, per_second=20)[0]) as results:
        moments = [moment for result in results for moment in result]

    assert most_in_one_second(moments) <= 20
    assert min(moments) - started < 1.5
    assert len(moments) >= 2 * 20 * 0.8
    for pacer in pacers:
        pacer._valkey.close()


def test_a_flushed_valkey_gives_no_credit(rpc, valkey):
    """FLUSHALL in mid second: nobody gets a slot until all that were booked ahead are used (row 14)."""
    pacer = Pacer(rpc, valkey, HandClock())
    before, _ = sends(pacer, 8, per_second=5)

    valkey.flushall()
    lost = pacer.slot("s", per_second=5, safety_margin=0.2)

    assert not lost.booked
    assert time.monotonic() + lost.wait_s >= max(before)


@pytest.mark.parametrize(("assumed", "result", "slots"), [(1000, 1, range(1, 3)), (1, 20, range(32, 36))])
def test_a_limit_that_one_process_learned_paces_all(rpc, valkey, assumed, result, slots):
    """The platform lowers or raises its limit in one answer: every process paces by it at once (row 56)."""
    one, other = Pacer(rpc, valkey, HandClock()), Pacer(rpc, valkey, HandClock())

    one.tell_limit("s", result)
    started = time.monotonic()
    moments, wait = sends(other, 10**6, per_second=assumed)
    meanwhile = math.ceil((time.monotonic() - started) * result)

    assert slots.start <= len(moments) < slots.stop + meanwhile
    assert wait > 2


def test_a_raised_limit_does_not_forget_what_is_booked(rpc, valkey):
    """A slot was booked by the slow limit: by the quick one it lies far ahead, and still stands."""
    pacer = Pacer(rpc, valkey, HandClock())
    pacer.tell_limit("s", 1)
    moments, _ = sends(pacer, 100, per_second=1)
    pacer.tell_limit("s", 20)

    slot = pacer.slot("s", per_second=1, safety_margin=0.2)

    assert time.monotonic() + slot.wait_s > max(moments)


def test_a_limit_a_minute_is_a_steady_pace(rpc, valkey):
    """600 a minute with a margin of 0.15: 8.5 a second, one by one, without a burst."""
    budget = {"etsy": Budget(shared_by="account", per_minute=600, safety_margin=0.15)}
    clock = HandClock()
    limiter = RateLimiter(rpc, valkey, budget, clock)

    assert 16 <= spend(limiter, "live")[0] <= 19  # two seconds ahead at 8.5 a second


def test_the_limit_in_an_answers_headers_paces_all(rpc, valkey):
    """What one process reads in a header, the next slot of any other obeys."""
    limiters = [RateLimiter(rpc, valkey, budget(per_second=1000), HandClock()) for _ in range(2)]
    limiters[1].permit(SCOPE, "live")

    limiters[0].observe(SCOPE, ObservedLimits(per_second=1))
    permits, snooze = spend(limiters[1])

    assert permits <= 2
    assert snooze.reason == "the calls of this second are used up"


def test_after_a_429_everybody_holds(rpc, valkey):
    """A limit per second that was hit all the same: nobody gets a slot for a moment."""
    one, other = Pacer(rpc, valkey, HandClock()), Pacer(rpc, valkey, HandClock())

    one.hold("s", 7)
    slot = other.slot("s", per_second=100, safety_margin=0.2)

    assert not slot.booked
    assert 6 < slot.wait_s <= 7


def test_a_clock_of_valkey_that_went_back_does_not_stop_us(rpc, valkey):
    """A booking an hour ahead cannot be ours: it is taken as unknown, not waited for (row 53)."""
    pacer = Pacer(rpc, valkey, HandClock())
    pacer.slot("s", per_second=5, safety_margin=0.2)
    ahead = int((time.time() + 3600) * 1e6)
    valkey.set("keeper:{s}:used", ahead)

    slot = pacer.slot("s", per_second=5, safety_margin=0.2)

    assert slot.booked
    assert 0 < slot.wait_s < 1  # and without credit


@pytest.mark.parametrize("kept_by", ["valkey", "postgres"])
@pytest.mark.parametrize(("per_second", "patience_s"), [(0.625, 2.0), (5, 0.5)])
def test_what_is_booked_far_ahead_is_not_taken_for_a_clock_that_went_back(rpc, valkey, kept_by, per_second, patience_s):
    """A slow scope, or one who waits less long than the others: their slots stand, the next one comes after them."""
    pacer = Pacer(rpc, valkey if kept_by == "valkey" else None, HandClock())
    sends(pacer, 100, per_second=per_second)

    slot = pacer.slot("s", per_second=per_second, safety_margin=0.2, longest_wait_s=patience_s)

    assert not slot.booked
    assert slot.wait_s > patience_s


@pytest.mark.parametrize("kept_by", ["valkey", "postgres"])
def test_whoever_is_refused_takes_nothing(rpc, valkey, kept_by):
    """However often backfills ask in vain: they do not come further, and a live call finds its place behind them."""
    limiter = RateLimiter(rpc, valkey if kept_by == "valkey" else None, budget(per_second=5), HandClock())
    spend(limiter, "backfill")
    for _ in range(10):
        spend(limiter, "backfill")

    permits, _ = spend(limiter, "live")

    assert permits >= 1


@pytest.mark.parametrize(("limit", "margin", "burst"), [(5, 0.2, 1), (20, 0.8, 8)])
def test_half_of_the_margin_may_go_at_once(rpc, valkey, limit, margin, burst):
    """After a pause a call does not wait, nor do as many as half of what the steady rate leaves; one at least."""
    pacer, rate = Pacer(rpc, valkey, HandClock()), limit * (1 - margin)
    pacer.slot("s", per_second=limit, safety_margin=margin)
    valkey.set("keeper:{s}:used", int((time.time() - 60) * 1e6))
    started = time.monotonic()

    at_once = 0
    while pacer.slot("s", per_second=limit, safety_margin=margin).wait_s == 0:
        at_once += 1
    steady = (time.monotonic() - started) * rate

    assert burst <= at_once <= burst + steady


def test_the_change_to_the_database_gives_no_credit(rpc, db):
    """Valkey goes away in mid second: the first slot of the database waits one interval; so it does after a pause."""
    pacer = Pacer(rpc, None, HandClock())

    first = pacer.slot("s", per_second=5, safety_margin=0.2)
    db.execute("update private.api_budgets set paced_until = now() - interval '1 minute'")
    later = pacer.slot("s", per_second=5, safety_margin=0.2)

    assert first.wait_s > 0.2
    assert later.wait_s > 0.2


@pytest.mark.parametrize("fault", ["gone", "full"])
def test_without_valkey_the_database_paces(rpc, valkey, fault):
    """Valkey refuses connections or writes: calls go on, in the same rhythm, and nothing is raised (rows 15, 16)."""
    broken = gone()
    if fault == "full":
        broken = valkey
        valkey.config_set("maxmemory", "1")
    try:
        pacer = Pacer(rpc, broken, HandClock())
        pacer.tell_limit("s", 5)
        moments, wait = sends(pacer, 10**6, per_second=5)
        pacer.hold("s", 60)
        held = Pacer(rpc, None, HandClock()).slot("s", per_second=5, safety_margin=0.2)
    finally:
        valkey.config_set("maxmemory", "0")
        broken.close()

    assert len(moments) >= 8
    assert wait > 2
    assert most_in_one_second(moments) <= 5
    assert not held.booked  # a pause that the platform asks for is everybody's without Valkey, too
    assert 50 < held.wait_s <= 60


def test_a_silent_valkey_is_asked_seldom(rpc):
    """A Valkey that accepts and says nothing costs one timeout in five seconds, not one a call (row 17)."""
    clock = HandClock()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = connect_valkey(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        pacer = Pacer(rpc, client, clock)
        started = time.monotonic()
        for _ in range(5):
            assert pacer.slot("s", per_second=1000, safety_margin=0.2).booked
        first_five = time.monotonic() - started
        client.close()

    assert first_five < 2.5  # one attempt and its repeat, of half a second each


def test_valkey_is_asked_again_after_a_while(rpc, valkey):
    """After five seconds the slots come from Valkey again."""
    clock = HandClock()
    pacer = Pacer(rpc, valkey, clock)
    pacer._valkey_rests_until = 5.0
    pacer.slot("s", per_second=5, safety_margin=0.2)
    during = valkey.exists("keeper:{s}:lease")

    clock.seconds += 5
    pacer.slot("s", per_second=5, safety_margin=0.2)

    assert (during, valkey.exists("keeper:{s}:lease")) == (0, 1)


def test_a_short_wait_is_slept_and_a_long_one_parks(rpc, valkey):
    """Up to two seconds are slept on the clock that was passed in; beyond, the job is sent away and books nothing."""
    clock = HandClock()
    limiter = RateLimiter(rpc, valkey, budget(per_second=5), clock)
    for _ in range(100):
        try:
            limiter.permit(SCOPE, "live")
        except Snooze as snooze:
            result = snooze
            break

    assert 1.5 < max_run(clock.slept) <= 2.0
    assert timedelta(seconds=1) <= result.delay < timedelta(seconds=4)
    assert result.reason == "the calls of this second are used up"


def max_run(slept):
    """The longest single wait: sleeps are cut into looks of a quarter of a second."""
    longest = run = 0.0
    for seconds in slept:
        run += seconds
        longest = max(longest, run) if seconds == 0.25 else longest
        run = run if seconds == 0.25 else 0.0
    return longest


@pytest.mark.parametrize(("late", "slots"), [([0.05], 1), ([0.15, 0.0], 2), ([0.15] * 9, 5)])
def test_a_slot_that_was_overslept_is_not_used(rpc, monkeypatch, late, slots):
    """A worker that wakes 150 ms late would crowd the next call's second: it takes another slot; never for ever."""
    delays, taken, clock = iter(late), [], HandClock()
    limiter = RateLimiter(rpc, None, budget(), clock)

    def slot(*_, **__):
        taken.append(1)
        clock.seconds += next(delays)
        return Slot(booked=True, wait_s=0.0)

    monkeypatch.setattr(limiter._pacer, "slot", slot)

    limiter.permit(SCOPE, "live")

    assert len(taken) == slots


def test_a_stopping_worker_does_not_sit_out_a_wait(rpc, valkey, db):
    """A stop that comes during a wait ends it within a quarter of a second, and the call is not spent (row 4)."""
    stopping = False

    def stop(_):
        nonlocal stopping
        stopping = True

    clock = HandClock(on_sleep=stop)
    limiter = RateLimiter(rpc, valkey, budget(per_second=1), clock, stopping=lambda: stopping)

    with pytest.raises(Snooze, match="stopping"):
        limiter.permit(SCOPE, "live")
    limiter.give_back()

    assert clock.slept == [0.25]
    assert booked(db) == 0


def test_valkey_never_sees_a_key_of_ours(rpc, valkey):
    """What Valkey holds names a hash; the application key is in no key and no value (row 18)."""
    limiter = RateLimiter(rpc, valkey, budget(), HandClock())
    limiter.permit(SCOPE, "live")
    limiter.throttled(SCOPE, timedelta(seconds=5))

    held = b" ".join(key + (valkey.get(key) or b"") for key in valkey.keys("*"))

    assert SCOPE.key.encode() in held
    assert b"keystring" not in held
