"""Who is next among rounds: how long an entity is left alone, whom a call goes to, and what teaches it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from tests.schema.rows import Connection
from tests.worlds.users import connect, make_user

DAY = 86_400
_JOB = """
    insert into public.sync_jobs (user_id, connection_id, run_id, platform, entity, job_type, status, position,
        lease_id, lease_expires_at, started_at, window_start, window_end, calls_used)
    values (%s, %s, %s, 'etsy', 'payments', 'incremental', 'running', 0, %s, now() + interval '1 hour', now(),
            now() - interval '1 day', now(), 1) returning id"""
_PAGE = """
    insert into public.sync_pages (page_id, job_id, seq, connection_id, user_id, platform, entity, stream, part, pass,
        position, keys, created, updated, unchanged, stale, rejected, fetched_at, answer)
    values (gen_random_uuid(), %s, 1, %s, %s, 'etsy', 'payments', 'x', 0, 1, 0, %s, %s, 0, %s, 0, 0, now(), '{}')"""
_LOADED = (
    """insert into public.sync_runs (id, connection_id, user_id, job_type, trigger)
       select id, id, user_id, 'backfill', 'test' from public.connected_accounts""",
    """insert into public.sync_cursors (connection_id, user_id, platform, entity, watermark, run_id)
       select id, user_id, platform, 'payments', now(), id from public.connected_accounts""",
)


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A shop of its own user, of which rounds have seen so much."""

    db: Connection
    user: str
    connection: str

    def term(self, name: str) -> Any:
        query = f"select {name} from private.round_terms() where connection_id = %s"
        return self.db.execute(query.encode(), [self.connection]).fetchone()[0]  # type: ignore[index]

    @property
    def lasts(self) -> float:
        lasts: timedelta = self.term("lasts")
        return lasts.total_seconds()

    def set(self, **columns: Any) -> None:
        named = ", ".join(f"{name} = %({name})s" for name in columns)
        query = f"update private.sync_rounds set {named} where connection_id = %(of)s"
        self.db.execute(query.encode(), {**columns, "of": self.connection})

    def learned(self) -> dict[str, float]:
        query = "select to_jsonb(s) from private.sync_rounds as s where connection_id = %s"
        row = self.db.execute(query, [self.connection]).fetchone()
        return row[0]  # type: ignore[index,no-any-return]

    def round(self, *, found: int = 0, announced: int = 0, lasted: timedelta = timedelta(hours=1)) -> None:
        """A proven round over so long a time: so many records were new here, so many were here by a hook already."""
        lease, run = str(uuid.uuid4()), str(uuid.uuid4())
        keys = [f"{run}:{n}" for n in range(found + announced)]
        self.set(known_until=self.db.execute("select now() - %s", [lasted]).fetchone()[0])  # type: ignore[index]
        self.db.execute(
            "insert into public.sync_runs (id, connection_id, user_id, job_type, trigger)"
            " values (%s, %s, %s, 'incremental', 'test')",
            [run, self.connection, self.user],
        )
        (job,) = self.db.execute(_JOB, [self.user, self.connection, run, lease]).fetchone()  # type: ignore[misc]
        self.db.execute(_PAGE, [job, self.connection, self.user, keys, found, announced])
        self.db.execute(
            "insert into private.platform_events (connection_id, kind, object_id, topic, worked_at)"
            " select %s, 'x', k, 'x', now() from unnest(%s::text[]) as k",
            [self.connection, keys[:announced]],
        )
        self.db.execute("select public.complete_job(%s, %s, null, 1)", [lease, '{"distinct_keys": 0, "checks": []}'])


@pytest.fixture
def shop_of(clean: None, db: Connection) -> Any:
    def made(plan: str = "free", **columns: Any) -> Shop:
        user = make_user(db)
        db.execute("update public.profiles set plan = %s where user_id = %s", [plan, user])
        shop = Shop(db=db, user=user, connection=connect(db, user, "etsy", str(uuid.uuid4())))
        db.execute(
            "insert into private.sync_rounds (connection_id, entity, due_at, known_until)"
            " values (%s, 'payments', now(), now())",
            [shop.connection],
        )
        if columns:
            shop.set(**columns)
        return shop

    db.execute("update private.round_prices set price = private.least_price(), stretch = 1, priced_at = now()")
    return made


def of_changes(a_day: float) -> dict[str, float]:
    """What rounds have seen, for long enough, of a shop of so many changes a day."""
    return {"changes": a_day * 1e6, "days": 1e6}


