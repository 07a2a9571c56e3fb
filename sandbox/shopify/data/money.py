"""Shopify's notations of money: unpadded decimals, padded ones, and bags in two currencies. Arithmetic on integers.

An amount of an order is a `Pair`: minor units in the shop's currency and in the buyer's (sheet section 3.2).
"""

from __future__ import annotations

from typing import NamedTuple

from sandbox.parts.money import RATES, digits, minor_units, rounded


class Pair(NamedTuple):
    """The same amount in the shop's minor units and in the buyer's."""

    shop: int
    buyer: int

    # Amounts add up; tuples would grow.
    def __add__(self, other: object) -> Pair:
        return Pair(self[0] + other[0], self[1] + other[1]) if isinstance(other, tuple) else NotImplemented

    def __sub__(self, other: Pair) -> Pair:
        return Pair(self[0] - other[0], self[1] - other[1])

    def __mul__(self, times: object) -> Pair:
        return Pair(self[0] * times, self[1] * times) if isinstance(times, int) else NotImplemented

    def part(self, numerator: int, denominator: int) -> Pair:
        """So many parts of it, each currency rounded by itself, as checkouts do."""
        return Pair(rounded(self[0] * numerator, denominator), rounded(self[1] * numerator, denominator))


ZERO = Pair(0, 0)


def converted(amount: int, currency: str, into: str) -> int:
    if currency == into:
        return amount
    return rounded(amount * RATES[into] * minor_units(into), RATES[currency] * minor_units(currency))


def decimal(amount: int, currency: str) -> str:
    """Unpadded, yet with one decimal at least: "55.0", "231.1", "9.99", "1.234" (sheet section 3.2)."""
    whole, _, rest = padded(amount, currency).partition(".")
    return f"{whole}.{rest.rstrip('0') or '0'}"


def padded(amount: int, currency: str) -> str:
    """All decimals of the currency, as REST and prices of variants have it; none for yen."""
    places = digits(currency)
    whole, rest = divmod(abs(amount), minor_units(currency))
    sign = "-" if amount < 0 else ""
    return f"{sign}{whole}.{rest:0{places}}" if places else f"{sign}{whole}"
