"""A user with connected shops, worked in this process by the product's own parts, and compared with the truth.

`make_world(app, db, (etsy, shop), (shopify, other))` connects each shop through the product's own connector. What is
asked of a `World` is about all of its shops, `world.of("etsy")` is about one; a world of one shop answers for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from execution import operations
from execution.app import App
from execution.job_runner import JobRunner, SliceOutcome
from tests.standins.stand_in import Expected, Row, Rows, Shop, StandIn
from tests.worlds.differences import Difference, differences
from tests.worlds.users import make_user
from tests.worlds.waits import forget_limits, let_a_minute_pass

OPEN = ("waiting", "queued", "running", "parked")
Truth = dict[tuple[str, str], Expected]
_MOST_ROUNDS = 60


@dataclass(kw_only=True)
class ConnectedShop:
    """One shop of the user's: its jobs, what our tables hold of it, and what they should hold."""

    world: World
    stand_in: StandIn
    shop: Shop
    connection_id: str

    @property
    def platform(self) -> str:
        return self.stand_in.platform

    @property
    def name(self) -> tuple[str, str]:
        return self.platform, self.shop.id

    def start(self, *entities: str, again: bool = False) -> None:
        self.world.start_on(self, *entities, again=again)

    def run(self, *entities: str, again: bool = False) -> None:
        """Start the backfill of this shop and work until nothing is open."""
        self.start(*entities, again=again)
        self.world.drain()

    def jobs(self, *statuses: str) -> list[Row]:
        return [job for job in self.world.jobs(*statuses) if str(job["connection_id"]) == self.connection_id]

    def job(self, entity: str) -> Row:
        return next(job for job in self.jobs() if job["entity"] == entity)

    def statuses(self) -> dict[str, str]:
        return {job["entity"]: job["status"] for job in self.jobs()}

    def error(self, entity: str) -> tuple[str, str, str]:
        """How a job ended: its status, the stable word, and what the seller reads."""
        job = self.job(entity)
        return job["status"], job["error_code"] or "", job["seller_message"] or ""

    def certificate(self, entity: str) -> Row:
        proven = self.job(entity)["certificate_id"]
        (found,) = self.world.rows("select * from public.certificates where id = %s", proven)
        return found

    def watermark(self, entity: str) -> datetime:
        (row,) = self.world.rows(
            "select watermark from public.sync_cursors where connection_id = %s and entity = %s",
            self.connection_id,
            entity,
        )
        moment: datetime = row["watermark"]
        return moment

    def stored(self, table: str) -> Rows:
        """The shop's rows that are not deleted, by key; times as Unix seconds."""
        query = sql.SQL("select * from public.{} where connection_id = %s and not is_deleted")
        rows = self.world.rows(query.format(sql.Identifier(table)), self.connection_id)
        return {row["platform_id"]: {name: _plain(value) for name, value in row.items()} for row in rows}

    def expected(self) -> Expected:
        bounds = [int(job["window_end"].timestamp()) for job in self.jobs() if job["window_end"]]
        return self.stand_in.expected(self.shop, until=max(bounds, default=int(time.time())))

    def wrong(
        self, *tables: str, forgive_after: float | None = None, truth: Expected | None = None
    ) -> list[Difference]:
        """All differences between the tables and what the platform truly holds, in both directions.

        `forgive_after`: a record that the platform says changed after this moment (the cursor that was left) is the
        incremental sync's, so it may be missing or old.
        """
        truth = truth or self.expected()
        return [
            difference
            for table in tables or truth.tables
            for difference in differences(
                self.stored(table), truth.tables[table], platform=self.platform, shop_id=self.shop.id, table=table
            )
            if forgive_after is None or truth.updated[table].get(difference.key, 0) <= forgive_after
        ]