def test_four_times_the_changes_are_read_twice_as_often(shop_of: Any) -> None:
    some, many = (shop_of(**of_changes(a_day)) for a_day in (2, 8))

    assert some.lasts == pytest.approx(2 * many.lasts, rel=0.01)
    assert many.lasts == pytest.approx(DAY * (0.02 / 8) ** 0.5, rel=0.01)


def test_a_plans_weight_counts_by_its_square_root(shop_of: Any) -> None:
    free, pro = (shop_of(plan, **of_changes(200)) for plan in ("free", "pro"))

    assert free.lasts == pytest.approx(4**0.25 * pro.lasts, rel=0.01)


def test_a_round_of_four_times_the_calls_comes_half_as_often(shop_of: Any) -> None:
    cheap, dear = (shop_of(**of_changes(8), calls=calls) for calls in (1, 4))

    assert dear.lasts == pytest.approx(2 * cheap.lasts, rel=0.01)


def test_nobody_is_left_alone_for_longer_than_promised(shop_of: Any) -> None:
    assert shop_of("pro", **of_changes(0)).lasts == 900
    assert shop_of("free", **of_changes(0)).lasts == 6 * 3600


def test_of_what_is_not_known_the_likely_is_taken(shop_of: Any) -> None:
    """Not nothing: and what is seen soon outweighs it."""
    new = shop_of("enterprise")
    before = new.term("worth")
    for _ in range(10):
        new.round(lasted=timedelta(days=1))

    assert before == pytest.approx(8**0.5 * 50)
    assert new.term("worth") < before / 7


def test_what_was_seen_counts_half_in_two_weeks(shop_of: Any) -> None:
    shop = shop_of(changes=80, days=10)

    shop.round(lasted=timedelta(days=14))

    assert shop.learned()["changes"] == pytest.approx(40, rel=0.01)
    assert shop.learned()["days"] == pytest.approx(5 + 14, rel=0.01)


def test_a_burst_shortens_the_next_wait_at_once(shop_of: Any) -> None:
    shop = shop_of(changes=3, days=14)
    before = shop.lasts

    shop.round(found=60)

    assert shop.lasts < before / 3


def test_what_hooks_announce_is_polled_for_less(shop_of: Any) -> None:
    """Three of four: by the square root of what is left, twice as seldom."""
    told, silent = (shop_of(**of_changes(8), recall=recall) for recall in (0.75, 0))

    assert told.lasts == pytest.approx(2 * silent.lasts, rel=0.01)


def test_the_share_that_hooks_announce_is_measured_and_falls_when_they_stop(shop_of: Any) -> None:
    shop = shop_of()
    for _ in range(12):
        shop.round(announced=6, found=2)
    measured = shop.learned()["recall"]
    for _ in range(12):
        shop.round(found=8)

    assert measured == pytest.approx(0.75, abs=0.05)
    assert shop.learned()["recall"] < 0.02
    assert shop.learned()["changes"] > 180  # what was announced is a change as well


def due(db: Connection, most: int = 10) -> list[str]:
    return [str(row[0]) for row in db.execute("select connection_id from private.due_rounds('etsy', %s)", [most])]


def test_first_whom_a_call_saves_the_most(db: Connection, shop_of: Any) -> None:
    """Weight times changes times the square of the wait, by calls; not who has waited longest."""
    ago = {
        minutes: db.execute("select now() - %s * interval '1 minute'", [minutes]).fetchone()[0]
        for minutes in (10, 20, 30)
    }  # type: ignore[index]
    waits_long = shop_of(**of_changes(1), known_until=ago[30])
    sells_much = shop_of(**of_changes(90), known_until=ago[10])
    dear = shop_of(**of_changes(90), calls=100, known_until=ago[10])
    pays_more = shop_of("starter", **of_changes(2), known_until=ago[20])
    # By the wait itself it would be before whoever waits half as long again.
    sells_less = shop_of("starter", **of_changes(1), known_until=ago[20])

    assert due(db) == [shop.connection for shop in (sells_much, pays_more, waits_long, sells_less, dear)]
    assert due(db, 1) == [sells_much.connection]


def test_before_all_others_whom_a_promise_would_be_broken_to(db: Connection, shop_of: Any) -> None:
    busy = shop_of(**of_changes(500))
    late = shop_of("pro", **of_changes(0.001))
    db.execute("update private.sync_rounds set known_until = now() - interval '16 minutes'")

    assert due(db) == [late.connection, busy.connection]


