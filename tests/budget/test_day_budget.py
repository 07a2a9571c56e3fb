"""The day's calls: reserved before they are sent, on the database's clock, never more than the limit."""

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from execution.budget.budgets import Budget, ErrorShare, budgets_in, load_budgets, scope_of
from execution.budget.observed_limits import ObservedLimits
from execution.budget.pacing import Slot
from execution.errors import Snooze, StoreError, StoreUnavailable, UserError
from execution.rate_limiter import RateLimiter
from tests.doubles.clocks import HandClock
from tests.doubles.rpc import DirectRpc
from tests.doubles.transports import etsy_settings
from tests.threads import many

SCOPE = scope_of(load_budgets()["etsy"], etsy_settings())


def budget(**changes):
    fields = {
        "shared_by": "app",
        "per_second": 10**6,
        "per_day": 100,
        "safety_margin": 0.2,
        "backfill_share": 0.5,
        "block_calls": 20,
    }
    return {"etsy": Budget(**(fields | changes))}


def limiter(rpc, clock=None, valkey=None, **changes):
    return RateLimiter(rpc, valkey, budget(**changes), clock or HandClock())


def spend(limiter_, call_class="live", scope=SCOPE):
    """Take permits until there are none; answer how many, and the Snooze."""
    for count in range(100_000):
        try:
            limiter_.permit(scope, call_class)
        except Snooze as snooze:
            return count, snooze
    raise AssertionError("no end")


def move_ledger_back(db, age):
    """Let time pass without sleeping: every booking becomes so much older."""
    db.execute("update private.api_calls set bucket = bucket - %s", (age,))
    db.execute("update private.call_blocks set bucket = bucket - %s", (age,))


def booked(db, call_class=None):
    return db.execute(
        "select coalesce(sum(reserved - returned), 0)::int from private.api_calls where %s::text is null or class = %s",
        (call_class, call_class),
    ).fetchone()[0]


def external(db):
    """Calls of others in the day, as the platform's counts tell them."""
    return db.execute("select external_calls::int from private.api_budgets").fetchone()[0]


def test_many_workers_spend_the_last_calls_once(rpc, env):
    """Ten processes, five calls left in the day: exactly five permits (row 51)."""
    limiters = [limiter(rpc, per_day=5) for _ in range(10)]

    with many(10, lambda number: spend(limiters[number])[0]) as counts:
        assert sum(counts) == 5


def test_the_day_rolls_it_does_not_reset(rpc, db):
    """Calls leave the window when their bucket is wholly older than 24 hours, not a moment earlier."""
    assert spend(limiter(rpc))[0] == 100

    move_ledger_back(db, timedelta(hours=24) - timedelta(seconds=16))
    early = spend(limiter(rpc))[0]
    move_ledger_back(db, timedelta(minutes=5, seconds=32))
    late = spend(limiter(rpc))[0]

    assert (early, late) == (0, 100)


def test_a_worker_without_budget_learns_when_to_come_back(rpc, db):
    """The wake time is the moment at which enough calls leave the window."""
    spend(limiter(rpc))
    move_ledger_back(db, timedelta(hours=23))

    _, snooze = spend(limiter(rpc))

    assert timedelta(minutes=59) <= snooze.delay <= timedelta(minutes=65, seconds=16)
    assert snooze.reason == "the daily calls are used up"
    move_ledger_back(db, snooze.delay)
    assert spend(limiter(rpc))[0] == 100


def test_backfills_take_half_of_the_day_at_most(rpc):
    """A backfill stops at its share; live and incremental calls still get the rest."""
    backfill, snooze = spend(limiter(rpc), "backfill")
    live, _ = spend(limiter(rpc), "live")

    assert (backfill, live) == (50, 50)
    assert snooze.reason == "the share of backfills in the daily calls is used up"
    assert snooze.delay > timedelta(hours=23)


