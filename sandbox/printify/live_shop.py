"""A shop as it stands now: the shop from the seed, its orders on disk, and what has been changed since."""

from __future__ import annotations

from pathlib import Path

from sandbox.parts.responses import Doc
from sandbox.printify.product_rendering import render_product
from sandbox.printify.settings import Settings
from sandbox.printify.shop import Shop
from sandbox.printify.shop_store import ShopStore


class LiveShop:
    """What the operations ask."""

    def __init__(self, shop: Shop, settings: Settings, folder: Path) -> None:
        self.shop = shop
        self.store = ShopStore(shop, settings, folder)
        self.disconnected = False
        self._edited: dict[int, Doc] = {}
        self._added: dict[int, Doc] = {}
        self._removed: set[int] = set()

    @property
    def account_id(self) -> int:
        return self.shop.plan.account_id

    def shop_doc(self) -> Doc:
        """A shop (spec shop)."""
        channel = "disconnected" if self.disconnected else self.shop.sales_channel
        return {"id": self.shop.ids.shop, "title": self.shop.plan.title, "sales_channel": channel}

    def product_numbers(self) -> list[int]:
        """Numbers of the products that are there, newest first."""
        there = [(product.created, product.number) for product in self.shop.products]
        there += [(doc["created"], number) for number, doc in self._added.items()]
        return [number for _, number in sorted(there, reverse=True) if number not in self._removed]

    def product(self, number: int) -> Doc | None:
        if number in self._removed:
            return None
        if number in self._added:
            doc: Doc = self._added[number]["doc"]
        elif number in self.shop.by_number:
            doc = render_product(self.shop, self.shop.by_number[number])
        else:
            return None
        return {**doc, **self._edited.get(number, {})}

    def add_product(self, created: int, doc: Doc) -> int:
        number = max([*self._added, *self.shop.by_number], default=-1) + 1
        self._added[number] = {"created": created, "doc": {**doc, "id": self.shop.ids.product(number)}}
        return number

    def edit_product(self, number: int, fields: Doc) -> None:
        self._edited.setdefault(number, {}).update(fields)

    def remove_product(self, number: int) -> None:
        self._removed.add(number)
