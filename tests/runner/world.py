"""A user with a connected shop, worked in this process by the product's own parts, and compared with the truth."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from execution import operations
from execution.app import App
from execution.job_runner import JobRunner, SliceOutcome
from execution.settings import Settings
from tests.runner.etsy import Etsy, Shop
from tests.runner.truth import Expected, Row, expected

TABLES = (
    "orders",
    "line_items",
    "order_refunds",
    "order_fulfillments",
    "customers",
    "listings",
    "payments",
    "order_payments",
)
_MOST_ROUNDS = 40


class HastyClock:
    """Real time in which nobody really sleeps: a sleep only moves the monotonic clock on."""

    def __init__(self) -> None:
        self.slept = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic() + self.slept

    def sleep(self, seconds: float) -> None:
        self.slept += seconds


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One way in which the tables are not the truth: 'missing', 'extra', or the column that is wrong."""

    table: str
    key: str
    what: str
    ours: Any = None
    theirs: Any = None


@dataclass(kw_only=True)
class World:
    """One user's shop. `db` is the owner's connection, `app` the product's process."""

    app: App
    db: psycopg.Connection[Any]
    etsy: Etsy
    shop: Shop
    user_id: str
    after_slice: Callable[[SliceOutcome], None] = field(default=lambda _: None)

    def start(self, *entities: str, again: bool = False) -> None:
        operations.start_backfill(self.app, user_id=self.user_id, platform="etsy", entities=entities, again=again)

    def run(self, *entities: str, again: bool = False) -> None:
        """Start the backfill and work it to its end."""
        self.start(*entities, again=again)
        self.drain()

    def drain(self, runner: JobRunner | None = None) -> None:
        """Work until nothing of this user is open. Parks are over at once, because the row says so."""
        runner = runner or self.app.runner()
        for _ in range(_MOST_ROUNDS):
            while (outcome := runner.work_one()) is not SliceOutcome.IDLE:
                self.after_slice(outcome)
            if not self.jobs("waiting", "queued", "running", "parked"):
                return
            self.wake()
        raise AssertionError(f"still open after {_MOST_ROUNDS} rounds: {self.jobs()}")

    def wake(self) -> None:
        """Let all waits be over: of parked jobs, throttled scopes, a refresh that died, the leases of the dead."""
        end_waits(self.db)
        self.app.valkey.flushall()
        self.app.store.rpc("tick")

    def forget(self) -> None:
        """Remove the user and everything of theirs."""
        self.db.execute("delete from auth.users where id = %s", (self.user_id,))

    def rows(self, query: str, *args: Any) -> list[Row]:
        with self.db.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query, args or None).fetchall()  # type: ignore[arg-type]  # composed in tests only

    def jobs(self, *statuses: str) -> list[Row]:
        """The newest job of each entity, in the order of entities; only those in one of these states, if any."""
        found = self.rows(
            "select distinct on (position, entity) * from public.sync_jobs where user_id = %s"
            " order by position, entity, created_at desc",
            self.user_id,
        )
        return [job for job in found if not statuses or job["status"] in statuses]

    def job(self, entity: str) -> Row:
        return next(job for job in self.jobs() if job["entity"] == entity)

    def statuses(self) -> dict[str, str]:
        return {job["entity"]: job["status"] for job in self.jobs()}

    def certificate(self, entity: str) -> Row:
        (found,) = self.rows("select * from public.certificates where id = %s", self.job(entity)["certificate_id"])
        return found

    def watermark(self, entity: str) -> datetime:
        (row,) = self.rows(
            "select watermark from public.sync_cursors where user_id = %s and entity = %s", self.user_id, entity
        )
        moment: datetime = row["watermark"]
        return moment

    def rejected(self, status: str = "open") -> list[Row]:
        return self.rows(
            "select * from public.rejected_records where user_id = %s and status = %s order by id", self.user_id, status
        )

    def stored(self, table: str) -> dict[str, Row]:
        """The user's rows that are not deleted, by key; times as Unix seconds."""
        query = sql.SQL("select * from public.{} where user_id = %s and not is_deleted").format(sql.Identifier(table))
        with self.db.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(query, (self.user_id,)).fetchall()
        return {row["platform_id"]: {k: _plain(v) for k, v in row.items()} for row in rows}

    def expected(self) -> Expected:
        until = max(int(job["window_end"].timestamp()) for job in self.jobs() if job["window_end"])
        return expected(self.etsy, self.shop, until=until)

    def compare(
        self, *tables: str, forgive_after: float | None = None, truth: Expected | None = None
    ) -> list[Difference]:
        """All differences between the tables and the truth, in both directions.

        `forgive_after`: a record that the platform says changed after this moment (the cursor that was left) is the
        incremental sync's, so it may be missing or old.
        """
        truth = truth or self.expected()
        return [
            difference
            for table in tables or TABLES
            for difference in _differences(table, self.stored(table), truth.tables[table])
            if forgive_after is None or truth.updated[table].get(difference.key, 0) <= forgive_after
        ]


