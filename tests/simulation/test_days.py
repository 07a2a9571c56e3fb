"""Three simulated days of one key: real worker processes, killed at random, and the platform's own limits as judge.

Seeded and small here; `python -m tests.simulation` plays the full size (10,000 calls a day, 200 kills).
"""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from execution.budget.budgets import load_budgets
from sandbox.etsy.limits import Limits
from sandbox.etsy.settings import Settings
from tests.simulation.conductor import Conductor, Plan
from tests.simulation.judges import DAY_S, Received, fullest, over, refusals, unused, used
from tests.simulation.servers import libfaketime, timed_servers
from tests.standins.etsy import Etsy

PLAN = Plan(
    seed=11,
    days=3,
    per_second=10,
    per_day=1000,
    kills=8,
    flushes=3,
    valkey_deaths=2,
    external_share=0.2,
    budget=replace(load_budgets()["etsy"], per_second=10, per_day=1000),
)


@pytest.fixture(scope="module")
def servers():
    if libfaketime() is None:
        if os.environ.get("CI"):
            pytest.fail("libfaketime is not installed")
        pytest.skip("simulated days need libfaketime (apt install libfaketime)")
    with timed_servers() as timed:
        yield timed


def play(servers, **changes):
    conductor = Conductor(plan=replace(PLAN, **changes), servers=servers)
    conductor.run()
    return conductor


def test_three_days_are_used_and_never_exceeded(servers):
    """No window over its limit, none refused, half for backfills, 98 % used: through kills, skew, lost Valkeys."""
    played = play(servers)

    ledger = [call for call in played.ledger if call.at >= 0]
    assert played.killed == PLAN.kills
    assert refusals(ledger) == []
    assert over(ledger, PLAN.per_second, 1.0) == []
    assert over(ledger, PLAN.per_day, DAY_S, by=("live", "incremental", "backfill")) == []
    assert over(ledger, PLAN.per_day * 0.5, DAY_S, by=("backfill",)) == []
    assert unused(ledger, PLAN.per_day, PLAN.days, 0.98) == []


def test_workers_that_cheat_are_found(servers):
    """A planted violation: two calls in a hundred without a permit end in a refusal by the platform."""
    servers.start_anew()

    played = play(servers, days=1, per_day=300, kills=0, flushes=0, valkey_deaths=0, cheats=0.05,
                  budget=replace(PLAN.budget, per_day=300))  # fmt: skip

    ours = [call for call in played.ledger if call.by != "external"]
    assert refusals(ours)


def test_the_judge_in_the_process_is_the_sandboxs(tmp_path):
    """The same calls at the same moments: the sandbox over HTTP answers the same headers as the limits in here."""
    moments = [0.0, 0.1, 0.2, 0.95, 1.05, 3599.0, 3600.5, 90_000.0, 90_000.2, 90_000.4, 90_000.6]
    settings = replace(Settings(), per_second=3, per_day=6, second_window="sliding", day_bucket_seconds=3600)
    with Etsy.running(tmp_path) as etsy:
        clock = Standing()
        limits = Limits(settings, clock)
        etsy.control("POST", "/settings", per_second=3, per_day=6, second_window="sliding", day_bucket_seconds=3600)
        for moment in moments:
            clock.at = 1_795_000_000.0 + moment
            verdict = limits.admit()
            status, headers = ping(etsy, clock.at)

            assert (status == 429) == bool(verdict.refused), moment
            assert {name.decode(): value.decode() for name, value in verdict.headers}.items() <= headers.items()


class Standing:
    at = 0.0

    def now(self):
        return self.at


def ping(etsy: Etsy, at):
    etsy.control("POST", "/clock", now=at)
    key = f"{etsy.env['ETSY_KEYSTRING']}:{etsy.env['ETSY_SHARED_SECRET']}"
    answer = etsy.http.get("/v3/application/openapi-ping", headers={"x-api-key": key})
    return answer.status_code, dict(answer.headers)


def calls(*moments, by="live", refused=""):
    return [Received(at=at, by=by, refused=refused) for at in moments]


def test_each_judge_finds_what_was_planted():
    """One call too many in a window of any position, a refusal, a greedy backfill, an unused day."""
    steady = calls(*(float(number) for number in range(100)))

    assert fullest([0.0, 0.5, 0.999, 1.0], 1.0) == (3, 0.999)
    assert over(steady, 1, 1.0) == []
    assert over([*steady, *calls(99.9)], 1, 1.0) == ["2 calls (all) in 1 s before 99.900; 1 allowed"]
    assert over(calls(0.0, DAY_S - 0.1), 1, DAY_S) != []
    assert over(calls(0.0, DAY_S), 1, DAY_S) == []
    assert over(calls(1.0, 2.0, by="backfill"), 1, DAY_S, by=("backfill",)) != []
    assert over(calls(1.0, 2.0), 1, DAY_S, by=("backfill",)) == []
    assert refusals(calls(5.0, refused="day")) == ["live at 5.000: day"]
    assert refusals(calls(5.0, by="external", refused="day")) == []
    assert used([*steady, *calls(1.0, by="external")], 201, 1) == 0.5
    assert unused(steady, 100, 1, 0.98) == []
    assert unused(steady[:97], 100, 1, 0.98) == ["97.00% of the permitted calls used, 98% wanted"]