def test_backfills_never_get_what_others_have_used(rpc):
    """The share is a ceiling, not a claim: all classes together stay within the limit."""
    for _ in range(80):
        limiter_ = limiter(rpc, block_calls=1)
        limiter_.permit(SCOPE, "incremental")

    assert spend(limiter(rpc), "backfill")[0] == 20


def test_a_block_dies_before_its_bucket_does(rpc, db):
    """A block lives until ten seconds before its bucket ends, and is at least a few seconds good when granted."""
    ends = rpc.rpc(
        "reserve_calls",
        p_block_id=str(uuid.uuid4()),
        p_scope="s",
        p_class="live",
        p_wanted=1,
        p_per_second=5,
        p_per_day=10,
        p_backfill_share=0.5,
    )["expires_in_seconds"]
    bucket_end, now = db.execute(
        "select bucket + interval '5 minutes', clock_timestamp() from private.call_blocks"
    ).fetchone()

    assert 4 < ends <= 305
    assert abs((bucket_end - now).total_seconds() - 10 - ends) < 2


def test_no_call_goes_out_on_a_dead_block(rpc):
    """After the block's end the worker books again, and what it held stays counted as spent."""
    clock = HandClock()
    limiter_ = limiter(rpc, clock)
    limiter_.permit(SCOPE, "live")

    clock.seconds += 306
    limiter_.give_back()
    permits, _ = spend(limiter_)

    assert permits == 98  # the first block, two calls, is gone for good


def test_a_block_that_dies_while_its_call_waits_does_not_pay_for_it(rpc, monkeypatch):
    """The wait for the second's slot may outlast the block: then another call is booked."""
    clock = HandClock()
    limiter_ = limiter(rpc, clock)
    first, waiting, last = (Slot(booked=True, wait_s=0), Slot(booked=True, wait_s=2.0), Slot(booked=True, wait_s=0))
    slots = iter([first, waiting, last])
    monkeypatch.setattr(limiter_._pacer, "slot", lambda *_, **__: next(slots))
    limiter_.permit(SCOPE, "live")
    dead = limiter_._days._blocks[SCOPE, "live"]
    clock.seconds = dead.deadline - 1

    limiter_.permit(SCOPE, "live")

    assert next(slots, None) is None
    assert limiter_._days._blocks[SCOPE, "live"] is not dead


def test_unused_calls_are_given_back_once(rpc, db):
    """At the end of a slice the rest of the block returns; repeating it, or a lost answer, gives nothing twice."""
    limiter_ = limiter(rpc)
    for _ in range(3):
        limiter_.permit(SCOPE, "live")
    block_id = limiter_._days._blocks[SCOPE, "live"].block_id

    limiter_.give_back()
    again = rpc.rpc("return_calls", p_block_id=block_id, p_unused=3)

    assert again is False
    assert booked(db) == 3


def test_nothing_is_given_back_after_the_bucket(rpc, db):
    """A late return is refused: the calls stay spent, we only err upwards."""
    limiter_ = limiter(rpc)
    limiter_.permit(SCOPE, "live")
    move_ledger_back(db, timedelta(minutes=10))

    limiter_.give_back()

    assert booked(db) == 2


def test_the_calls_of_a_crashed_worker_stay_spent(rpc, db):
    """Whoever dies between booking and sending has spent his block (row 54)."""
    limiter(rpc).permit(SCOPE, "live")  # and is never heard of again

    assert spend(limiter(rpc))[0] == 98


def test_a_repeated_reservation_is_the_same_block(rpc, db):
    """The answer of a reservation was lost: asking again with the block's id books nothing more."""
    ask = {
        "p_block_id": str(uuid.uuid4()),
        "p_scope": "s",
        "p_class": "live",
        "p_wanted": 5,
        "p_per_second": 5,
        "p_per_day": 1000,
        "p_backfill_share": 0.5,
    }

    first, second = rpc.rpc("reserve_calls", **ask), rpc.rpc("reserve_calls", **ask)

    assert first["granted"] == second["granted"] == 5
    assert booked(db) == 5


