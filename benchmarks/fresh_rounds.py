"""Rounds as the product orders them, on a simulated clock: its own functions in PostgreSQL, which read a set time."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from benchmarks.fresh_orders import WARM_UP, Seen, Shop, first_waits_s

SCOPE = "etsy:app:simulated"
START = datetime(2026, 12, 1, tzinfo=UTC)
# Quoted so that it may stand inside a text as well (private.lives).
_CLOCK, _SET_CLOCK = "clock_timestamp()", "current_setting($k$keeper.now$k$)::timestamptz"
_WORLD = Path(__file__).with_suffix(".sql")
# So many times a simulated day.
_TIDIED = 8
_VACUUM = """vacuum (analyze, skip_locked) public.sync_jobs, public.sync_pages, public.sync_runs, public.certificates,
    public.sync_cursors, private.sync_rounds, private.row_changes, private.round_prices, private.api_budgets,
    private.api_calls, private.call_blocks, private.tenant_calls, private.virtual_clock, private.outbox, sim.shops"""
_SHOPS = (
    """insert into auth.users (id, email)
       select gen_random_uuid(), n || '@example.com' from generate_series(1, %(n)s) as n""",
    """insert into public.connected_accounts (user_id, platform, shop_id)
       select u.id, 'etsy', split_part(u.email, '@', 1) from auth.users as u""",
    """insert into sim.shops (number, connection_id, user_id, rate, seen)
       select a.shop_id::int - 1, a.id, a.user_id, (%(rates)s::float8[])[a.shop_id::int],
              %(start)s - (%(waits)s::float8[])[a.shop_id::int] * interval '1 second'
       from public.connected_accounts as a""",
    """update public.profiles as p set plan = (%(plans)s::text[])[s.number + 1] from sim.shops as s
       where s.user_id = p.user_id""",
    """insert into public.sync_runs (id, connection_id, user_id, job_type, trigger)
       select connection_id, connection_id, user_id, 'backfill', 'simulated' from sim.shops""",
    """insert into public.sync_cursors (connection_id, user_id, platform, entity, watermark, run_id)
       select connection_id, user_id, 'etsy', 'payments', seen, connection_id from sim.shops""",
    # As a backfill leaves it: what the shop's own history makes likely.
    """insert into private.sync_rounds (connection_id, entity, due_at, known_until, changes, days)
       select connection_id, 'payments', %(start)s, seen, 7 * rate, 7 from sim.shops""",
)


@dataclass
class Told:
    """What the simulated days came to. `backfill_most`: the most that backfills held of any rolling day."""

    seen: Seen
    calls_by_day: list[int] = field(default_factory=list)
    live_refused: int = 0
    live_asked: int = 0
    backfill_most: int = 0
    # How many times longer than promised shops had to wait at most, in the days that count.
    stretch: float = 1.0
    weights: dict[str, float] = field(default_factory=dict)

    @property
    def fits(self) -> bool:
        """Whether the day carried all promises."""
        return self.stretch == 1


class SimulatedRounds:
    """A fresh database whose functions read the set clock, with these shops."""

    def __init__(self, db: psycopg.Connection[Any], shops: Sequence[Shop], per_day: int, beat: timedelta) -> None:
        self._db, self._shops, self._per_day, self._beat = db, shops, per_day, beat
        self._now = START
        self._set_clock()
        db.execute(_WORLD.read_bytes())
        db.execute("select setseed(0.14)")
        for statement in _functions_of_time(db, "sim"):
            db.execute(statement.encode())
        facts = {
            "n": len(shops),
            "rates": [shop.rate for shop in shops],
            "plans": [shop.plan for shop in shops],
            "start": START,
            "waits": first_waits_s(shops, per_day),
        }
        for statement in _SHOPS:
            db.execute(statement.encode(), facts)
        db.execute(
            "update private.round_prices set per_day = %s, priced_at = '-infinity' where platform = 'etsy'", [per_day]
        )
        db.execute("analyze")
        # The price finds its place as it would have long ago.
        for _ in range(20):
            db.execute("update private.round_prices set priced_at = '-infinity'")
            db.execute("select private.set_round_prices()")

    def _set_clock(self) -> None:
        self._tell()
        for schema in ("private", "public"):
            for statement in _functions_of_time(self._db, schema):
                self._db.execute(statement.encode())

    def _tell(self) -> None:
        self._db.execute("select set_config('keeper.now', %s, false)", [self._now.isoformat()])

    def run(self, days: int, *, backfill_days: int = 0) -> Told:
        """So many days, the first of them beside backfills that take whatever they get."""
        told = Told(seen=Seen(shops=self._shops))
        beats_a_day = round(timedelta(days=1) / self._beat)
        live = 0.0
        for beat in range(days * beats_a_day):
            live += 0.05 * self._per_day / beats_a_day
            while live >= 1:
                live -= 1
                told.live_asked += 1
                told.live_refused += self._reserve("live", 1) == 0
            if beat < backfill_days * beats_a_day:
                while self._reserve("backfill", 20):
                    pass
                told.backfill_most = max(told.backfill_most, self._held("backfill"))
            self.run_beats(1)
            if (beat + 1) % beats_a_day == 0:
                print(f"day {(beat + 1) // beats_a_day} of {days}", file=sys.stderr, flush=True)
            if beat % max(1, beats_a_day // _TIDIED) == 0:
                self._tidy()
                # Waits that end in the days that count began before them.
                if self._now >= START + (WARM_UP * days - 0.5) * timedelta(days=1):
                    told.stretch = max(told.stretch, self._stretch())
        self._read(told, days)
        return told

    def run_beats(self, beats: int) -> int:
        """What clock and worker do in so many beats. Answers how many rounds."""
        done = 0
        for _ in range(beats):
            done += int(self._one("select sim.beat(%s)", self._per_day))
            self._now += self._beat
            self._tell()
        return done

    def _tidy(self) -> None:
        """What passes in a simulated day passes here in seconds: no autovacuum keeps up with it."""
        self._db.execute("select sim.forget()")
        if self._db.info.transaction_status == TransactionStatus.IDLE:
            self._db.execute(_VACUUM.encode())

    def _reserve(self, call_class: str, wanted: int) -> int:
        query = (
            "select (public.reserve_calls(gen_random_uuid(), %s, %s, %s, 5, %s, 0.5, 0.1, 0.002) ->> 'granted')::int"
        )
        return int(self._one(query, SCOPE, call_class, wanted, self._per_day))

    def _stretch(self) -> float:
        return float(self._one("select stretch from private.round_prices where platform = 'etsy'"))

    def _held(self, call_class: str) -> int:
        held = self._one("select to_jsonb(c) from private.calls_used(%s, %s) as c", SCOPE, self._now)
        return int(held[call_class])

    def _one(self, query: str, *arguments: Any) -> Any:
        row = self._db.execute(query.encode(), arguments).fetchone()
        return row[0] if row else None

    def _read(self, told: Told, days: int) -> None:
        by_number = {shop.number: shop for shop in self._shops}
        told.calls_by_day = [0] * days
        query = "select number, at, waited, found, calls from sim.rounds order by at"
        for number, at, waited, found, calls in self._db.execute(query):
            if at >= START + WARM_UP * timedelta(days=days):
                told.seen.saw(by_number[number], waited, found)
            told.seen.calls += calls
            told.calls_by_day[(at - START) // timedelta(days=1)] += calls
        for number, seen in self._db.execute("select number, seen from sim.shops"):
            told.seen.still_waits(by_number[number], (self._now - seen).total_seconds())
        told.weights = dict(self._db.execute("select plan, weight from private.plan_weights").fetchall())


def _functions_of_time(db: psycopg.Connection[Any], schema: str) -> list[str]:
    """Definitions of the schema's functions, reading the set clock."""
    query = (
        "select pg_get_functiondef(oid) from pg_proc where pronamespace = %s::regnamespace and prokind = 'f'"
        " and prosrc like %s"
    )
    return [text.replace(_CLOCK, _SET_CLOCK) for (text,) in db.execute(query, [schema, f"%{_CLOCK}%"]).fetchall()]
