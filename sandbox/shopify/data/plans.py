"""What each of Shopify's plans may use (sheet sections 3.3 and 6; the last two rows of each are unconfirmed there)."""

from __future__ import annotations

from typing import NamedTuple


class Allowance(NamedTuple):
    """Points of GraphQL and calls of REST: a bucket's size and what flows back each second."""

    points: float
    points_per_s: float
    calls: int
    calls_per_s: float


PLANS = {
    "standard": Allowance(2_000, 100, 40, 2),
    "advanced": Allowance(4_000, 200, 80, 4),
    "plus": Allowance(20_000, 1_000, 400, 20),
    "enterprise": Allowance(40_000, 2_000, 800, 40),
}