def test_a_clock_that_went_back_gives_nothing_away(rpc, db):
    """Bookings that lie in the future still count (row 53)."""
    spend(limiter(rpc))
    move_ledger_back(db, -timedelta(hours=1))

    assert spend(limiter(rpc))[0] == 0


def test_scopes_do_not_share(rpc):
    """Another application key has its own day; the key itself is in no scope."""
    other = scope_of(load_budgets()["etsy"], etsy_settings(client_id="other-keystring"))
    spend(limiter(rpc))

    assert spend(limiter(rpc), scope=other)[0] == 100
    assert "keystring" not in SCOPE.key


def test_a_lowered_limit_holds_at_once(rpc, db):
    """The platform lowers its limit in a header: the block in hand goes back, the next reservation obeys (row 56)."""
    limiter_ = limiter(rpc)
    for _ in range(5):
        limiter_.permit(SCOPE, "live")

    limiter_.observe(SCOPE, ObservedLimits(per_day=8, remaining_today=3))

    assert booked(db) == 5
    assert spend(limiter(rpc))[0] == 3


def test_a_raised_limit_holds_at_once(rpc):
    """More is adopted as quickly as less, by every process."""
    limiter(rpc).observe(SCOPE, ObservedLimits(per_day=1000, remaining_today=1000))

    assert spend(limiter(rpc))[0] == 1000


def test_calls_of_others_are_booked_as_foreign(rpc, db):
    """The platform counts more than we do: the difference is somebody else's, and we stay below the limit."""
    limiter_ = limiter(rpc)
    limiter_.permit(SCOPE, "live")
    limiter_.give_back()

    limiter_.observe(SCOPE, ObservedLimits(per_day=100, remaining_today=39))

    assert external(db) == 60
    assert spend(limiter(rpc))[0] == 39


def test_a_late_answer_does_not_take_foreign_calls_back(rpc, db):
    """Answers overtake each other: an older, higher `remaining` changes nothing while our own calls explain it."""
    limiter_ = limiter(rpc)
    for _ in range(5):
        limiter_.permit(SCOPE, "live")
    limiter_.give_back()
    limiter_._report(SCOPE, ObservedLimits(per_day=100, remaining_today=65))

    limiter_._report(SCOPE, ObservedLimits(per_day=100, remaining_today=69))

    assert external(db) == 30


def test_foreign_calls_that_left_the_platforms_window_are_taken_back(rpc, db):
    """The platform's count falls by more than late answers explain: the calls are free again."""
    limiter_ = limiter(rpc)
    limiter_._report(SCOPE, ObservedLimits(per_day=100, remaining_today=40))

    limiter_._report(SCOPE, ObservedLimits(per_day=100, remaining_today=90))

    assert external(db) == 10


def test_one_call_asks_whether_foreign_calls_are_gone(rpc, db):
    """When only external calls stand in the way, one permit an hour finds out; not a loop."""
    limiter_ = limiter(rpc)
    limiter_._report(SCOPE, ObservedLimits(per_day=100, remaining_today=0))

    at_once, snooze = spend(limiter_)
    db.execute("update private.api_budgets set asked_at = asked_at - interval '1 hour'")
    later, _ = spend(limiter_)

    assert (at_once, later) == (0, 1)
    assert snooze.delay <= timedelta(hours=1)


def test_a_daily_429_stops_everybody_until_its_time(rpc, db):
    """All jobs of the scope wait for the platform's own time; a block in hand is not used up (B7)."""
    mine, others = limiter(rpc), limiter(rpc)
    mine.permit(SCOPE, "live")

    mine.block(SCOPE, timedelta(hours=3))

    for limiter_ in (mine, others):
        permits, snooze = spend(limiter_)
        assert permits == 0
        assert timedelta(hours=2, minutes=59) < snooze.delay <= timedelta(hours=3)
    db.execute("update private.api_budgets set blocked_until = now()")
    assert spend(others)[0] == 99


