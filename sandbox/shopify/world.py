"""Everything one sandbox holds."""

from __future__ import annotations

from pathlib import Path

from sandbox.parts.world import BaseWorld
from sandbox.shopify.buckets import Buckets
from sandbox.shopify.bulk.fields import bulk_fields
from sandbox.shopify.bulk.files import BulkFiles
from sandbox.shopify.bulk.operations import BulkOperations, Operation
from sandbox.shopify.data.live_shop import LiveShop
from sandbox.shopify.graphql.engine import Engine
from sandbox.shopify.graphql.root_fields import core_fields
from sandbox.shopify.settings import Settings
from sandbox.shopify.tokens import Tokens
from sandbox.shopify.uninstall import uninstall_fields
from sandbox.shopify.webhooks.delivery import Webhooks
from sandbox.shopify.webhooks.events import emit_bulk_finish
from sandbox.shopify.webhooks.fields import webhook_fields


class World(BaseWorld[LiveShop]):
    """One sandbox: its application, its shops, its time and its chance."""

    def __init__(self, *, folder: Path, client_id: str, client_secret: str, seed: int = 0) -> None:
        self.settings: Settings
        super().__init__(folder=folder, settings=Settings(), seed=seed)
        self.client_id = client_id
        self.client_secret = client_secret
        self.application_id = 1_000_000 + seed % 1_000_000
        self.tokens = Tokens(self.settings, self.clock)
        self.points = Buckets(self.clock)
        self.calls = Buckets(self.clock)
        self.webhooks = Webhooks(self.settings, self.clock, client_secret)
        self.bulk = BulkOperations(self.settings, self.clock, folder)
        self.bulk.finished = self._bulk_finished
        self.bulk_files = BulkFiles(self.bulk, self.settings, self.clock, client_secret)
        self.engine = self._engine()

    def live_shop_of_domain(self, domain: str) -> LiveShop | None:
        found = (live_shop for live_shop in self.live_shops.values() if live_shop.shop.domain == domain.lower())
        return next(found, None)

    def close(self) -> None:
        self.bulk.close()
        self.webhooks.close()
        super().close()

    def _engine(self) -> Engine:
        engine = Engine()
        engine.add(core_fields(engine.finders, application_id=self.application_id, client_id=self.client_id))
        engine.add(bulk_fields(self.bulk, self.bulk_files, engine))
        engine.add(webhook_fields(self.webhooks))
        engine.add(uninstall_fields(self.tokens, self.webhooks))
        return engine

    def _bulk_finished(self, operation: Operation) -> None:
        live_shop = self.live_shops.get(operation.shop_id)
        if live_shop is not None and self.settings.bulk_finish_webhook:
            emit_bulk_finish(self.webhooks, live_shop, operation)
