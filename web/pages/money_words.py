"""What sellers read for the classes and figures of money, for what a day waits for, and where a number leads. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from web.pages.formats import Formats

NAMES = {
    # Figures.
    "profit": "Profit",
    "gross_sales": "Gross sales",
    "discounts": "Discounts",
    "reversals": "Returns",
    "net_sales": "Net sales",
    "shipping": "Shipping",
    "other_income": "Other income",
    "fees": "Fees",
    "ads": "Advertising",
    "labels": "Shipping labels",
    "disputes": "Disputes",
    "cost_of_goods": "Cost of goods",
    "tips": "Tips",
    "gift_cards": "Gift cards sold",
    "duties": "Duties",
    "taxes_platform": "Taxes owed by the platform",
    "taxes_seller": "Taxes owed by you",
    "taxes_unknown": "Taxes, nobody says whose",
    "reclaimed_tax": "Printers’ tax that you get back",
    "payments": "Payments received",
    "refunds_paid": "Refunds paid out",
    "transfers": "Payouts and reserves",
    "orders": "Orders",
    "uncosted": "Orders without a cost",
    "fees_unknown": "Orders whose fees are not told",
    "disputes_unknown": "Disputes of which nobody says what they took",
    "unclassified": "Of a kind that we do not know yet",
    "taxes": "Taxes",
    # Classes.
    "discount": "Discounts",
    "reversal_goods": "Goods given back",
    "reversal_adjustment": "Adjustments",
    "reversal_shipping": "Shipping given back",
    "reversal_other": "Other income given back",
    "fee_selling": "Selling fees",
    "fee_payment": "Payment fees",
    "fee_listing": "Listing fees",
    "fee_regulatory": "Regulatory fees",
    "fee_other": "Other fees",
    "tax_on_fees": "Tax on fees",
    "subscription": "Subscription",
    "credit": "Credits",
    "label": "Shipping labels",
    "dispute": "Disputes",
    "dispute_fee": "Fees of disputes",
    "cogs_goods": "Goods",
    "cogs_shipping": "Shipping of goods",
    "cogs_tax": "Tax on goods",
    "tip": "Tips",
    "gift_card": "Gift cards",
    "duty": "Duties",
    "tax_platform": "Taxes collected",
    "reversal_tax_platform": "Taxes given back",
    "tax_passed": "Taxes taken by the platform",
    "tax_seller": "Taxes collected",
    "reversal_tax_seller": "Taxes given back",
    "tax_unknown": "Taxes collected",
    "reversal_tax_unknown": "Taxes given back",
    "cogs_tax_reclaimed": "Printers’ tax that you get back",
    "payment": "Payments received",
    "refund_paid": "Refunds paid out",
    "transfer": "Payouts and reserves",
    "order": "Orders",
}
# What the dashboard adds up under one name, and the classes in it.
SETS: Mapping[str, Sequence[str]] = {
    "revenue": ("gross_sales", "discount", "shipping", "other_income"),
    "refunds": ("reversal_goods", "reversal_adjustment", "reversal_shipping", "reversal_other"),
}
_WAITS = {
    "uncosted": "orders without a cost",
    "fees_unknown": "orders whose fees are not told yet",
    "disputes_unknown": "disputes of which nobody says what they took",
    "unclassified": "entries of a kind that we do not know yet",
}
# What is not known of an order or a product.
MISSING = {
    "not_counted": "not counted: not paid, a test, or voided",
    "cost": "cost of goods",
    "fees": "fees",
    "disputes": "what a bank took back in a dispute",
    "unclassified": "entries of an unknown kind",
    "other_currency": "a part in another currency",
}


def name_of(word: str) -> str:
    """A class that a directive has and nobody has written words for is shown as it is called there."""
    return NAMES.get(word, word.replace("_", " ").capitalize())


def link(path: str, **query: Any) -> str:
    """An address with what is said in it; what is empty or None is left out."""
    said = [(name.removesuffix("_"), v) for name, value in query.items() for v in _each(value) if v not in ("", None)]
    return f"{path}?{urlencode(said)}" if said else path


def _each(value: Any) -> Iterable[Any]:
    return value if isinstance(value, (list, tuple)) else (value,)


def standing(facts: Mapping[str, Any], formats: Formats) -> str:
    """Up to where it is proved, and what is open: a figure is proved as far as the least of what it stands on."""
    shops = facts.get("standing", ())
    proved = [shop["proved_until"] for shop in shops if shop["days"] or shop["proved_until"]]
    if not proved or not all(proved):
        return "Not proved yet: not all of your shops have been read to their end. Days are those of each shop."
    until = formats.moment(min(map(datetime.fromisoformat, proved)))
    days = sum(int(shop["open_days"]) for shop in shops)
    waits = [
        f"{formats.number(n)} {_WAITS[name]}" for name, n in sorted(facts.get("open", {}).items()) if name in _WAITS
    ]
    still = [*([f"{formats.number(days)} {'day' if days == 1 else 'days'}"] if days else []), *waits]
    return (
        f"Proved until {until}."
        + (f" Still open: {', '.join(still)}." if still else "")
        + " Days are those of each shop."
    )


def days_text(first: date | None, last: date, formats: Formats) -> str:
    if first is None:
        return "All time"
    return formats.day(first) if first == last else f"{formats.day(first)} – {formats.day(last)}"


def unclassified_words(found: Iterable[tuple[int, int, str]], formats: Formats) -> str:
    """On top and in no total: nobody knows yet whether it is a fee, a tax or money that only moves. `found`: how many
    entries, what they come to, in which currency.
    """
    told = [
        f"{formats.number(number)} {'entry' if number == 1 else 'entries'}, {formats.money(amount, currency)}"
        for number, amount, currency in found
    ]
    return f"Of a kind that we do not know yet, and in no figure: {'; '.join(told)}." if told else ""