@dataclass(kw_only=True)
class World:
    """One user and their shops. `db` is the owner's connection, `app` the product's process."""

    app: App
    db: psycopg.Connection[Any]
    user_id: str
    shops: list[ConnectedShop] = field(default_factory=list)
    after_slice: Callable[[SliceOutcome], None] = field(default=lambda _: None)

    def connect(self, stand_in: StandIn, shop: Shop, *, expires_in: float | None = None, **more: Any) -> ConnectedShop:
        """Connect one more shop through the product's own connector."""
        wanted = {**stand_in.connecting(shop, expires_in=expires_in), **more}
        connection_id = operations.connect(self.app, user_id=self.user_id, **wanted)["connection_id"]
        connected = ConnectedShop(world=self, stand_in=stand_in, shop=shop, connection_id=str(connection_id))
        self.shops.append(connected)
        return connected

    def of(self, platform: str) -> ConnectedShop:
        """The user's one shop on this platform."""
        (found,) = [shop for shop in self.shops if shop.platform == platform]
        return found

    # --- work -----------------------------------------------------------------------------------------

    def start(self, *entities: str, again: bool = False) -> None:
        """Start the backfill: of all shops at once, or of the one that there is."""
        self.start_on(self.shops[0] if len(self.shops) == 1 else None, *entities, again=again)

    def start_on(self, shop: ConnectedShop | None, *entities: str, again: bool = False) -> None:
        """Of one shop, or of all."""
        platform, shop_id = (shop.platform, shop.shop.id) if shop else (None, None)
        operations.start_backfill(
            self.app, user_id=self.user_id, platform=platform, shop_id=shop_id, entities=entities, again=again
        )

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
            if not self.jobs(*OPEN):
                return
            self.wake()
        raise AssertionError(f"still open after {_MOST_ROUNDS} rounds: {self.jobs(*OPEN)}")

    def wake(self) -> None:
        """Let all waits be over: of parked jobs, throttled scopes, a refresh that died, the leases of the dead."""
        if any(shop.stand_in.refills for shop in self.shops):
            let_a_minute_pass(self.app, self.db)
        else:
            forget_limits(self.app, self.db)

    def forget(self) -> None:
        """Remove the user and everything of theirs."""
        self.db.execute("delete from auth.users where id = %s", (self.user_id,))

    # --- what there is of the user ----------------------------------------------------------------------

    def rows(self, query: Any, *args: Any) -> list[Row]:
        with self.db.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query, args or None).fetchall()

    def jobs(self, *statuses: str) -> list[Row]:
        """The newest job of each entity of each shop, in the order of entities; only those in one of these states."""
        found = self.rows(
            "select * from (select distinct on (connection_id, entity) * from public.sync_jobs where user_id = %s"
            " order by connection_id, entity, created_at desc) as newest"
            " order by platform, connection_id, position, entity",
            self.user_id,
        )
        return [job for job in found if not statuses or job["status"] in statuses]

    def rejected(self, status: str = "open") -> list[Row]:
        return self.rows(
            "select * from public.rejected_records where user_id = %s and status = %s order by id", self.user_id, status
        )

    def truth(self) -> Truth:
        """What the tables should hold now, by platform and shop."""
        return {shop.name: shop.expected() for shop in self.shops}

    def wrong(self, *tables: str, forgive_after: float | None = None, truth: Truth | None = None) -> list[Difference]:
        """All differences between the tables and what each platform truly holds."""
        truth = truth or self.truth()
        return [
            difference
            for shop in self.shops
            for difference in shop.wrong(*tables, forgive_after=forgive_after, truth=truth[shop.name])
        ]

    # --- of the only shop -------------------------------------------------------------------------------

    @property
    def only(self) -> ConnectedShop:
        (only,) = self.shops
        return only

    @property
    def shop(self) -> Shop:
        return self.only.shop

    def job(self, entity: str) -> Row:
        return self.only.job(entity)

    def statuses(self) -> dict[str, str]:
        return self.only.statuses()

    def error(self, entity: str) -> tuple[str, str, str]:
        return self.only.error(entity)

    def certificate(self, entity: str) -> Row:
        return self.only.certificate(entity)

    def watermark(self, entity: str) -> datetime:
        return self.only.watermark(entity)

    def stored(self, table: str) -> Rows:
        return self.only.stored(table)


def make_world(app: App, db: psycopg.Connection[Any], *shops: tuple[StandIn, Shop], **more: Any) -> World:
    """A new user who connects these shops; `more` is told with each connection."""
    world = World(app=app, db=db, user_id=make_user(db))
    for stand_in, shop in shops:
        world.connect(stand_in, shop, **more)
    return world


def _plain(value: Any) -> Any:
    return int(value.timestamp()) if isinstance(value, datetime) else value
