"""What a backfill is said to cost before it starts, held against what the platforms then really answered."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from execution import operations
from execution.app import App
from execution.reports.estimates import Estimates
from tests.cross_platform.world import Shops, Trio, make_trio

# Closed windows of the ledger, gap counts, lookups and polls cannot be known beforehand.
_FEW = 8


@pytest.fixture
def trio(app: App, db: psycopg.Connection[Any], shops: Shops) -> Trio:
    return make_trio(app, db, shops)


def asked(shops: Shops) -> int:
    """Requests that all three platforms have really received."""
    return len(shops.etsy.ledger()) + len(shops.printify.ledger()) + len(shops.shopify.ledger())


def estimate(trio: Trio, estimates: Estimates | None = None) -> dict[str, Any]:
    status, rows = operations.manager(trio.app).wanted(trio.user_id, platform=None)
    return (estimates or Estimates(trio.app)).of(trio.user_id, status, rows)


def test_what_is_said_before_is_what_it_took(trio: Trio, shops: Shops) -> None:
    told = estimate(trio)

    trio.start()
    trio.drain()

    used = {(job["platform"], job["entity"]): job["calls_used"] for job in trio.jobs()}
    said = {(job["platform"], job["entity"]): job["calls"] for job in told["jobs"]}
    assert said.keys() == used.keys()
    assert {name: (said[name], calls) for name, calls in used.items() if abs(said[name] - calls) > _FEW} == {}


def test_asking_costs_a_call_an_entity_at_most_and_the_next_time_none(trio: Trio, shops: Shops) -> None:
    estimates, before = Estimates(trio.app), asked(shops)

    first = estimate(trio, estimates)
    after_first = asked(shops)
    second = estimate(trio, estimates)

    assert first["complete"]
    assert 0 < after_first - before <= sum(1 for job in first["jobs"] if job["calls"])
    assert asked(shops) == after_first
    assert second["jobs"] == first["jobs"]
    assert trio.jobs() == []


def test_the_question_is_asked_on_the_part_of_the_budget_that_people_wait_for(trio: Trio) -> None:
    before = calls_by_class(trio)

    estimate(trio)

    grown = {name: calls - before.get(name, 0) for name, calls in calls_by_class(trio).items()}
    assert grown["live"] > 0
    assert grown.get("backfill", 0) == 0


def calls_by_class(trio: Trio) -> dict[str, int]:
    scopes = trio.app.store.rpc("budget_report", p_platform="etsy")["scopes"]
    return dict(scopes[0]["used"]) if scopes else {}


def test_a_platform_that_is_away_says_so_in_words_and_the_others_are_known(trio: Trio, shops: Shops) -> None:
    shops.etsy.fault("status", status=503, path="receipts$")

    told = estimate(trio)

    of_etsy = {job["entity"]: job for job in told["jobs"] if job["platform"] == "etsy"}
    assert of_etsy["orders"]["calls"] is None
    assert of_etsy["orders"]["reason"] == "The platform does not answer just now. Try again in a few minutes."
    assert not told["complete"]
    assert all(job["calls"] is not None for job in told["jobs"] if job["platform"] != "etsy")
    ready = {one["platform"]: one["ready_at"] for one in told["platforms"]}
    assert ready["etsy"] is None
    assert ready["printify"] is not None


def test_no_budget_or_no_good_token_is_told_in_words(trio: Trio) -> None:
    estimate(trio)  # the scope is known now
    trio.db.execute("update private.api_budgets set blocked_until = now() + interval '1 hour' where scope like 'etsy%'")
    busy = estimate(trio)
    trio.db.execute("update private.api_budgets set blocked_until = null")
    trio.db.execute("update private.platform_tokens set expires_at = now() - interval '1 minute'")
    expired = estimate(trio)
    trio.db.execute("update public.connected_accounts set status = 'reconnect_needed'")
    lost = estimate(trio)

    reasons = [
        next(job["reason"] for job in told["jobs"] if (job["platform"], job["entity"]) == ("etsy", "orders"))
        for told in (busy, expired, lost)
    ]
    assert reasons == [
        "Nothing more may be asked of the platform just now. Try again in a few minutes.",
        "Our access has to be renewed first. The first pages will tell.",
        "Connect again first.",
    ]
