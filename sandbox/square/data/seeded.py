"""When the sale of a place in the history was."""

from __future__ import annotations

from sandbox.parts.seeded_random import hash_pair
from sandbox.square.data.shop import Shop
from sandbox.square.data.timestamps import SECOND


def millisecond(shop: Shop, number: int) -> int:
    """About one sale in forty shares even its millisecond with the one before: two tills at once."""
    second = shop.order_times.created(number) * SECOND
    tied = number > 0 and shop.order_times.created(number - 1) * SECOND == second
    return second + hash_pair(shop.seed, (number - tied) ^ 0x5A) % SECOND
