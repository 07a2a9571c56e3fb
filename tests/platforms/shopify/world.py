"""A user with a connected Shopify shop, worked in this process by the product's own parts."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

from execution import operations
from execution.app import App
from tests.platforms.shopify.shopify import Shop, Shopify
from tests.platforms.shopify.truth import TABLES, expected
from tests.runner.world import Difference, World, _differences, let_a_minute_pass

COMPLETE = dict.fromkeys(("orders", "listings", "variants", "customers"), "completed")


@dataclass(kw_only=True)
class ShopifyWorld(World):
    """`World`, for a shop of the sandbox's Shopify."""

    etsy: Any = None
    shop: Any = None
    shopify: Shopify
    sold: Shop

    def start(self, *entities: str, again: bool = False) -> None:
        operations.start_backfill(self.app, user_id=self.user_id, platform="shopify", entities=entities, again=again)

    def wake(self) -> None:
        """As `World`, after a minute: the shop's bucket has refilled meanwhile."""
        let_a_minute_pass(self.app, self.db)

    def differences(self, *tables: str) -> list[Difference]:
        """All differences between the tables and the truth, in both directions."""
        truth = expected(self.shopify, self.sold)
        return [d for table in tables or TABLES for d in _differences(table, self.stored(table), truth[table])]

    def calls(self) -> int:
        return len(self.shopify.asked(self.sold))

    def error(self, entity: str) -> tuple[str, str, str]:
        """How a job ended: its status, the stable word, and what the seller reads."""
        job = self.job(entity)
        return job["status"], job["error_code"] or "", job["seller_message"] or ""


def make_world(
    app: App, db: psycopg.Connection[Any], shopify: Shopify, shop: Shop, *, expires_in: float = 3600
) -> ShopifyWorld:
    """A new user who connects the shop through the product's own connector."""
    user_id = str(uuid.uuid4())
    db.execute("insert into auth.users (id, email) values (%s, %s)", (user_id, f"{user_id}@example.com"))
    operations.connect(
        app,
        platform="shopify",
        user_id=user_id,
        shop_id=shop.id,
        access_token=shop.access_token,
        refresh_token=shop.refresh_token,
        expires_at=datetime.fromtimestamp(time.time() + expires_in, UTC),
    )
    return ShopifyWorld(app=app, db=db, shopify=shopify, sold=shop, user_id=user_id)
