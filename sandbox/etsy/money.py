"""Etsy's three notations of money: divided amounts, ledger integers, coupon floats. Arithmetic is on integers."""

from __future__ import annotations

from sandbox.parts.money import RATES, ZERO_DECIMAL, minor_units, rounded
from sandbox.parts.responses import Doc


def money(amount: int, currency: str) -> Doc:
    return {"amount": amount, "divisor": minor_units(currency), "currency_code": currency}


def drift(at: int) -> int:
    """The exchange rate of the month, in thousandths of the usual one: rates move, but slowly."""
    return 970 + (at // 2_629_746 * 37) % 61


def ledger_cents(amount: int, currency: str, payout: str, at: int) -> int:
    """An amount of minor units as the ledger writes it: bare, in hundredths of the payout currency.

    Hundredths even for currencies without decimals, where they are multiples of 100 (sheet section 1, fact 7).
    """
    hundredths = amount * (100 // minor_units(currency))
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
    return minor / minor_units(currency)
