"""Samples take what is left over of a day: never more than their share, and never what others are kept for."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from execution.sync_orchestrator import RoundRules
from tests.schema.set_clock import SetClock
from tests.schema.test_budget_rules import SCOPE, WINDOW, book, reserve

LIVE = 100
DAY, BACKFILL = 1000, 500
RULES = RoundRules.load()
SHARE, RESERVE = round(DAY * RULES.sampling.share), round(DAY * RULES.sampling.reserve)


def taken(clock: SetClock, call_class: str = "sample", most: int = 60) -> int:
    """As many single calls as there are to be had, at most so many."""
    got = 0
    while got < most and reserve(clock, call_class=call_class, p_live_share=0.1)["granted"]:
        got += 1
    return got


def used(clock: SetClock, call_class: str | None = None) -> int:
    (calls,) = clock.db.execute(
        "select coalesce(sum(reserved - returned), 0)::int from private.api_calls where scope = %s"
        " and class = coalesce(%s, class) and bucket > %s",
        [SCOPE, call_class, clock.now - WINDOW],
    ).fetchone()
    return calls


def test_no_more_than_their_share_of_any_day(clock):
    assert taken(clock) == SHARE

    clock.go_on(hours=12)
    assert taken(clock) == 0
    clock.go_on(hours=12, minutes=6)
    assert taken(clock) == SHARE


@pytest.mark.parametrize(("asked", "kept"), [(False, LIVE + RESERVE), (True, LIVE + RESERVE + BACKFILL)])
@pytest.mark.parametrize("left", [-3, 0, 7])
def test_nothing_of_what_others_are_kept_for(clock, asked, kept, left):
    book(clock, DAY - kept - left, "incremental", hours=2)
    if asked:
        clock.db.execute("update private.api_budgets set backfill_asked_at = %s", [clock.now])

    assert taken(clock) == max(0, left)
    # Live calls and backfills find what they had.
    assert taken(clock, "live", LIVE) == LIVE
    assert not asked or taken(clock, "backfill", BACKFILL) == BACKFILL


def test_a_sample_asks_for_nobody(clock):
    """Others used the key up: one call now and then asks whether they still do, and that is none of these."""
    clock.call("report_limits", p_scope=SCOPE, p_per_second=5, p_per_day=DAY, p_remaining_today=0)
    clock.go_on(hours=2)

    assert taken(clock) == 0


def test_who_is_refused_comes_back_within_the_hour(clock):
    taken(clock)

    answer = reserve(clock, call_class="sample", p_live_share=0.1)

    assert (answer["granted"], answer["reason"]) == (0, "no calls of the day are left over")
    assert answer["wake_in_seconds"] <= 3600


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_before(clock, seed):
    """Any history of three days: after each sample all others still have what is kept for them."""
    rng = random.Random(seed)
    for _ in range(80):
        clock.go_on(minutes=rng.choice((1, 20, 90)))
        kind = rng.choice(("live", "incremental", "incremental", "backfill", "sample", "sample"))
        granted = reserve(clock, rng.randint(1, 120), kind, p_live_share=0.1)["granted"]

        assert used(clock, "sample") <= SHARE
        if kind == "sample" and granted:
            (asked,) = clock.db.execute(
                "select coalesce(backfill_asked_at > %s, false) from private.api_budgets",
                [clock.now - timedelta(days=1)],
            ).fetchone()
            kept = max(0, LIVE - used(clock, "live")) + max(0, BACKFILL - used(clock, "backfill")) * asked
            assert DAY - used(clock) >= kept + RESERVE