def test_the_price_rises_while_the_day_is_short_and_falls_when_it_is_not(db: Connection, shop_of: Any) -> None:
    for _ in range(20):
        shop_of(**of_changes(2_000))

    def price_of_a_day(calls: int) -> tuple[float, float]:
        db.execute("update private.round_prices set per_day = %s", [calls])
        for _ in range(30):
            db.execute("update private.round_prices set priced_at = '-infinity'")
            db.execute("select private.set_round_prices()")
        (price, asked) = db.execute(
            "select price, (select sum(calls * 86400 / extract(epoch from lasts)) from private.round_terms())"
            " from private.round_prices where platform = 'etsy'"
        ).fetchone()  # type: ignore[misc]
        return price, float(asked)

    try:
        short, asked_short = price_of_a_day(1_000)
        plenty, _ = price_of_a_day(10_000_000)
    finally:
        db.execute("update private.round_prices set per_day = 5000")

    assert short > 40 * plenty
    assert asked_short == pytest.approx(900, rel=0.02)  # a tenth is the live calls'
    assert plenty == pytest.approx(0.02)


@pytest.fixture
def priced(db: Connection) -> Iterator[Callable[[int], tuple[float, float]]]:
    """What prices, set again and again for a day of so many calls, come to: the stretch, and the calls asked for."""

    def price(calls: int) -> tuple[float, float]:
        db.execute("update private.round_prices set per_day = %s", [calls])
        for _ in range(60):
            db.execute("update private.round_prices set priced_at = '-infinity'")
            db.execute("select private.set_round_prices()")
        (stretch, asked) = db.execute(
            "select stretch, (select sum(calls * 86400 / extract(epoch from lasts)) from private.round_terms())"
            " from private.round_prices where platform = 'etsy'"
        ).fetchone()  # type: ignore[misc]
        return stretch, float(asked)

    yield price
    db.execute("update private.round_prices set per_day = 5000, stretch = 1, price = private.least_price()")


def test_where_promises_are_more_than_the_day_all_wait_the_same_times_longer(
    db: Connection, shop_of: Any, priced: Callable[[int], tuple[float, float]]
) -> None:
    """Beside shops whose changes are worth a call, promises take a third of the day at least and no more."""
    shops = [shop_of(plan, **of_changes(0.001)) for plan in ("enterprise", "pro") for _ in range(20)]
    for _ in range(20):
        shop_of("pro", **of_changes(2_000))

    stretch, asked = priced(1_000)

    over = 20 * (288 + 96 + 96) / 900
    assert stretch == pytest.approx(over * min(3, over))
    assert sorted({shop.term("every").total_seconds() for shop in shops}) == pytest.approx(
        [300 * stretch, 900 * stretch]
    )
    assert asked == pytest.approx(900, rel=0.05)


def test_what_the_least_price_leaves_over_goes_to_the_promises(
    shop_of: Any, priced: Callable[[int], tuple[float, float]]
) -> None:
    """Shops at rest have no use for a price: of the whole day their promises are kept as well as it goes."""
    for plan in ("enterprise", "pro"):
        for _ in range(20):
            shop_of(plan, **of_changes(0.001))

    stretch, asked = priced(1_000)

    assert stretch == pytest.approx(20 * (288 + 96) / 900)
    assert asked == pytest.approx(900, rel=0.01)


def test_a_plan_that_changes_counts_at_once(db: Connection, shop_of: Any) -> None:
    shop = shop_of()
    shop.set(due_at=db.execute("select now() + interval '6 hours'").fetchone()[0])  # type: ignore[index]

    db.execute("select public.set_plan(%s, 'enterprise')", [shop.user])

    (waits,) = db.execute(
        "select due_at - now() from private.sync_rounds where connection_id = %s", [shop.connection]
    ).fetchone()  # type: ignore[misc]
    assert waits <= timedelta(minutes=5)


def test_the_line_is_short_so_that_who_is_next_is_chosen_late(db: Connection, shop_of: Any) -> None:
    """Of five thousand calls a day those of five minutes; a platform that shares no day has more places."""
    places = "select private.round_places(%s, 200)"
    for _ in range(30):
        shop_of()
    for statement in _LOADED:
        db.execute(statement)
    before = db.execute(places, ["etsy"]).fetchone(), db.execute(places, ["of no day"]).fetchone()

    queued = [db.execute("select private.queue_due_rounds()").fetchone() for _ in range(2)]

    assert before == ((17,), (200,))
    assert queued == [(17,), (0,)]
