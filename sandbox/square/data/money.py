"""Square's Money, and sums of it."""

from __future__ import annotations

from sandbox.parts.money import rounded
from sandbox.parts.responses import Doc

__all__ = ["contained", "money", "of", "rounded", "share"]


def money(amount: int, currency: str) -> Doc:
    """In the smallest unit of the currency: yen have no decimals."""
    return {"amount": amount, "currency": currency}


def of(doc: Doc | None) -> int:
    """The amount; 0 where there is no Money."""
    return int(doc["amount"]) if doc else 0


def share(amount: int, rate: int) -> int:
    """So many thousandths of it."""
    return rounded(amount * rate, 1000)


def contained(amount: int, rate: int) -> int:
    """The tax of so many thousandths that is inside of it."""
    return rounded(amount * rate, 1000 + rate)
