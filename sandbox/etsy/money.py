"""Etsy's three notations of money: divided amounts, ledger integers, coupon floats. Arithmetic is on integers."""

from __future__ import annotations

from sandbox.parts.responses import Doc

# Units of each currency for a US dollar, in thousandths: close to life, and fixed.
RATES = {"USD": 1000, "EUR": 920, "GBP": 790, "CAD": 1360, "AUD": 1520, "JPY": 150_000}
ZERO_DECIMAL = frozenset({"JPY"})


def divisor(currency: str) -> int:
    """How many minor units make one: 1 for currencies without decimals (sheet section 8, Money)."""
    return 1 if currency in ZERO_DECIMAL else 100


def money(amount: int, currency: str) -> Doc:
    return {"amount": amount, "divisor": divisor(currency), "currency_code": currency}


def rounded(numerator: int, denominator: int) -> int:
    """Divide and round half away from zero, exactly."""
    sign = -1 if numerator < 0 else 1
    return sign * ((abs(numerator) * 2 + denominator) // (2 * denominator))


def from_dollar_cents(cents: int, currency: str) -> int:
    """Minor units of `currency` for US cents."""
    return rounded(cents * RATES[currency] * divisor(currency), 100_000)


def drift(at: int) -> int:
    """The exchange rate of the month, in thousandths of the usual one: rates move, but slowly."""
    return 970 + (at // 2_629_746 * 37) % 61


def ledger_cents(amount: int, currency: str, payout: str, at: int) -> int:
    """An amount of minor units as the ledger writes it: bare, in hundredths of the payout currency.

    Hundredths even for currencies without decimals, where they are multiples of 100 (sheet section 1, fact 7).
    """
    hundredths = amount * (100 // divisor(currency))
    if currency == payout:
        return hundredths
    return whole(rounded(hundredths * RATES[payout] * drift(at), RATES[currency] * 1000), payout)


def whole(cents: int, payout: str) -> int:
    """Round a ledger amount to what the currency can hold."""
    return rounded(cents, 100) * 100 if payout in ZERO_DECIMAL else cents


def share(cents: int, per_mille: int, payout: str) -> int:
    """A fee of so many thousandths."""
    return whole(rounded(cents * per_mille, 1000), payout)


def ledger_money(cents: int, payout: str) -> Doc:
    """A ledger amount as Money, as payments carry it."""
    return money(cents // 100 if payout in ZERO_DECIMAL else cents, payout)


def coupon(minor: int, currency: str) -> float:
    """A coupon as Etsy sends it: a float in major units."""
    return minor / divisor(currency)
