"""The day's and the second's rules in the database, each by itself and to the second, on a clock that is set."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from tests.schema.set_clock import SetClock, set_clock

SCOPE = "etsy:app:0123456789abcdef"
_READ_THE_CLOCK = (
    "reserve_calls", "return_calls", "report_limits", "block_scope", "count_answers",
    "lease_pacing", "pace_call", "pace_cost",
)  # fmt: skip
WINDOW = timedelta(hours=24, minutes=5)


@pytest.fixture
def clock(clean, db):
    with set_clock(db, *_READ_THE_CLOCK) as clock:
        yield clock


def reserve(clock: SetClock, wanted=1, call_class="live", **changes):
    """A block out of a thousand calls a day, of which backfills have a half; nothing is kept for live."""
    ask = {
        "p_block_id": str(uuid.uuid4()),
        "p_scope": SCOPE,
        "p_class": call_class,
        "p_wanted": wanted,
        "p_per_second": 5,
        "p_per_day": 1000,
        "p_backfill_share": 0.5,
    }
    return clock.call("reserve_calls", **(ask | changes))


def book(clock: SetClock, calls, call_class="live", **ago):
    """So many calls were booked so long ago."""
    clock.db.execute("insert into private.api_budgets (scope) values (%s) on conflict do nothing", [SCOPE])
    clock.db.execute(
        "insert into private.api_calls (scope, bucket, class, reserved) values (%s, private.bucket_of(%s), %s, %s)",
        [SCOPE, clock.now - timedelta(**ago), call_class, calls],
    )


def report(clock: SetClock, remaining):
    clock.call("report_limits", p_scope=SCOPE, p_per_second=5, p_per_day=1000, p_remaining_today=remaining)


def moment(told):
    return datetime.fromisoformat(told).astimezone(UTC)


@pytest.mark.parametrize("second", [0, 150, 284.9, 285, 289, 290, 295, 299.9])
def test_a_block_is_at_least_five_seconds_long(clock, second):
    """Whenever it is asked for; and it ends ten seconds before its bucket, at the latest five minutes from now."""
    clock.go_on(seconds=second)

    lasts_s = reserve(clock)["expires_in_seconds"]

    (bucket,) = clock.db.execute("select bucket from private.call_blocks").fetchone()
    assert 5 <= lasts_s <= 305
    assert clock.now + timedelta(seconds=lasts_s + 10) == bucket + timedelta(minutes=5)


@pytest.mark.parametrize(("free", "granted"), [(1000, 20), (100, 10), (55, 5), (9, 1), (1, 1), (0, 0)])
def test_blocks_shrink_as_the_day_runs_out(clock, free, granted):
    """A tenth of what is free at most, and one at least: the last calls are shared."""
    book(clock, 1000 - free, hours=1)

    assert reserve(clock, 20)["granted"] == granted


@pytest.mark.parametrize(("wanted", "buckets"), [(1, 1), (2, 2), (1000, 2)])
def test_a_wake_is_worth_it(clock, wanted, buckets):
    """Nobody is woken for one call: a five-hundredth of the day is free by then, or all that was wanted."""
    for minutes in (0, 5, 10):
        book(clock, 1, hours=20, minutes=-minutes)
    book(clock, 997, hours=1)

    wake = moment(reserve(clock, wanted)["wake_at"])

    oldest = clock.now - timedelta(hours=20)
    assert wake == oldest + timedelta(minutes=5 * (buckets - 1)) + WINDOW


@pytest.mark.parametrize(("counts", "minutes"), [([0], 60), ([0, 50], 15)], ids=["no room", "room for a question"])
def test_a_key_that_others_use_up_is_asked_now_and_then(clock, counts, minutes):
    """One call asks in a quarter of an hour; one an hour where the count itself would refuse it. Never two."""
    for remaining in counts:
        report(clock, remaining)

    granted = []
    for wait in (minutes - 0.1, 0.1, 0, 1):
        clock.go_on(minutes=wait)
        granted.append(reserve(clock, 20)["granted"])

    assert granted == [0, 1, 0, 0]


def answers(clock: SetClock, count, errors):
    """How long nobody calls, after so many answers."""
    return clock.call(
        "count_answers", p_scope=SCOPE, p_answers=count, p_errors=errors, p_pause_share=0.03, p_stop_share=0.04
    )


@pytest.mark.parametrize(("minutes", "wait_s"), [(59.9, 300), (60, 0)])
def test_errors_are_forgotten_after_an_hour(clock, minutes, wait_s):
    """Three errors of before count for the fourth within the hour; later the fourth is the first."""
    answers(clock, 100, 3)

    clock.go_on(minutes=minutes)

    assert answers(clock, 1, 1) == wait_s


def pace(clock: SetClock, **changes):
    """Whether it is booked, and the wait: five a second less a fifth is a step of a quarter, and a burst of one."""
    ask = {"p_scope": SCOPE, "p_per_second": 5, "p_safety_margin": 0.2, "p_longest_wait_seconds": 2.0}
    answer = clock.call("pace_call", **(ask | changes))
    return answer["booked"], pytest.approx(answer["wait_seconds"], abs=1e-5)


def test_postgres_refuses_slots_that_are_far_away(clock):
    """Two seconds ahead at most, or less for who has less patience; a refusal books nothing."""
    slots = [pace(clock) for _ in range(8)]

    assert slots == [(True, number / 4) for number in range(1, 9)]
    assert pace(clock) == pace(clock) == (False, 2.25)
    clock.go_on(seconds=0.25)
    assert pace(clock, p_longest_wait_seconds=1.9) == (False, 2.0)
    assert pace(clock) == (True, 2.0)
