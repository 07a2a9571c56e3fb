"""What the classes of a day come to: figures, by the definitions of the reference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date

from tests.money.oracle.book import Key

_NET = ("gross_sales", "discount", "reversal_goods", "reversal_adjustment")
_SHIPPING = ("shipping", "reversal_shipping")
_OTHER = ("other_income", "reversal_other")
_FEES = (
    "fee_selling", "fee_payment", "fee_listing", "fee_regulatory", "fee_other", "tax_on_fees", "subscription", "credit",
    "ads",
)  # fmt: skip
_COSTS = ("label", "dispute", "dispute_fee", "cogs_goods", "cogs_shipping", "cogs_tax")
# Taxes, tips, gift cards, payments and transfers are in none of them.
FIGURES: Mapping[str, tuple[str, ...]] = {
    "net_sales": _NET,
    "profit": (*_NET, *_SHIPPING, *_OTHER, *_FEES, *_COSTS),
}


def figures(days: Mapping[Key, int]) -> dict[tuple[date, str, str], int]:
    """By day, currency and figure; currencies are never added."""
    found: dict[tuple[date, str, str], int] = defaultdict(int)
    for (day, currency, name), amount in days.items():
        for figure, classes in FIGURES.items():
            if name in classes:
                found[day, currency, figure] += amount
    return {key: amount for key, amount in found.items() if amount}
