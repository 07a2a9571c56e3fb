"""A seller from a seed: what they are, where they stand, and what they sell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from html import unescape
from typing import NamedTuple

from sandbox.parts.money import price_tag
from sandbox.parts.sample_people import COUNTRIES
from sandbox.parts.sample_text import ADJECTIVES, GIFTS, MOTIFS, PRODUCTS, SHOP_WORDS
from sandbox.parts.seeded_random import SeededRandom
from sandbox.parts.shop import BasePlan, BaseShop
from sandbox.square.data.ids import Ids
from sandbox.square.data.timestamps import SECOND

KINDS = ("shop", "salon")
# Zones of each country's locations, in turn; none of them is UTC alone.
ZONES = {
    "US": ("America/Los_Angeles", "America/Denver", "America/Chicago", "America/New_York", "America/Phoenix"),
    "DE": ("Europe/Berlin",),
    "GB": ("Europe/London",),
    "CA": ("America/Toronto", "America/Vancouver"),
    "AU": ("Australia/Sydney", "Australia/Perth"),
    "JP": ("Asia/Tokyo",),
}
# Where a tax that is inside of prices is taken out of gross sales (spec, OrderLineItem.gross_sales_money).
TAX_LEAVES_GROSS = frozenset({"US", "CA", "JP"})
SERVICES = (
    ("Deep tissue massage", (30, 60, 90)),
    ("Swedish massage", (30, 60, 90)),
    ("Haircut & blow-dry", (45, 60)),
    ("Beard trim", (20,)),
    ("Balayage", (120, 180)),
    ("Manicure", (30, 45)),
    ("Pédicure « spa »", (45, 60)),
    ("Facial", (45, 75)),
)
MODIFIERS = (
    ("Hot stones", 1500),
    ("Aromatherapy", 800),
    ("Scalp massage", 1000),
    ("Gift wrap", 350),
    ("No fragrance", 0),
)


@dataclass(frozen=True, kw_only=True)
class Plan(BasePlan):
    """What a Square seller is made from. `lines` is how many an order has on average."""

    kind: str
    locations: int
    inactive_locations: int
    variations: int
    lines: float
    bookings: int
    payout_days: int


class Variation(NamedTuple):
    """What is sold. `minutes` is of services; `measured` are sold by weight."""

    number: int
    item: int
    name: str
    price: int | None
    minutes: int
    measured: bool
    tracked: bool
    inclusive: bool


class Item(NamedTuple):
    """An item with its variations, by their numbers."""

    number: int
    name: str
    category: int
    service: bool
    modifiers: bool
    variations: tuple[int, ...]
    gone_at: int | None


class Shop(BaseShop):
    """Everything about a seller that nobody has changed yet. Times are in milliseconds, but for those of the plan."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.plan = plan
        self.ids = Ids(plan.seed)
        self.country = COUNTRIES[self.home]
        self.opened_ms, self.start_ms, self.end_ms = (at * SECOND for at in (self.opened, self.start, self.end))
        self.tax_rate = self.country.tax or self.country.vat
        self.salon = plan.kind == "salon"

    @property
    def adds_tax(self) -> bool:
        """Whether tax comes on top of prices, as in the United States, or is inside of them."""
        return self.home in ("US", "CA")

    @cached_property
    def name(self) -> str:
        rng = SeededRandom(f"{self.seed}:shop")
        return f"{rng.pick(SHOP_WORDS[0])} {rng.pick(SHOP_WORDS[1])} {'Salon' if self.salon else 'Goods'} {self.seed}"

    @cached_property
    def location_ids(self) -> tuple[str, ...]:
        return tuple(self.ids.location(number) for number in range(self.plan.locations))

    @property
    def main_location(self) -> str:
        return self.location_ids[0]

    @cached_property
    def closed_since(self) -> int:
        """When the locations that are inactive took their last order."""
        return self.start_ms + (self.end_ms - self.start_ms) // 2

    @cached_property
    def catalog(self) -> tuple[list[Item], list[Variation]]:
        """Services and goods; an item has at most four variations."""
        items: list[Item] = []
        variations: list[Variation] = []
        while len(variations) < self.plan.variations:
            item = self._item(len(items), len(variations), self.plan.variations - len(variations), variations)
            items.append(item)
        return items, variations

    @property
    def items(self) -> list[Item]:
        return self.catalog[0]

    @property
    def variations(self) -> list[Variation]:
        return self.catalog[1]

    def _item(self, number: int, first: int, room: int, variations: list[Variation]) -> Item:
        rng = SeededRandom(f"{self.seed}:item:{number}")
        service = self.salon and rng.chance(700)
        minutes: tuple[int, ...] = ()
        if service:
            base, minutes = SERVICES[number % len(SERVICES)]
            name = base if number < len(SERVICES) else f"{base} {number}"
            words = [f"{length} min" for length in minutes]
            prices = [1500 + 90 * length for length in minutes]
        else:
            product = rng.pick(PRODUCTS)
            title = unescape(rng.pick(product.titles))
            filled = title.format(motif=rng.pick(MOTIFS), adjective=rng.pick(ADJECTIVES), gift=rng.pick(GIFTS))
            name, words = unescape(filled)[:120], [unescape(value) for value in product.values]
            low, high = product.cents
            prices = [rng.between(low, high) + 100 * place for place in range(len(words))]
        count = min(rng.between(1, len(words)), room, 4)
        measured = not service and rng.chance(40)
        inclusive = not self.adds_tax or (not service and rng.chance(120))
        tracked = not service and rng.chance(900)
        for place in range(count):
            variable = not service and not measured and rng.chance(20)
            variations.append(
                Variation(
                    number=first + place,
                    item=number,
                    name=words[place] if count > 1 else "Regular",
                    price=None if variable else price_tag(prices[place], self.currency),
                    minutes=minutes[place] if service else 0,
                    measured=measured,
                    tracked=tracked,
                    inclusive=inclusive,
                )
            )
        return Item(
            number=number,
            name=name,
            category=number % 7,
            service=service,
            modifiers=service or number % 8 == 1,
            variations=tuple(range(first, first + count)),
            gone_at=rng.between(self.start_ms, self.end_ms) if number > 3 and rng.chance(50) else None,
        )
