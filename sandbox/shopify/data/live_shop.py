"""A shop as it stands now: what the seed makes, and what has been changed since."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from sandbox.parts.responses import Doc
from sandbox.shopify.data.customers import Person
from sandbox.shopify.data.products import Product, stock, unit_cost
from sandbox.shopify.data.shop import Location, Shop
from sandbox.shopify.data.shop_store import ShopStore

_MOST_KNOWN = 20_000


class Customer(NamedTuple):
    """Who bought, and what the shop's orders add up to."""

    person: Person
    created: int
    updated: int
    orders: int
    spent: int


class Variant(NamedTuple):
    """A variant, and the inventory item that goes with it."""

    product: Product
    variation: int
    updated: int
    item_updated: int
    edits: Doc


class InventoryLevel(NamedTuple):
    """What lies of an item at a location."""

    variant: Variant
    place: Location


class LiveShop:
    """What resolvers and REST ask."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop = shop
        self.store = ShopStore(shop, folder)
        # Lines of orders ask for the same few again and again; forgotten with every change.
        self._known: dict[tuple[int, int], Any] = {}
        self._known_version = -1

    def order(self, order_id: int) -> Doc | None:
        pos = self.shop.ids.order_position(order_id)
        return None if pos is None else self.store.order(pos)

    def customer(self, number: int) -> Customer | None:
        sql = "SELECT number, created, updated, orders, spent, edits FROM customers WHERE number = ?"
        rows = self.store.rows(sql, (number,))
        return self.customer_of(rows[0]) if rows else None

    def customer_of(self, row: tuple[Any, ...]) -> Customer:
        number, created, updated, orders, spent, edits = row
        person = self.shop.person(number)
        if edits:
            person = person._replace(**orjson.loads(edits))
        return Customer(person, created, updated, orders, spent)

    def product(self, number: int) -> Product | None:
        """The product as it is now, or None where it is gone."""
        found: Product | None = self._remembered((number, -1), lambda: self._product(number))
        return found

    def variant(self, number: int, variation: int) -> Variant | None:
        found: Variant | None = self._remembered((number, variation), lambda: self._variant(number, variation))
        return found

    def _remembered(self, key: tuple[int, int], make: Callable[[], Any]) -> Any:
        if self._known_version != self.store.version or len(self._known) > _MOST_KNOWN:
            self._known.clear()
            self._known_version = self.store.version
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]

    def _product(self, number: int) -> Product | None:
        rows = self.store.rows("SELECT updated, edits FROM products WHERE number = ?", (number,))
        if not rows:
            return None
        updated, edits = rows[0]
        changes = orjson.loads(edits) if edits else {}
        return self._made(number)._replace(updated=updated, **changes)

    def _variant(self, number: int, variation: int) -> Variant | None:
        product = self.product(number)
        sql = "SELECT updated, item_updated, edits FROM variants WHERE place = ?"
        rows = self.store.rows(sql, (number * 4096 + variation,))
        if product is None or not rows:
            return None
        return Variant(product, variation, rows[0][0], rows[0][1], orjson.loads(rows[0][2]) if rows[0][2] else {})

    def variants(self, product: Product) -> list[Variant]:
        sql = "SELECT variation, updated, item_updated, edits FROM variants WHERE product = ? ORDER BY variation"
        return [
            Variant(product, variation, updated, item_updated, orjson.loads(edits) if edits else {})
            for variation, updated, item_updated, edits in self.store.rows(sql, (product.number,))
        ]

    def quantity(self, variant: Variant, place: Location) -> int:
        rows = self.store.rows(
            "SELECT quantity FROM stock WHERE place = ? AND location = ?",
            (variant.product.number * 4096 + variant.variation, place.number),
        )
        if rows:
            return int(rows[0][0])
        return stock(self.shop.seed, variant.product, variant.variation, place.number)

    def unit_cost(self, variant: Variant) -> int | None:
        """What a piece costs the seller now."""
        if "cost" in variant.edits:
            cost: int | None = variant.edits["cost"]
            return cost
        return unit_cost(variant.product, variant.variation, self.shop.currency)

    def levels(self, variant: Variant, *, inactive: bool) -> list[InventoryLevel]:
        """Workshop and market stall; the attic was closed."""
        places = self.shop.locations[:3] if inactive else self.shop.locations[:2]
        return [InventoryLevel(variant, place) for place in places]

    def available(self, variant: Variant) -> int:
        return sum(self.quantity(variant, place) for place in self.shop.locations[:2])

    def _made(self, number: int) -> Product:
        products = self.shop.products
        return products[number] if number < len(products) else self.shop.later_product(number)
