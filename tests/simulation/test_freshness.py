"""The simulation of freshness in small: few shops, few days, the product's own order on a set clock.

`python -m benchmarks.freshness` plays the full size (docs/freshness.md).
"""

from __future__ import annotations

import os
from datetime import timedelta

import pytest

from benchmarks.fresh_orders import OTHERS, Shop, promised_s
from benchmarks.fresh_rounds import SimulatedRounds
from tests.schema.rows import Connection

# Many that hardly sell, and a few that sell much.
MIXED = (*[("free", 0.05)] * 50, *[("starter", 5.0)] * 6, *[("pro", 60.0)] * 3, ("enterprise", 200.0))
# A day that does not suffice for their promises, and one that does.
SHORT_DAY, LONG_DAY = 150, 5_000
BEAT = timedelta(minutes=30)
# Rounds of a shop at rest: `KEEPER_ROUNDS=1000` takes so many.
ROUNDS = int(os.environ.get("KEEPER_ROUNDS", "80"))
# Calls by the hour and by five minutes: they have a life of their own (private.lives).
_OF_THE_HOUR = {"private.tenant_calls", "private.api_calls", "private.call_blocks", "private.heartbeats"}


@pytest.mark.usefixtures("clean")
def test_where_the_day_is_short_changes_are_seen_sooner_than_in_turns(db: Connection) -> None:
    """With as many calls. Live calls are never refused, and backfills that take what they get have half at most."""
    shops = [Shop(number=n, plan=plan, rate=rate) for n, (plan, rate) in enumerate(MIXED)]
    with db.transaction(force_rollback=True):
        told = SimulatedRounds(db, shops, SHORT_DAY, BEAT).run(6, backfill_days=1)

    others = {name: play(shops, told.calls_by_day) for name, play in OTHERS.items()}

    assert told.stretch > 1
    assert told.live_asked > 30
    assert told.live_refused == 0
    assert 0 < told.backfill_most <= SHORT_DAY / 2
    # What was planned beside backfills is still waited for on the day after them.
    assert min(told.calls_by_day[3:]) > 0.65 * SHORT_DAY
    ours = told.seen.mean_delay_s()
    for name in ("round robin", "first come, first served"):
        # On the first day backfills have half of it; the benchmark wants 2.5 of ten thousand shops.
        assert others[name].mean_delay_s() > 1.8 * ours, name


@pytest.mark.usefixtures("clean")
def test_where_the_day_suffices_nobody_is_silent_for_longer_than_promised(db: Connection) -> None:
    shops = [Shop(number=n, plan=plan, rate=rate) for n, (plan, rate) in enumerate(MIXED[44:53])]
    with db.transaction(force_rollback=True):
        told = SimulatedRounds(db, shops, LONG_DAY, BEAT).run(1)

    assert told.fits
    promised = promised_s()
    for plan in ("free", "starter"):
        assert 0 < told.seen.longest_s(plan) <= promised[plan] + BEAT.total_seconds() + 120


def rows(db: Connection) -> dict[str, int]:
    """How many rows there are, by table."""
    query = """
        select format('%I.%I', n.nspname, c.relname)
        from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
        where n.nspname in ('public', 'private') and c.relkind = 'r' and not c.relispartition"""
    tables = {name for (name,) in db.execute(query).fetchall()} - _OF_THE_HOUR
    return {name: db.execute(f"select count(*) from {name}".encode()).fetchone()[0] for name in tables}  # type: ignore[index]


@pytest.mark.timeout(3600 if ROUNDS > 200 else 300)  # in one transaction nothing is swept up on the way
@pytest.mark.usefixtures("clean")
def test_rounds_of_a_shop_at_rest_leave_the_database_as_large_as_it_was(db: Connection) -> None:
    """Every table, however many rounds: only the newest proof stays."""
    shop = Shop(number=0, plan="enterprise", rate=0.0)
    with db.transaction(force_rollback=True):
        world = SimulatedRounds(db, [shop], LONG_DAY, timedelta(minutes=6))
        few = world.run_beats(5)
        before = rows(db)
        many = world.run_beats(ROUNDS)

        assert rows(db) == before

    assert (few, many) == (5, ROUNDS)
