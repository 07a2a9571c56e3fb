"""What a channel's shop is, whichever channel it is: made from a plan, with a history of so many years."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.parts.order_times import DAY, OrderTimes
from sandbox.parts.sample_people import HOMES, NAMES
from sandbox.parts.seeded_random import SeededRandom

YEAR = 365 * DAY
# A shop opens, lists and waits before it sells.
OPENING = 20 * DAY


@dataclass(frozen=True, kw_only=True)
class BasePlan:
    """What a shop is made from; equal plans give equal shops."""

    seed: int
    orders: int
    currency: str
    years: float
    ends_at: int
    owner: str


class BaseShop:
    """When a shop opened and sold, and where it is."""

    def __init__(self, plan: BasePlan) -> None:
        self.seed = plan.seed
        self.currency = plan.currency
        self.end = plan.ends_at
        self.start = (plan.ends_at - int(plan.years * YEAR)) // DAY * DAY
        self.opened = self.start - OPENING
        self.home = HOMES[plan.currency]
        self.order_times = OrderTimes(seed=plan.seed, orders=plan.orders, start=self.start, end=plan.ends_at)


def default_owner(seed: int) -> str:
    rng = SeededRandom(f"{seed}:owner")
    given, family, _ = NAMES["english"]
    return f"{rng.pick(given)} {rng.pick(family)}"


def buyer_number(rng: SeededRandom, pos: int, orders: int) -> int:
    """About a third of the orders come from regulars, who are one for every twelve orders."""
    regulars = orders // 12 + 1
    if rng.chance(340):
        return min(rng.below(regulars), rng.below(regulars))
    return regulars + pos
