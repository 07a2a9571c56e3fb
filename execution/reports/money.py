"""Amounts as text."""

from __future__ import annotations

from execution.currencies import digits


def amount(minor: int, currency: str) -> str:
    """Whole minor units, never through a float."""
    places = digits(currency)
    whole, rest = divmod(abs(minor), 10**places)
    return f"{'-' if minor < 0 else ''}{whole:,}" + (f".{rest:0{places}}" if places else "") + f" {currency}"
