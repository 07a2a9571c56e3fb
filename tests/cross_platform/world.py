"""One user with a shop on Etsy, on Printify and on Shopify, and what the tables should hold of each."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from execution import operations
from execution.app import App
from execution.job_runner import SliceOutcome
from tests.platforms.printify import world as printify_world
from tests.platforms.printify.printify import Printify
from tests.platforms.shopify.shopify import Shop as ShopifyShop
from tests.platforms.shopify.shopify import Shopify
from tests.platforms.shopify.truth import TABLES as SHOPIFY_TABLES
from tests.platforms.shopify.truth import expected as shopify_expected
from tests.runner import world as heart
from tests.runner.etsy import Etsy
from tests.runner.etsy import Shop as EtsyShop
from tests.runner.truth import Expected

PLATFORMS = ("etsy", "printify", "shopify")
_MOST_ROUNDS = 60


@dataclass(kw_only=True)
class Shops:
    """The three shops, which are connected anew for each user, and what they hold."""

    etsy: Etsy
    etsy_shop: EtsyShop
    printify: Printify
    printify_shop: dict[str, Any]
    shopify: Shopify
    shopify_shop: ShopifyShop
    etsy_truth: Expected | None = None
    shopify_truth: dict[str, dict[str, Any]] | None = None


class _EtsyPart(heart.World):
    def stored(self, table: str) -> dict[str, heart.Row]:
        return stored(self, table, "etsy")


class _PrintifyPart(printify_world.World):
    def stored(self, table: str) -> dict[str, heart.Row]:
        return stored(self, table, "printify")


def stored(world: heart.World, table: str, platform: str) -> dict[str, heart.Row]:
    """The user's rows of one platform that are not deleted, by key."""
    query = sql.SQL("select * from public.{} where user_id = %s and platform = %s and not is_deleted")
    with world.db.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query.format(sql.Identifier(table)), (world.user_id, platform)).fetchall()
    return {row["platform_id"]: {k: heart._plain(v) for k, v in row.items()} for row in rows}


@dataclass(kw_only=True)
class Trio:
    """One user, three shops."""

    app: App
    db: psycopg.Connection[Any]
    shops: Shops
    user_id: str

    def start(self) -> None:
        operations.start_backfill(self.app, user_id=self.user_id, platform=None, entities=(), again=False)

    def jobs(self) -> list[heart.Row]:
        with self.db.cursor(row_factory=dict_row) as cursor:
            return cursor.execute("select * from public.sync_jobs where user_id = %s", (self.user_id,)).fetchall()

    def open(self) -> bool:
        return any(job["status"] in ("waiting", "queued", "running", "parked") for job in self.jobs())

    def wake(self) -> None:
        heart.let_a_minute_pass(self.app, self.db)

    def drain(self) -> None:
        for _ in range(_MOST_ROUNDS):
            runner = self.app.runner()
            while runner.work_one() is not SliceOutcome.IDLE:
                pass
            if not self.open():
                return
            self.wake()
        raise AssertionError(f"still open: {[(j['platform'], j['entity'], j['park_reason']) for j in self.jobs()]}")

    def wrong(self) -> list[str]:
        """Every job that is not completed, and every way in which the tables are not what the platforms hold."""
        jobs = [
            f"{job['platform']} {job['entity']}: {job['status']} {job['error']}"
            for job in self.jobs()
            if job["status"] != "completed"
        ]
        return jobs or [*self._wrong_etsy(), *self._wrong_printify(), *self._wrong_shopify()]

    def forget(self) -> None:
        self.db.execute("delete from auth.users where id = %s", (self.user_id,))

    def _wrong_etsy(self) -> list[str]:
        part = _EtsyPart(
            app=self.app, db=self.db, etsy=self.shops.etsy, shop=self.shops.etsy_shop, user_id=self.user_id
        )
        self.shops.etsy_truth = self.shops.etsy_truth or part.expected()
        return [f"etsy {difference}" for difference in part.compare(truth=self.shops.etsy_truth)]

    def _wrong_printify(self) -> list[str]:
        part = _PrintifyPart(
            app=self.app, db=self.db, etsy=self.shops.printify, shop=self.shops.printify_shop, user_id=self.user_id
        )
        return [f"printify {line}" for line in part.wrong()]

    def _wrong_shopify(self) -> list[str]:
        truth = self.shops.shopify_truth = self.shops.shopify_truth or shopify_expected(
            self.shops.shopify, self.shops.shopify_shop
        )
        part = _EtsyPart(
            app=self.app, db=self.db, etsy=self.shops.etsy, shop=self.shops.etsy_shop, user_id=self.user_id
        )
        return [
            f"shopify {difference}"
            for table in SHOPIFY_TABLES
            for difference in heart._differences(table, stored(part, table, "shopify"), truth[table])
        ]


def make_trio(app: App, db: psycopg.Connection[Any], shops: Shops) -> Trio:
    """A new user who connects all three shops; the tokens are about to be refreshed."""
    user_id = str(uuid.uuid4())
    db.execute("insert into auth.users (id, email) values (%s, %s)", (user_id, f"{user_id}@example.com"))
    etsy, printify, shopify = shops.etsy_shop, shops.printify_shop, shops.shopify.again(shops.shopify_shop)
    for platform, shop_id, access, refresh in (
        ("etsy", str(etsy.id), etsy.access_token, etsy.refresh_token),
        ("printify", str(printify["shop_id"]), printify["access_token"], printify["refresh_token"]),
        ("shopify", shopify.id, shopify.access_token, shopify.refresh_token),
    ):
        operations.connect(
            app,
            platform=platform,
            user_id=user_id,
            shop_id=shop_id,
            access_token=access,
            refresh_token=refresh,
            expires_at=datetime.fromtimestamp(time.time() + 3600, UTC),
        )
    return Trio(app=app, db=db, shops=shops, user_id=user_id)
