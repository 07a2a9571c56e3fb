"""Money for people, from whole minor units and never through a float."""

from __future__ import annotations

from sandbox.parts.money import minor_units


def amount_text(minor: int, currency: str) -> str:
    """-123456 of EUR is `-1,234.56 EUR`, 1234 of JPY is `1,234 JPY`."""
    parts = minor_units(currency)
    whole, rest = divmod(abs(minor), parts)
    digits = len(str(parts)) - 1
    cents = f".{rest:0{digits}}" if digits else ""
    return f"{'-' if minor < 0 else ''}{whole:,}{cents} {currency}"