def end_waits(db: psycopg.Connection[Any]) -> None:
    """In the database, all waits are over."""
    db.execute("update public.sync_jobs set run_after = now() where status = 'parked'")
    db.execute("update private.api_budgets set blocked_until = null, paced_until = null, valkey_until = null")
    db.execute(
        "update private.platform_tokens set refresh_started_at = now() - interval '2 minutes'"
        " where refresh_started_at is not null"
    )
    db.execute("update private.platform_tokens set rest_until = null")
    db.execute("update private.circuit_breakers set retry_at = now(), probe = null, probe_until = null")
    # Nobody works in another process while this one waits: whoever holds a lease has died.
    db.execute("update public.sync_jobs set lease_expires_at = now() where status = 'running'")


def let_a_minute_pass(app: App, db: psycopg.Connection[Any]) -> None:
    """All waits are over, and what refills with time has refilled: buckets are not forgotten."""
    end_waits(db)
    for name in app.valkey.scan_iter("keeper:*:hold"):
        app.valkey.delete(name)
    for bucket in ("points", "calls"):
        for name in app.valkey.scan_iter(f"keeper:*:{bucket}"):
            app.valkey.hincrby(name, "at", -60_000_000)
    app.store.rpc("tick")


def make_world(app: App, db: psycopg.Connection[Any], etsy: Etsy, shop: Shop, *, expires_in: float = 3600) -> World:
    """A new user who connects the shop through the product's own connector."""
    user_id = str(uuid.uuid4())
    db.execute("insert into auth.users (id, email) values (%s, %s)", (user_id, f"{user_id}@example.com"))
    operations.connect(
        app,
        platform="etsy",
        user_id=user_id,
        shop_id=str(shop.id),
        access_token=shop.access_token,
        refresh_token=shop.refresh_token,
        expires_at=datetime.fromtimestamp(time.time() + expires_in, UTC),
    )
    return World(app=app, db=db, etsy=etsy, shop=shop, user_id=user_id)


def make_app(settings: Settings, *, seed: int = 1, stopping: Callable[[], bool] = lambda: False) -> App:
    return App(settings=settings, clock=HastyClock(), rng=random.Random(seed), stopping=stopping)


def close_app(app: App) -> None:
    """Give the sockets of one process back."""
    for part in ("store", "hasty_store", "transport", "valkey"):
        if part in vars(app):
            vars(app)[part].close()


def _plain(value: Any) -> Any:
    return int(value.timestamp()) if isinstance(value, datetime) else value


def _differences(table: str, ours: dict[str, Row], theirs: dict[str, Row]) -> Iterator[Difference]:
    for key in theirs.keys() - ours.keys():
        yield Difference(table=table, key=key, what="missing")
    for key in ours.keys() - theirs.keys():
        yield Difference(table=table, key=key, what="extra")
    for key in ours.keys() & theirs.keys():
        for name, value in theirs[key].items():
            if ours[key][name] != value:
                yield Difference(table=table, key=key, what=name, ours=ours[key][name], theirs=value)


def keys_of(differences: Sequence[Difference]) -> set[tuple[str, str, str]]:
    return {(d.table, d.key, d.what) for d in differences}
