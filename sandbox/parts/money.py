"""Exchange rates and rounding that the channels' shops share: the same price in each. Arithmetic is on integers."""

from __future__ import annotations

# Units of each currency for a US dollar, in thousandths: close to life, and fixed.
RATES = {
    "USD": 1000,
    "EUR": 920,
    "GBP": 790,
    "CAD": 1360,
    "AUD": 1520,
    "JPY": 150_000,
    "SEK": 10_400,
    "PLN": 3_950,
    "BHD": 377,
}
# Of these a shop can be; the others are of buyers alone.
SHOP_CURRENCIES = ("USD", "EUR", "GBP", "CAD", "AUD", "JPY")
ZERO_DECIMAL = frozenset({"JPY"})
_DIGITS = {**dict.fromkeys(ZERO_DECIMAL, 0), "BHD": 3}


def digits(currency: str) -> int:
    """Decimals that the currency has."""
    return _DIGITS.get(currency, 2)


def minor_units(currency: str) -> int:
    """How many make one: 1 for currencies without decimals, 1,000 for those of three."""
    return int(10 ** digits(currency))


def rounded(numerator: int, denominator: int) -> int:
    """Divide and round half away from zero, exactly."""
    sign = -1 if numerator < 0 else 1
    return sign * ((abs(numerator) * 2 + denominator) // (2 * denominator))


def from_dollar_cents(cents: int, currency: str) -> int:
    """Minor units of `currency` for US cents."""
    return rounded(cents * RATES[currency] * minor_units(currency), 100_000)


def price_tag(cents: int, currency: str) -> int:
    """Prices end as sellers write them: in .00, .50 or .99, in yen on a ten."""
    minor = from_dollar_cents(cents, currency)
    if minor_units(currency) == 1:
        return max(minor // 10 * 10, 10)
    return minor // 100 * 100 + (0, 50, 99)[minor % 3]
