"""The day's rules in the database, each by itself and to the second, on a clock that is set."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from tests.schema.set_clock import SetClock

SCOPE = "etsy:app:0123456789abcdef"
WINDOW = timedelta(hours=24, minutes=5)


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


def moment(facts):
    return datetime.fromisoformat(facts).astimezone(UTC)


@pytest.mark.parametrize("second", [0, 150, 284.9, 285, 289, 290, 295, 299.9])
def test_a_block_is_at_least_five_seconds_long(clock, second):
    """Whenever it is asked for; and it ends ten seconds before its bucket, at the latest five minutes from now."""
    clock.go_on(seconds=second)

    lasts_s = reserve(clock)["expires_in_seconds"]

    (bucket,) = clock.db.execute("select bucket from private.call_blocks").fetchone()
    assert 5 <= lasts_s <= 305
    assert clock.now + timedelta(seconds=lasts_s + 10) == bucket + timedelta(minutes=5)


def test_a_repeated_reservation_ends_when_the_first_one_did(clock):
    """The answer was lost and the next bucket has begun: the block is still one of its own bucket."""
    block = str(uuid.uuid4())
    clock.go_on(seconds=280)
    first = reserve(clock, p_block_id=block)
    clock.go_on(seconds=8)

    second = reserve(clock, p_block_id=block)

    assert (first["expires_in_seconds"], second["expires_in_seconds"]) == (10, 2)


@pytest.mark.parametrize(("free", "granted"), [(1000, 20), (100, 10), (55, 5), (9, 1), (1, 1), (0, 0)])
def test_blocks_shrink_as_the_day_runs_out(clock, free, granted):
    """A tenth of what is free at most, and one at least: the last calls are shared."""
    book(clock, 1000 - free, hours=1)

    assert reserve(clock, 20)["granted"] == granted


def test_calls_count_until_their_whole_bucket_is_a_day_old(clock):
    """One of them may have been sent at the very end of its five minutes."""
    book(clock, 1000, seconds=0)

    granted = []
    for later in ({"hours": 24, "minutes": 4.99}, {"seconds": 1}):
        clock.go_on(**later)
        granted.append(reserve(clock)["granted"])

    assert granted == [0, 1]


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


@pytest.mark.parametrize(("remaining", "granted"), [(6, 0), (7, 1)])
def test_nobody_asks_where_others_may_have_taken_the_last_calls(clock, remaining, granted):
    """They go on calling while nobody asks. Of 200 a day about two come in a quarter of an hour, and six at most."""
    book(clock, 800 - remaining, hours=5)
    report(clock, 0)
    clock.db.execute("update private.api_budgets set external_calls = 200, external_peak = 210")

    clock.go_on(minutes=15)

    assert reserve(clock)["granted"] == granted


def test_nobody_asks_where_most_of_the_day_is_ours(clock):
    """Our calls leave the window without a question, whose answer would be a refusal: until then nobody asks."""
    book(clock, 800, seconds=0)
    report(clock, 0)

    granted = []
    for hours in (1, 22, 1, 1 / 12):
        clock.go_on(hours=hours)
        granted.append(reserve(clock)["granted"])

    assert granted == [0, 0, 0, 1]


@pytest.mark.parametrize(("minutes", "free"), [(0, 20), (1, 19), (15, 13), (45, 5), (60, 1), (1200, 1)])
def test_the_longer_the_silence_the_more_is_left_to_others(clock, minutes, free):
    """Of 240 a day ten come in an hour, 19 at most; by then as many have left."""
    report(clock, 760)
    book(clock, 760 - 20, hours=1)

    clock.go_on(minutes=minutes)

    assert sum(reserve(clock)["granted"] for _ in range(25)) == free


def test_a_backfill_whose_share_is_used_asks_nobody(clock):
    """Calls of others are not what stands in its way: it waits for its share, and leaves the question to others."""
    book(clock, 500, "backfill", hours=1)
    report(clock, 0)
    clock.go_on(minutes=61)

    refused = reserve(clock, call_class="backfill")

    assert refused["granted"] == 0
    assert moment(refused["wake_at"]) == clock.now - timedelta(hours=2, minutes=1) + WINDOW
    assert reserve(clock)["granted"] == 1


@pytest.mark.parametrize(("wanted", "minutes"), [(1, 0), (2, 5)])
def test_a_backfill_wakes_when_enough_of_its_share_is_free(clock, wanted, minutes):
    for minute in (0, 5):
        book(clock, 1, "backfill", hours=20, minutes=-minute)
    book(clock, 498, "backfill", hours=1)

    wake = moment(reserve(clock, wanted, "backfill")["wake_at"])

    assert wake == clock.now - timedelta(hours=20) + timedelta(minutes=minutes) + WINDOW


@pytest.mark.parametrize(("per_day", "wanted", "minutes"), [(1000, 1, 14.4), (1000, 2, 15), (100_000, 1, 1)])
def test_who_may_borrow_wakes_when_as_much_is_lent(clock, per_day, wanted, minutes):
    """A tenth of the day is lent evenly over it; nobody sleeps longer than a quarter of an hour, or under a minute."""
    book(clock, per_day * 9 // 10, "incremental", hours=20)

    refused = reserve(clock, wanted, "incremental", p_per_day=per_day, p_live_share=0.1)

    assert refused["granted"] == 0
    assert moment(refused["wake_at"]) == clock.now + timedelta(minutes=minutes)


@pytest.mark.parametrize(("used", "lent"), [(9000, 41), (9940, 18)])
def test_an_hours_worth_is_lent_once(clock, used, lent):
    """Every call of a block is paid for: a thousand a day are 41 an hour. Of the last 60 live keeps 42, an hour's."""
    book(clock, used, "incremental", hours=20)
    clock.db.execute("update private.api_budgets set lent_until = %s", [clock.now - timedelta(hours=1)])

    blocks = [reserve(clock, 20, "incremental", p_per_day=10_000, p_live_share=0.1)["granted"] for _ in range(50)]

    assert max(blocks) == lent // 10
    assert sum(blocks) == lent


