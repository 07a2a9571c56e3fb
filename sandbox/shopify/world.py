"""Everything one sandbox holds."""

from __future__ import annotations

from pathlib import Path

from sandbox.parts.world import BaseWorld
from sandbox.shopify.buckets import Buckets
from sandbox.shopify.bulk import BulkDesk
from sandbox.shopify.engine import Engine
from sandbox.shopify.front import Front
from sandbox.shopify.notices import tell_of_bulk
from sandbox.shopify.root_fields import all_fields
from sandbox.shopify.settings import Settings
from sandbox.shopify.tokens import Tokens
from sandbox.shopify.webhooks import Webhooks


class World(BaseWorld[Front]):
    """One sandbox: its application, its shops, its time and its chance."""

    def __init__(self, *, folder: Path, client_id: str, client_secret: str, seed: int = 0) -> None:
        self.settings: Settings
        super().__init__(folder=folder, settings=Settings(), seed=seed)
        self.client_id = client_id
        self.client_secret = client_secret
        self.tokens = Tokens(self.settings, self.clock)
        self.points = Buckets(self.clock)
        self.calls = Buckets(self.clock)
        self.engine = Engine(all_fields())
        self.bulk = BulkDesk(self)
        self.webhooks = Webhooks(self)
        self.bulk.finished = lambda operation: tell_of_bulk(self, operation)
        self.application_id = 1_000_000 + seed % 1_000_000

    def front_of_domain(self, domain: str) -> Front | None:
        return next((front for front in self.fronts.values() if front.shop.domain == domain.lower()), None)

    def close(self) -> None:
        self.bulk.close()
        self.webhooks.close()
        super().close()
