"""Everything one sandbox holds."""

from __future__ import annotations

import secrets
from pathlib import Path

from sandbox.parts.world import BaseWorld
from sandbox.square.deliveries import Webhooks
from sandbox.square.limits import Limits
from sandbox.square.live_shop import LiveShop
from sandbox.square.settings import Settings
from sandbox.square.tokens import Tokens


class World(BaseWorld[LiveShop]):
    """One sandbox: its application, the sellers, its time and its chance.

    `access_token` is the application's own ("personal") one, which webhook subscriptions ask for.
    """

    def __init__(self, *, folder: Path, app_id: str, app_secret: str, access_token: str, seed: int = 0) -> None:
        self.settings: Settings
        super().__init__(folder=folder, settings=Settings(), seed=seed)
        self.app_id = app_id
        self.app_secret = app_secret
        self.access_token = access_token
        self.cursor_key = secrets.token_bytes(16)
        self.limits = Limits(self.settings, self.clock)
        self.tokens = Tokens(self.settings, self.clock)
        self.webhooks = Webhooks(self.settings, self.clock)

    def of_merchant(self, merchant_id: str) -> LiveShop | None:
        found = (each for each in self.live_shops.values() if each.shop.ids.merchant == merchant_id)
        return next(found, None)

    def close(self) -> None:
        self.webhooks.close()
        super().close()
