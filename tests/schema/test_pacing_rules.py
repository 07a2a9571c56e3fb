"""The second's rules in the database, while Valkey is away: to the microsecond, on a clock that is set."""

from __future__ import annotations

from datetime import timedelta

import pytest

from execution.budget.budgets import load_budgets
from tests.schema.set_clock import SetClock

SCOPE = "shopify:shop:0123456789abcdef"


def pace(clock: SetClock, **changes):
    """Whether it is booked, and the wait: five a second less a fifth is a step of a quarter, and a burst of one."""
    ask = {"p_scope": SCOPE, "p_per_second": 5, "p_safety_margin": 0.2, "p_longest_wait_seconds": 2.0}
    answer = clock.call("pace_call", **(ask | changes))
    return answer["booked"], pytest.approx(answer["wait_seconds"], abs=1e-5)


def cost(clock: SetClock, points, **changes):
    """Whether it is booked, and the wait: of a thousand points a hundred come back a second, and a hundred stay."""
    ask = {
        "p_scope": SCOPE,
        "p_kind": "points",
        "p_maximum": 1000.0,
        "p_restore": 100.0,
        "p_cost": float(points),
        "p_keep": 100.0,
        "p_longest_wait_seconds": 2.0,
    }
    answer = clock.call("pace_cost", **(ask | changes))
    return answer["booked"], pytest.approx(answer["wait_seconds"], abs=1e-5)


@pytest.mark.parametrize("column", ["paced_until", "valkey_until"])
def test_a_clock_that_went_back_costs_two_seconds_of_quiet(clock, column):
    """Nobody books further ahead, so what lies an hour ahead is no slot to wait for."""
    pace(clock)
    clock.db.execute(f"update private.api_budgets set {column} = %s", [clock.now + timedelta(hours=1)])

    granted = clock.call("lease_pacing", p_scope=SCOPE, p_seconds=5.0, p_state_kept=False)

    assert granted["quiet_seconds"] == 2


@pytest.mark.parametrize(
    ("state_kept", "after_s", "quiet_s"), [(True, 3, 0), (False, 3, 2), (False, 6, 1), (False, 7, 0)]
)
def test_only_a_state_that_is_lost_asks_for_quiet(clock, state_kept, after_s, quiet_s):
    """Whoever lost the slots of a lease of five seconds waits until all are used; whoever has them still goes on."""
    clock.call("lease_pacing", p_scope=SCOPE, p_seconds=5.0, p_state_kept=False)
    clock.go_on(seconds=after_s)

    granted = clock.call("lease_pacing", p_scope=SCOPE, p_seconds=5.0, p_state_kept=state_kept)

    assert granted["quiet_seconds"] == quiet_s


@pytest.mark.parametrize(("minutes", "drawn"), [(59, True), (60, False)])
def test_a_lease_tells_for_an_hour_that_postgres_drew(clock, minutes, drawn):
    """As long as Valkey remembers a bucket; later it knows none."""
    cost(clock, 1)
    clock.go_on(minutes=minutes)

    granted = clock.call("lease_pacing", p_scope=SCOPE, p_seconds=5.0, p_state_kept=True)

    assert granted["buckets_drawn"] is drawn


def test_postgres_refuses_slots_that_are_far_away(clock):
    """Two seconds ahead at most, or less for who has less patience; a refusal books nothing."""
    slots = [pace(clock) for _ in range(8)]

    assert slots == [(True, number / 4) for number in range(1, 9)]
    assert pace(clock) == pace(clock) == (False, 2.25)
    clock.go_on(seconds=0.25)
    assert pace(clock, p_longest_wait_seconds=1.9) == (False, 2.0)
    assert pace(clock) == (True, 2.0)


