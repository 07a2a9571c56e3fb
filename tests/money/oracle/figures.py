"""What the classes of a day come to: every figure, by the definitions of the reference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import date

from tests.money.oracle.book import Key

_FEES = (
    "fee_selling", "fee_payment", "fee_listing", "fee_regulatory", "fee_other", "tax_on_fees", "subscription", "credit",
)  # fmt: skip
# Of these a profit is made.
_PARTS: Mapping[str, tuple[str, ...]] = {
    "gross_sales": ("gross_sales",),
    "discounts": ("discount",),
    "reversals": ("reversal_goods", "reversal_adjustment"),
    "shipping": ("shipping", "reversal_shipping"),
    "other_income": ("other_income", "reversal_other"),
    "fees": _FEES,
    "ads": ("ads",),
    "labels": ("label",),
    "disputes": ("dispute", "dispute_fee"),
    "cost_of_goods": ("cogs_goods", "cogs_shipping", "cogs_tax"),
}
# Other people's money, money that only moves, what is counted, and what nobody has named.
_BESIDE: Mapping[str, tuple[str, ...]] = {
    "tips": ("tip",),
    "gift_cards": ("gift_card",),
    "duties": ("duty",),
    "taxes_platform": ("tax_platform", "reversal_tax_platform", "tax_passed"),
    "taxes_seller": ("tax_seller", "reversal_tax_seller"),
    "taxes_unknown": ("tax_unknown", "reversal_tax_unknown"),
    "reclaimed_tax": ("cogs_tax_reclaimed",),
    "payments": ("payment",),
    "refunds_paid": ("refund_paid",),
    "transfers": ("transfer",),
    "orders": ("order",),
    "uncosted": ("uncosted",),
    "fees_unknown": ("fees_unknown",),
    "disputes_unknown": ("disputes_unknown",),
    "unclassified": ("unclassified",),
}
FIGURES: Mapping[str, tuple[str, ...]] = {
    **_PARTS,
    **_BESIDE,
    "profit": tuple(name for classes in _PARTS.values() for name in classes),
}


def figures(days: Mapping[Key, int], time_of: Callable[[date], date] = lambda day: day) -> dict[Key, int]:
    """By day (or the month that is told of it), currency and figure; currencies are never added."""
    found: dict[Key, int] = defaultdict(int)
    for (day, currency, name), amount in days.items():
        for figure, classes in FIGURES.items():
            if name in classes:
                found[time_of(day), currency, figure] += amount
    return {key: amount for key, amount in found.items() if amount}


def known(found: Mapping[Key, int]) -> dict[Key, int]:
    """Without what is not known: what disputes came to, and the profit, where nobody says what one took."""
    untold = {(day, currency) for day, currency, figure in found if figure == "disputes_unknown"}
    return {
        key: amount for key, amount in found.items() if key[:2] not in untold or key[2] not in ("disputes", "profit")
    }
