"""A seller's account as it stands now."""

from __future__ import annotations

from pathlib import Path

from sandbox.parts.responses import Doc
from sandbox.square.data import loyalty, people
from sandbox.square.data.shop import Shop
from sandbox.square.data.shop_store import ShopStore


class LiveShop:
    """The account of a plan, and what was changed since. Numbers go on where the plan's end."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop = shop
        self.store = ShopStore(shop, folder)
        self.merchant: Doc = people.merchant(shop)
        self.program: Doc = loyalty.program(shop)
        self._next = shop.plan.orders + 1_000_000

    def next_number(self) -> int:
        """Of a record that comes now; none is used twice."""
        self._next += 1
        return self._next

    def locations(self) -> dict[str, Doc]:
        return {place["id"]: place for place in self.store.all("location")}