def test_backfills_keep_their_share_as_long_as_they_ask(clock):
    """The last time counts, not the first: of 999 free calls 499 are kept, and a tenth of the rest is a block."""
    reserve(clock, call_class="backfill")
    clock.go_on(hours=23)
    reserve(clock, call_class="backfill")
    clock.go_on(hours=2)

    assert reserve(clock, 1000, "incremental")["granted"] == 50


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        ([(0, 800)], 200),
        ([(0, 800), (60, 750)], 593),
        ([(0, 1000), (1, 990)], 1525),
        ([(0, 800), (0, 815)], 200),
        ([(0, 1000), (720, 990), (721, 980)], 20),
    ],
    ids=["a level", "grows by the hour", "too early to tell", "a dip", "after a day"],
)
def test_what_is_expected_of_others(clock, reported, expected):
    """A level stays; what grew beyond chance grows on for the rest of the first day, as it did in ten minutes or more.

    250 after an hour, of 200 at first: 250 - 208.3 - 28.3 is 13.4 an hour, in 23 hours 308 and, by chance, 35 more.
    """
    for minutes, remaining in reported:
        clock.go_on(minutes=minutes)
        report(clock, remaining)

    (scope,) = clock.call("budget_report", p_platform="etsy")["scopes"]

    assert scope["expected_external"] == expected


@pytest.mark.parametrize(("ago", "others"), [({"minutes": 1}, 50), ({"hours": 2}, 20), ({"hours": 23.5}, 50)])
def test_a_lower_count_is_believed_as_far_as_it_proves(clock, ago, others):
    """A hundred calls of ours: of ten minutes to 23 hours ago they are counted for certain; others perhaps not."""
    book(clock, 100, **ago)
    report(clock, 850)

    report(clock, 880)

    assert clock.db.execute("select external_calls from private.api_budgets").fetchone() == (others,)


def answers(clock: SetClock, count, errors, scope=SCOPE):
    """How long nobody calls, after so many answers."""
    return clock.call(
        "count_answers", p_scope=scope, p_answers=count, p_errors=errors, p_pause_share=0.03, p_stop_share=0.04
    )


@pytest.mark.parametrize(("minutes", "wait_s"), [(59.9, 300), (60, 0)])
def test_errors_are_forgotten_after_an_hour(clock, minutes, wait_s):
    """Three errors of before count for the fourth within the hour; later the fourth is the first."""
    answers(clock, 100, 3)

    clock.go_on(minutes=minutes)

    assert answers(clock, 1, 1) == wait_s


def test_errors_of_another_scope_are_its_own(clock):
    """One seller's bad answers hold nobody else's calls."""
    answers(clock, 100, 3)

    assert answers(clock, 10, 1, scope="printify:account:another") == 0


def test_good_answers_hold_nothing(clock):
    """The pause is over and the share still high: only the next bad answer pauses again."""
    assert answers(clock, 100, 3) == 300
    clock.go_on(minutes=6)

    assert answers(clock, 1, 0) == 0
    assert reserve(clock)["granted"] == 1


@pytest.mark.parametrize(("asked_s", "wake_s"), [(-5, 1), (10_800, 10_800), (10**9, 86_400)])
def test_a_hold_says_why_and_how_long(clock, asked_s, wake_s):
    """A second at least and a day at most; whoever is refused reads the reason and comes back at its end."""
    clock.call("block_scope", p_scope=SCOPE, p_seconds=float(asked_s), p_reason="the platform asked for a pause")

    result = reserve(clock)

    assert (result["granted"], result["wake_in_seconds"]) == (0, wake_s)
    assert result["reason"] == "the platform asked for a pause"


@pytest.mark.parametrize(("unused", "left"), [(99, 0), (-99, 5), (2, 3)])
def test_no_more_than_a_block_goes_back(clock, unused, left):
    """Whatever is claimed to be unused: between nothing and the block."""
    block = str(uuid.uuid4())
    book(clock, 10, minutes=5)
    reserve(clock, 5, p_block_id=block)

    clock.call("return_calls", p_block_id=block, p_unused=unused)

    assert clock.db.execute("select sum(reserved - returned)::int from private.api_calls").fetchone() == (10 + left,)


def test_a_block_that_was_never_granted_is_nobodys_to_give_back(clock):
    assert clock.call("return_calls", p_block_id=str(uuid.uuid4()), p_unused=1) is False


def test_what_is_used_counts_others_too(clock):
    """By it a process says that the day is nearly over."""
    book(clock, 10, hours=2)
    report(clock, 400)

    result = reserve(clock, 5)

    assert (result["used"], result["per_day"]) == (605, 1000)
