"""What a platform tells of its changes, and what becomes of it on its way: lost, doubled, late, out of order."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping
from typing import Any

from tests.worlds.world import World

# Which stream's object a change is about, by what the stand-in answers; and the changes that nothing is told of.
_ABOUT: Mapping[str, Mapping[str, str]] = {
    "etsy": {"receipt_id": "receipts", "receipt_ids": "receipts"},
    "printify": {"order_id": "orders", "order_ids": "orders", "product_id": "products"},
    "shopify": {"order_id": "orders", "order_ids": "orders", "product_id": "products"},
}
_SILENT = {("printify", "remove_order"), ("etsy", "refund_order")}


class Mail:
    """Deliveries of one shop. `tell` writes them, `deliver` brings some of those that are on their way."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self._world = world
        self._rng = rng
        self._on_the_way: list[tuple[str, str, str, str]] = []

    def tell(self, kind: str, result: Mapping[str, Any]) -> None:
        """What the platform sends about a change: never, once, or twice; and never at once."""
        platform = self._world.only.platform
        if (platform, kind) in _SILENT:
            return
        effect = "gone" if kind.startswith("remove_") else "read"
        for name, about in _ABOUT[platform].items():
            found = result.get(name)
            for one in found if isinstance(found, list) else [found] if found else []:
                delivery = (str(uuid.uuid4()), about, effect, str(one))
                self._on_the_way += [delivery] * self._rng.choice((0, 1, 1, 2))

    def deliver(self, *, everything: bool = False) -> None:
        """In any order; with `everything` nothing stays on its way."""
        self._rng.shuffle(self._on_the_way)
        number = len(self._on_the_way) if everything else self._rng.randint(0, len(self._on_the_way))
        for delivery, kind, effect, key in self._on_the_way[:number]:
            self._world.app.store.rpc(
                "accept_platform_event",
                p_platform=self._world.only.platform,
                p_delivery_id=delivery,
                p_shop_id=self._world.shop.id,
                p_topic="x/y",
                p_effect=effect,
                p_kind=kind,
                p_object_ids=[key],
            )
        del self._on_the_way[:number]
