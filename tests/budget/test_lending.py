"""The shares of the day's classes, what is lent of them, and what answers tell: each rule by itself, on the ledger."""

import threading
import uuid
from datetime import timedelta

import psycopg
import pytest

from execution.budget.observed_limits import ObservedLimits
from tests.budget.test_day_budget import SCOPE, external, give_credit, limiter, shares, spend
from tests.threads import until_it_waits


def reserve(rpc, call_class="incremental", **changes):
    """A block of one call out of a thousand a day, of which live has a tenth and backfills a half."""
    ask = {
        "p_block_id": str(uuid.uuid4()),
        "p_scope": SCOPE.key,
        "p_class": call_class,
        "p_wanted": 1,
        "p_per_second": 5,
        "p_per_day": 1000,
        "p_backfill_share": 0.5,
        "p_live_share": 0.1,
    } | changes
    return ask["p_block_id"], rpc.rpc("reserve_calls", **ask)


def column(db, name, table="api_budgets"):
    return db.execute(f"select {name} from private.{table}").fetchone()[0]


def test_a_pause_saves_up_an_hour_of_lending_at_most(rpc, db):
    """Nobody borrowed for ten hours: what may be borrowed now is an hour's worth, so that shares come back evenly."""
    spend(limiter(rpc, **shares()), "backfill")
    spend(limiter(rpc, **shares()), "incremental")
    give_credit(db, "10 hours")

    first, _ = spend(limiter(rpc, **shares()), "incremental")

    assert first == 4


def test_what_is_lent_already_is_not_kept_a_second_time(rpc, db):
    """Fifty of live's hundred are lent, and sixty are free: fifty of those are live's, ten are not."""
    reserve(rpc)
    db.execute("update private.api_calls set reserved = 940, lent = 50")

    assert spend(limiter(rpc, **shares()), "incremental")[0] == 10


def test_a_lent_call_that_goes_back_leaves_the_lending_as_it_was(rpc, db):
    """Both the count of lent calls, and the moment up to which lending has come."""
    spend(limiter(rpc, **shares()), "backfill")
    spend(limiter(rpc, **shares()), "incremental")
    give_credit(db, "30 minutes")
    before = column(db, "lent_until")

    block, answer = reserve(rpc)
    lent, moved = column(db, "sum(lent)::int", "api_calls"), column(db, "lent_until") - before
    rpc.rpc("return_calls", p_block_id=block, p_unused=1)

    assert (answer["granted"], lent) == (1, 1)
    assert moved > timedelta(minutes=10)
    assert column(db, "sum(lent)::int", "api_calls") == 0
    assert abs(column(db, "lent_until") - before) < timedelta(milliseconds=1)


def test_backfills_find_their_share_for_a_day_after_they_asked(rpc, db):
    """One call was asked for: incremental syncs leave the rest of the half, until a day has passed without another."""
    one = limiter(rpc, **shares(live_share=0.0))
    one.permit(SCOPE, "backfill")
    one.give_back()

    kept, _ = spend(limiter(rpc, **shares(live_share=0.0)), "incremental")
    db.execute("update private.api_budgets set backfill_asked_at = now() - interval '25 hours'")
    let_go, _ = spend(limiter(rpc, **shares(live_share=0.0)), "incremental")

    assert (kept, let_go) == (500, 499)


def test_the_longer_of_two_blocks_stands(rpc, db):
    """An answer that overtook another one cannot shorten what the platform asked for."""
    one = limiter(rpc)
    one.block(SCOPE, timedelta(hours=3))

    one.block(SCOPE, timedelta(hours=1))
    stands = column(db, "round(extract(epoch from blocked_until - now()) / 3600)::int")
    one.block(SCOPE, timedelta(hours=5))

    assert (stands, column(db, "round(extract(epoch from blocked_until - now()) / 3600)::int")) == (3, 5)


@pytest.mark.parametrize("name", ["per_second", "per_day"])
def test_a_limit_that_is_known_goes_up_and_down(rpc, name):
    """What one process was told last is what every other one reserves by, whatever was known before."""
    believed = []
    for result in (50, 1000, 20):
        limiter(rpc)._report(SCOPE, ObservedLimits(**{name: result}))
        believed.append(reserve(rpc)[1][name])

    assert believed == [50, 1000, 20]


def test_a_level_of_others_that_sinks_far_is_believed(rpc, db):
    """A dip is no gift, but half of the level gone is: what is expected follows, a little above."""
    one = limiter(rpc, per_day=1000)
    one._report(SCOPE, ObservedLimits(per_day=1000, remaining_today=800))

    one._report(SCOPE, ObservedLimits(per_day=1000, remaining_today=900))

    assert (external(db), column(db, "external_peak")) == (100, 120)


def test_others_are_watched_anew_after_a_day_without_an_answer(rpc, db):
    """What grew between a look of long ago and now is no growth of the last hour."""
    one = limiter(rpc, per_day=1000)
    one._report(SCOPE, ObservedLimits(per_day=1000, remaining_today=990))
    db.execute(
        "update private.api_budgets set watched_from = now() - interval '2 days', seen_at = now() - interval '25 h'"
    )

    one._report(SCOPE, ObservedLimits(per_day=1000, remaining_today=700))

    assert column(db, "external_first") == 300
    assert column(db, "now() - watched_from") < timedelta(minutes=1)


def test_a_block_that_was_given_back_grants_nothing_again(rpc):
    """A reservation that is repeated after its block went back: the calls are somebody else's by now."""
    block, first = reserve(rpc)
    rpc.rpc("return_calls", p_block_id=block, p_unused=1)

    assert (first["granted"], reserve(rpc, p_block_id=block)[1]["granted"]) == (1, 0)


def test_reservations_of_a_scope_go_one_by_one(rpc, db, env):
    """Whoever reserves while another one does waits, and then sees what the other one took: here, all."""
    reserve(rpc)
    answers = []
    second = threading.Thread(target=lambda: answers.append(reserve(rpc, "live")[1]))

    with psycopg.connect(env["DATABASE_URL"]) as first:
        first.execute("select from private.api_budgets for update")
        first.execute("update private.api_calls set reserved = 1000, bucket = bucket - interval '5 minutes'")
        second.start()
        until_it_waits(db, "reserve_calls")
    second.join(20)

    assert [answer["granted"] for answer in answers] == [0]