@pytest.mark.parametrize(("limit", "margin", "burst"), [(20, 0.8, 8), (5, 0.2, 1)])
@pytest.mark.parametrize("pause_s", [0.9, 1.1])
def test_a_burst_is_for_who_paused_a_moment(clock, limit, margin, burst, pause_s):
    """Half of the margin, and one at least. After more than a second Valkey may have paced: no credit."""
    pace(clock, p_per_second=limit, p_safety_margin=margin)
    step_s = 1 / (limit * (1 - margin))
    clock.go_on(seconds=(burst + 1) * step_s + pause_s)
    at_once = burst if pause_s < 1 else 0

    waits = [pace(clock, p_per_second=limit, p_safety_margin=margin)[1] for _ in range(at_once + 1)]

    assert waits == [0.0] * at_once + [step_s]


@pytest.mark.parametrize("limit", [5, 10, 150])
def test_the_margin_has_room_for_a_call_of_others_and_for_late_ones_of_ours(clock, limit):
    """Calls that are up to a quarter of a second late meet the punctual ones behind them: the limit still holds."""
    ask = {"p_scope": SCOPE, "p_per_second": limit, "p_safety_margin": load_budgets()["etsy"].safety_margin}
    clock.call("pace_call", **ask, p_longest_wait_seconds=2.0)
    clock.go_on(seconds=0.9)
    slots = [clock.call("pace_call", **ask, p_longest_wait_seconds=2.0) for _ in range(2 * limit)]
    sent = [slot["wait_seconds"] for slot in slots if slot["booked"]]

    crowd = max(sum(first <= at < first + 1.25 for at in sent) for first in sent)

    assert max(sent) > 1.25
    assert crowd + 1 <= limit


def test_a_clock_of_postgres_that_went_back_does_not_stop_us(clock):
    """A slot an hour ahead cannot be ours: unknown, and without credit."""
    pace(clock)
    clock.go_on(hours=-1)

    assert pace(clock) == (True, 0.25)


def test_postgres_paces_by_the_limit_that_was_told(clock):
    """Not by the one that is assumed."""
    clock.call("report_limits", p_scope=SCOPE, p_per_second=1, p_per_day=None, p_remaining_today=None)

    assert pace(clock) == (True, 1.25)


def test_postgres_draws_what_a_bucket_has(clock):
    """It starts without credit, fills with time and no further than full; a refusal draws nothing."""
    assert [cost(clock, 100), cost(clock, 100), cost(clock, 100), cost(clock, 50)] == [
        (True, 1), (True, 2), (False, 3), (False, 2.5),
    ]  # fmt: skip
    clock.go_on(seconds=1)
    assert cost(clock, 100) == (True, 2)
    clock.go_on(seconds=60)
    assert [cost(clock, 900), cost(clock, 1)] == [(True, 0), (True, 0.01)]


def test_a_clock_that_went_back_drains_no_bucket_in_postgres(clock):
    cost(clock, 100)
    clock.go_on(seconds=-30)

    assert cost(clock, 100) == (True, 2)


def test_a_call_that_needs_nearly_all_of_a_bucket_gets_it(clock):
    """What must stay gives way: it would wait for ever otherwise."""
    cost(clock, 1)
    clock.go_on(seconds=60)

    assert cost(clock, 950) == (True, 0)


def test_buckets_are_by_scope_and_kind(clock):
    """An empty bucket of points tells nothing of calls, nor of another shop."""
    places = [{}, {"p_kind": "calls"}, {"p_scope": "shopify:shop:another"}]
    for place in places:
        cost(clock, 0, **place)
    clock.go_on(seconds=60)
    for place in places:
        cost(clock, 0, **place)

    clock.call("bucket_seen", p_scope=SCOPE, p_kind="points", p_available=0.0)

    assert [cost(clock, 500, **place) for place in places] == [(False, 6), (True, 0), (True, 0)]


def test_postgres_draws_nothing_while_a_scope_is_held(clock):
    clock.call("block_scope", p_scope=SCOPE, p_seconds=30.0)

    assert cost(clock, 1) == (False, 30)