def test_a_daily_block_never_lasts_longer_than_a_day(rpc, db):
    """A mad Retry-After costs a day at most."""
    limiter(rpc).block(SCOPE, timedelta(days=11_000))

    hours = db.execute("select extract(epoch from blocked_until - now()) / 3600 from private.api_budgets").fetchone()[0]
    assert 23.9 < hours <= 24


def test_threads_of_one_process_share_its_blocks(rpc, db):
    """Eight threads on one limiter: every permit is booked, none twice, and they get all of the day."""
    limiter_ = limiter(rpc, per_day=200)

    with many(8, lambda _: spend(limiter_)[0]) as counts:
        assert sum(counts) == 200


class DyingStore(DirectRpc):
    """The real functions, but the database is away for some of them."""

    def __init__(self, url, away):
        super().__init__(url)
        self.away = away

    def rpc(self, function, /, **args):
        if function in self.away:
            raise StoreUnavailable("the database is away")
        return super().rpc(function, **args)


def test_a_database_that_is_away_at_the_end_costs_calls_only(rpc, env, db):
    """Giving back and reporting may fail: the slice's work is done, the calls stay booked."""
    store = DyingStore(env["DATABASE_URL"], {"return_calls", "report_limits"})
    limiter_ = limiter(store)
    limiter_.permit(SCOPE, "live")

    limiter_.observe(SCOPE, ObservedLimits(per_day=50, remaining_today=49))
    limiter_.give_back()

    assert booked(db) == 2
    store.close()


def test_the_directive_declares_etsys_budget():
    """The code reads its numbers from the directive's front matter."""
    etsy = load_budgets()["etsy"]

    assert (etsy.per_second, etsy.per_day, etsy.safety_margin, etsy.backfill_share) == (5, 5000, 0.37, 0.5)


@pytest.mark.parametrize("front", ["budgets: 3", "budgets: {etsy: {per_day: 5}}", "budgets: [", ""])
def test_a_broken_directive_is_one_clear_line(tmp_path, front):
    """A directive that cannot be read stops the start with its name."""
    path = tmp_path / "rate_budgets.md"
    path.write_text(f"---\n{front}\n---\n")

    with pytest.raises(UserError, match=r"rate_budgets\.md cannot be used") as raised:
        budgets_in(path)

    assert str(raised.value).endswith("correct it.")


def test_a_wrong_reservation_is_refused(rpc):
    """Nobody books `external` calls, or less than one."""
    for wrong in ({"p_class": "external", "p_wanted": 1}, {"p_class": "live", "p_wanted": 0}):
        with pytest.raises(StoreError, match="wrong_reservation"):
            rpc.rpc(
                "reserve_calls",
                p_block_id=str(uuid.uuid4()),
                p_scope="s",
                p_per_second=5,
                p_per_day=10,
                p_backfill_share=0.5,
                **wrong,
            )


def shares(**changes):
    return {"backfill_share": 0.5, "live_share": 0.1, "per_day": 1000} | changes


def give_credit(db, age):
    """Let lending have begun so long ago."""
    db.execute("update private.api_budgets set lent_until = now() - %s::interval", (age,))


def test_the_live_share_is_there_for_live_calls_alone(rpc):
    """Backfills and incremental syncs leave live its share, whoever comes first; live takes it at once."""
    for call_class in ("backfill", "incremental"):
        spend(limiter(rpc, **shares()), call_class)

    assert spend(limiter(rpc, **shares()), "live")[0] == 100


def test_a_backfill_on_a_key_that_others_use_leaves_live_its_share(rpc):
    """Half of the day would still be the backfill's, but not what live is left with."""
    limiter(rpc, **shares())._report(SCOPE, ObservedLimits(per_day=1000, remaining_today=550))

    backfill, _ = spend(limiter(rpc, **shares()), "backfill")
    live, _ = spend(limiter(rpc, **shares()), "live")

    assert (backfill, live) == (450, 100)


