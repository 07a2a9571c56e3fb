"""A shop on Etsy, on Printify and on Shopify, connected anew for each user, and what they hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

from execution.app import App
from tests.standins.stand_in import Shop, StandIn
from tests.worlds.world import Truth, World, make_world


@dataclass(kw_only=True)
class Shops:
    """They are not changed, so what they hold is asked for once."""

    of: dict[str, tuple[StandIn, Shop]]
    truth: Truth | None = None

    def stand_in(self, platform: str) -> StandIn:
        return self.of[platform][0]

    def seller(self, app: App, db: psycopg.Connection[Any]) -> World:
        """A new user who connects all of them; the tokens are about to be refreshed."""
        return make_world(app, db, *((it, it.again(shop)) for it, shop in self.of.values()), expires_in=3600)

    def wrong(self, world: World) -> list[Any]:
        """Every job that is not completed, and every way in which the tables are not what the platforms hold."""
        open_or_failed = [
            f"{job['platform']} {job['entity']}: {job['status']} {job['error']}"
            for job in world.jobs()
            if job["status"] != "completed"
        ]
        if open_or_failed:
            return open_or_failed
        self.truth = self.truth or world.truth()
        return world.wrong(truth=self.truth)
