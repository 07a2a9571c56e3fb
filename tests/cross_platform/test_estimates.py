"""What a backfill is said to cost before it starts, held against what the platforms then really answered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from execution import operations
from execution.app import App
from execution.reports.estimates import Estimates
from tests.cross_platform.shops import Shops
from tests.worlds import users
from tests.worlds.world import World

# Closed windows of the ledger, gap counts, lookups and polls cannot be known beforehand.
_FEW = 8


@pytest.fixture
def world(app: App, db: psycopg.Connection[Any], shops: Shops) -> World:
    return shops.seller(app, db)


def asked(shops: Shops) -> int:
    """Requests that all three platforms have really received."""
    return sum(len(stand_in.ledger()) for stand_in, _ in shops.of.values())


def estimate(world: World, estimates: Estimates | None = None) -> dict[str, Any]:
    status, rows = operations.manager(world.app).wanted(world.user_id, platform=None)
    return (estimates or Estimates(world.app)).of(world.user_id, status, rows)


def test_what_is_said_before_is_what_it_took(world: World, shops: Shops) -> None:
    result = estimate(world)

    world.start()
    world.drain()

    used = {(job["platform"], job["entity"]): job["calls_used"] for job in world.jobs()}
    said = {(job["platform"], job["entity"]): job["calls"] for job in result["jobs"]}
    assert said.keys() == used.keys()
    assert {name: (said[name], calls) for name, calls in used.items() if abs(said[name] - calls) > _FEW} == {}


def test_asking_costs_a_call_an_entity_at_most_and_the_next_time_none(world: World, shops: Shops) -> None:
    estimates, before = Estimates(world.app), asked(shops)

    first = estimate(world, estimates)
    after_first = asked(shops)
    second = estimate(world, estimates)

    assert first["complete"]
    assert 0 < after_first - before <= sum(1 for job in first["jobs"] if job["calls"])
    assert asked(shops) == after_first
    assert second["jobs"] == first["jobs"]
    assert world.jobs() == []


def test_the_question_is_asked_on_the_part_of_the_budget_that_people_wait_for(world: World) -> None:
    before = calls_by_class(world)

    estimate(world)

    grown = {name: calls - before.get(name, 0) for name, calls in calls_by_class(world).items()}
    assert grown["live"] > 0
    assert grown.get("backfill", 0) == 0


def calls_by_class(world: World) -> dict[str, int]:
    scopes = world.app.store.rpc("budget_report", p_platform="etsy")["scopes"]
    return dict(scopes[0]["used"]) if scopes else {}


def test_a_platform_that_is_away_says_so_in_words_and_the_others_are_known(world: World, shops: Shops) -> None:
    shops.stand_in("etsy").fault("status", status=503, path="receipts$")

    result = estimate(world)

    of_etsy = {job["entity"]: job for job in result["jobs"] if job["platform"] == "etsy"}
    assert of_etsy["orders"]["calls"] is None
    assert of_etsy["orders"]["reason"] == "The platform does not answer just now. Try again in a few minutes."
    assert not result["complete"]
    assert all(job["calls"] is not None for job in result["jobs"] if job["platform"] != "etsy")
    ready = {one["platform"]: one["ready_at"] for one in result["platforms"]}
    assert ready["etsy"] is None
    assert ready["printify"] is not None


def test_no_budget_or_no_good_token_is_told_in_words(world: World) -> None:
    estimate(world)  # the scope is known now
    world.db.execute(
        "update private.api_budgets set blocked_until = now() + interval '1 hour' where scope like 'etsy%'"
    )
    busy = estimate(world)
    world.db.execute("update private.api_budgets set blocked_until = null")
    world.db.execute("update private.platform_tokens set expires_at = now() - interval '1 minute'")
    expired = estimate(world)
    world.db.execute("update public.connected_accounts set status = 'reconnect_needed'")
    lost = estimate(world)

    reasons = [
        next(job["reason"] for job in result["jobs"] if (job["platform"], job["entity"]) == ("etsy", "orders"))
        for result in (busy, expired, lost)
    ]
    assert reasons == [
        "Nothing more may be asked of the platform just now. Try again in a few minutes.",
        "Our access has to be renewed first. The first pages will tell.",
        "Connect again first.",
    ]


def dry_run(world: World, estimates: Estimates, since: datetime) -> dict[str, Any]:
    """Etsy's orders from there on, as `POST /settings/backfill` asks for it."""
    status, rows = operations.manager(world.app).wanted(world.user_id, platform="etsy", entities=["orders"])
    job: dict[str, Any] = estimates.of(world.user_id, status, rows, again=True, since=since)["jobs"][0]
    return job


def etsys_day(world: World) -> int:
    dry_run(world, Estimates(world.app), datetime(2025, 3, 2, tzinfo=UTC))
    return int(world.app.store.rpc("budget_report", p_platform="etsy")["scopes"][0]["per_day"])


def test_a_dry_run_that_is_moved_by_a_second_costs_the_platform_nothing_more(world: World, shops: Shops) -> None:
    """The key of what is remembered held `since`: each second was another question, of a budget that all share."""
    estimates, since = Estimates(world.app), datetime(2025, 3, 2, tzinfo=UTC)
    first = dry_run(world, estimates, since)
    before = asked(shops)

    again = [dry_run(world, estimates, since + timedelta(seconds=n)) for n in range(1, 50)]

    assert asked(shops) == before
    assert {job["calls"] for job in again} == {first["calls"]}


def have_asked(db: psycopg.Connection[Any], user_id: str, calls: int) -> None:
    """As many calls of the user's stand in the hour, on the one scope that Etsy's calls have here."""
    db.execute(
        "insert into private.person_calls as kept (scope, user_id, hour, calls)"
        " select scope, %s, date_trunc('hour', clock_timestamp()), %s from private.api_budgets"
        " where scope like 'etsy:%%'"
        " on conflict (scope, hour, user_id) do update set calls = excluded.calls",
        [user_id, calls],
    )


def test_a_persons_questions_end_with_their_share_and_nobody_elses_do(
    app: App, db: psycopg.Connection[Any], shops: Shops
) -> None:
    """120 dry runs an hour, three questions each: 8,640 calls a day of the 5,000 of everybody."""
    one, other = shops.seller(app, db), shops.seller(app, db)
    have_asked(db, one.user_id, int(etsys_day(one) * app.budgets["etsy"].person_share) - 2)
    before = len(shops.stand_in("etsy").ledger())

    told = [dry_run(one, Estimates(app), datetime(2025, 3, 2, tzinfo=UTC)) for _ in range(5)]

    assert len(shops.stand_in("etsy").ledger()) - before <= 2
    assert told[-1]["calls"] is None
    assert told[-1]["reason"] == "Nothing more may be asked of the platform just now. Try again in a few minutes."
    assert dry_run(other, Estimates(app), datetime(2025, 3, 2, tzinfo=UTC))["calls"] is not None


def test_the_dry_runs_of_many_leave_room_for_those_who_connect(
    app: App, db: psycopg.Connection[Any], shops: Shops
) -> None:
    seller = shops.seller(app, db)
    have_asked(db, users.make_user(db), int(etsys_day(seller) * app.budgets["etsy"].people_share))
    before = dict(calls_by_class(seller))

    refused = dry_run(seller, Estimates(app), datetime(2025, 3, 2, tzinfo=UTC))
    assert calls_by_class(seller) == before
    shops.seller(app, db)

    assert refused["calls"] is None
    assert calls_by_class(seller)["live"] > before["live"]