def test_unused_shares_are_lent_evenly_over_the_day(rpc, db):
    """An hour of lending is a twenty-fourth of what is unused; whoever wants his share back gets it at that pace."""
    spend(limiter(rpc, **shares()), "backfill")
    own, _ = spend(limiter(rpc, **shares()), "incremental")
    give_credit(db, "1 hour")

    lent, snooze = spend(limiter(rpc, **shares()), "incremental")
    again, _ = spend(limiter(rpc, **shares()), "incremental")

    assert (own, lent, again) == (400, 4, 0)
    assert snooze.delay <= timedelta(minutes=15)


def test_what_was_lent_for_a_day_is_an_hours_worth_short_of_all(rpc, db):
    """The shares that nobody uses are used all the same: at the end of the day an hour's worth of live's is left."""
    spend(limiter(rpc, **shares()), "backfill")
    spend(limiter(rpc, **shares()), "incremental")

    for _ in range(40):
        give_credit(db, "1 hour")
        spend(limiter(rpc, **shares()), "incremental")

    assert spend(limiter(rpc, **shares()), "live")[0] == 5  # of its hundred: the last hour's, rounded up


def test_lent_calls_that_were_not_used_can_be_lent_again(rpc, db):
    """A block of lent calls that goes back takes its place in the day's lending back."""
    spend(limiter(rpc, **shares()), "backfill")
    spend(limiter(rpc, **shares()), "incremental")
    give_credit(db, "1 hour")
    holder = limiter(rpc, **shares())
    holder.permit(SCOPE, "incremental")

    holder.give_back()

    assert spend(limiter(rpc, **shares()), "incremental")[0] == 3


def test_incremental_syncs_have_the_backfills_half_while_no_backfill_asks(rpc):
    """A share that nobody wants is nobody's: kept for backfills only for a day after one has asked."""
    alone, _ = spend(limiter(rpc, **shares(live_share=0.0)), "incremental")

    assert alone == 1000


def test_the_margin_of_the_day_is_never_booked(rpc):
    """Calls of others that no answer has told of yet find room."""
    assert spend(limiter(rpc, per_day=1000, day_margin=0.01))[0] == 990


def test_calls_of_others_that_grow_are_expected_to_grow_on(rpc, db):
    """Others that came with us: what they called in the first hour, they will call in each hour of the day."""
    limiter(rpc, per_day=1000)._report(SCOPE, ObservedLimits(per_day=1000, remaining_today=1000))
    db.execute("update private.api_budgets set watched_from = watched_from - interval '1 hour'")

    limiter(rpc, per_day=1000)._report(SCOPE, ObservedLimits(per_day=1000, remaining_today=980))

    assert 500 - 50 <= spend(limiter(rpc, per_day=1000))[0] <= 1000 - 24 * 20


def test_a_dip_in_the_calls_of_others_is_no_gift(rpc, db):
    """Their level comes and goes a little; what they had before, they may have again."""
    one = limiter(rpc, per_day=1000)
    one._report(SCOPE, ObservedLimits(per_day=1000, remaining_today=800))

    one._report(SCOPE, ObservedLimits(per_day=1000, remaining_today=815))

    assert external(db) == 185
    assert spend(limiter(rpc, per_day=1000))[0] == 800


def test_after_a_silence_one_call_asks_before_many_go(rpc, db):
    """Nobody knows what others called while we were parked: blocks are of one call until an answer has told."""
    limiter(rpc)._report(SCOPE, ObservedLimits(per_day=1000, remaining_today=900))
    db.execute("update private.api_budgets set seen_at = seen_at - interval '2 minutes'")

    limiter(rpc, per_day=1000).permit(SCOPE, "live")

    assert booked(db) == 1


def test_a_count_that_a_process_holds_travels_with_its_next_block(rpc, db):
    """No trip of its own: the reservation after an answer brings the count along; an old count is left at home."""
    clock = HandClock()
    one = limiter(rpc, clock, per_day=100)
    one.permit(SCOPE, "live")
    one._reported_at[SCOPE] = clock.seconds
    one._days.adopt(SCOPE, ObservedLimits(per_day=100, remaining_today=70))

    one.give_back()
    one.permit(SCOPE, "live")
    one._days.adopt(SCOPE, ObservedLimits(per_day=100, remaining_today=20))
    clock.seconds += 6
    one.give_back()
    one.permit(SCOPE, "live")

    assert external(db) == 29


