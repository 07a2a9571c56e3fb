"""A shop from a seed: every record is a pure function of the shop's plan and the record's position."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from sandbox.parts.sample_text import SHOP_WORDS
from sandbox.parts.seeded_random import SeededRandom
from sandbox.parts.shop import BasePlan, BaseShop
from sandbox.shopify.data.customers import Person, make_person
from sandbox.shopify.data.ids import Ids
from sandbox.shopify.data.products import Product, make_product

# Where a shop of each currency stands, and how far from UTC it is then (no summer time: offsets stay comparable).
ZONES = {
    "USD": ("America/Phoenix", -420),
    "EUR": ("Africa/Algiers", 60),
    "GBP": ("Atlantic/Reykjavik", 0),
    "CAD": ("America/Regina", -360),
    "AUD": ("Australia/Brisbane", 600),
    "JPY": ("Asia/Tokyo", 540),
    "BHD": ("Asia/Bahrain", 180),
}


@dataclass(frozen=True, kw_only=True)
class Plan(BasePlan):
    """What a Shopify shop is made from; `plan` is what it pays Shopify for."""

    products: int
    plan: str


class Location(NamedTuple):
    """A location of the shop."""

    number: int
    name: str
    city: str
    active: bool
    legacy: bool


class Shop(BaseShop):
    """Everything about a shop that nobody has changed yet."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.plan = plan
        self.ids = Ids(plan.seed)
        self.zone, self.offset_minutes = ZONES[plan.currency]
        self.taxes_included = plan.currency in ("EUR", "GBP", "AUD", "JPY", "BHD")
        # Regulars come back often; buyers of a single order are made once and forgotten.
        self.person = lru_cache(maxsize=4096)(self._person)

    @cached_property
    def name(self) -> str:
        rng = SeededRandom(f"{self.seed}:shop")
        return f"{rng.pick(SHOP_WORDS[0])} {rng.pick(SHOP_WORDS[1])} Co"

    @cached_property
    def domain(self) -> str:
        return f"{self.name.lower().replace(' ', '-')}-{self.seed}.myshopify.com"

    @cached_property
    def products(self) -> list[Product]:
        """At most about 2,000, so a shop of any size can hold them; variants are made when asked for."""
        return [
            make_product(self.seed, number, self.currency, self.start, self.end) for number in range(self.plan.products)
        ]

    @cached_property
    def locations(self) -> tuple[Location, ...]:
        return (
            Location(0, "Workshop", "Portland", active=True, legacy=False),
            Location(1, "Market stall", "Austin", active=True, legacy=False),
            Location(2, "Old attic", "Brooklyn", active=False, legacy=False),
            Location(3, "Printer's warehouse", "Rīga", active=True, legacy=True),
        )

    def later_product(self, number: int) -> Product:
        """A product made after the shop was, by the control plane's wish."""
        return make_product(self.seed, number, self.currency, self.start, self.end)

    def _person(self, number: int) -> Person:
        return make_person(self.seed, self.home, number)


def default_products(orders: int) -> int:
    return max(8, min(orders // 8, 2000))
