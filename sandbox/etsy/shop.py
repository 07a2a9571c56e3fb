"""A shop from a seed: every record is a pure function of the shop's plan and the record's position."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

from sandbox.etsy.buyers import Buyer, make_buyer
from sandbox.etsy.ids import Ids
from sandbox.etsy.listings import Listing, make_listing
from sandbox.parts.sample_text import SHOP_WORDS
from sandbox.parts.seeded_random import SeededRandom
from sandbox.parts.shop import BasePlan, BaseShop


@dataclass(frozen=True, kw_only=True)
class Plan(BasePlan):
    """What an Etsy shop is made from."""

    payout_currency: str
    listings: int


class Shop(BaseShop):
    """Everything about a shop that nobody has changed yet."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.plan = plan
        self.ids = Ids(plan.seed)
        self.payout = plan.payout_currency
        # Regulars come back often; buyers of a single order are made once and forgotten.
        self.buyer = lru_cache(maxsize=4096)(self._buyer)

    @cached_property
    def name(self) -> str:
        rng = SeededRandom(f"{self.seed}:shop")
        return f"{rng.pick(SHOP_WORDS[0])}{rng.pick(SHOP_WORDS[1])}Co{self.seed}"

    @cached_property
    def url(self) -> str:
        return f"https://www.etsy.com/shop/{self.name}"

    @cached_property
    def listings(self) -> list[Listing]:
        """At most about 2,000, so a shop of any size can hold them."""
        return [
            make_listing(self.seed, number, self.currency, self.start, self.end) for number in range(self.plan.listings)
        ]

    def _buyer(self, number: int) -> Buyer:
        return make_buyer(self.seed, self.home, number)


def default_listings(orders: int) -> int:
    return max(5, min(orders // 8, 2000))