def test_blocks_follow_the_pace_of_the_process(rpc, db):
    """Quick processes reserve more at a time, slow ones a call at a time: a crash loses about two seconds' calls."""
    clock = HandClock()
    one = limiter(rpc, clock, per_day=10_000)

    def sizes(count, step):
        seen = []
        for _ in range(count):
            clock.seconds += step
            one.permit(SCOPE, "live")
            seen.append(one._days._blocks[SCOPE, "live"].calls)
        return seen

    assert max(sizes(100, 0.01)) == 20
    assert sizes(60, 3.0)[-1] == 1


def test_in_shadow_nothing_is_refused_and_everything_is_counted(rpc, db):
    """For tuning: calls go on past the limits, and the ledger tells how often they would have waited."""
    shadow = RateLimiter(rpc, None, budget(per_day=4, per_second=1), HandClock(), shadow=True)

    for _ in range(10):
        shadow.permit(SCOPE, "live")

    refused = db.execute("select would_refuse from private.api_budgets").fetchone()[0]
    assert booked(db) >= 10
    assert refused >= 6


def test_a_day_that_runs_out_is_told_once(rpc):
    """One event when nine tenths are used, not one a call."""
    one = limiter(rpc)

    with capture_logs() as events:
        spend(one)

    assert [event["event"] for event in events].count("budget_near_limit") == 1


def test_a_platform_without_a_daily_limit_is_not_stopped_and_still_counted(rpc, db):
    """Printify has no day: the ledger only tells who used what."""
    one = limiter(rpc, per_day=None)

    for _ in range(50):
        one.permit(SCOPE, "backfill")
    one.give_back()

    assert booked(db, "backfill") == 50


def test_scopes_follow_the_directives_shared_by():
    """Etsy's budget is the app's, Printify's the account's, Shopify's the shop's; without its owner there is none."""
    budgets, settings = load_budgets(), etsy_settings()
    key = {
        name: {scope_of(budget_, settings, account=a, shop=s).key for a in "12" for s in "34"}
        for name, budget_ in budgets.items()
    }

    assert {name: len(keys) for name, keys in key.items()} == {"etsy": 1, "printify": 2, "shopify": 2, "square": 2}
    with pytest.raises(ValueError, match="shared by shop"):
        scope_of(budgets["shopify"], settings)


def test_too_many_errors_hold_the_scope_before_the_platform_does(rpc, db):
    """Three errors of a hundred answers pause for minutes, the fourth stops for an hour; good answers stop nothing."""
    printify = {"etsy": replace(budget()["etsy"], error_share=ErrorShare(pause=0.03, stop=0.04))}
    one = RateLimiter(rpc, None, printify, HandClock())

    def blocked_s():
        return db.execute("select extract(epoch from blocked_until - now())::int from private.api_budgets").fetchone()[
            0
        ]

    for error in [False] * 60 + [True] * 2:
        one.outcome(SCOPE, error=error)
    fine = blocked_s()
    one.outcome(SCOPE, error=True)
    paused = blocked_s()
    one.outcome(SCOPE, error=True)

    assert fine is None
    assert 290 < paused <= 300
    assert blocked_s() > 3500
    with pytest.raises(Snooze, match=r"4\.0 % of the platform's answers are errors"):
        one.permit(SCOPE, "backfill")


def test_in_a_large_crowd_of_answers_the_share_counts(rpc, db):
    """Three errors in a thousand answers are no reason to stop."""
    printify = {"etsy": replace(budget()["etsy"], error_share=ErrorShare(pause=0.03, stop=0.04))}
    one = RateLimiter(rpc, None, printify, HandClock())

    for number in range(1000):
        one.outcome(SCOPE, error=number % 300 == 299)

    assert db.execute("select blocked_until from private.api_budgets").fetchone()[0] is None
