"""What every figure of every day should be, from the stand-ins' truth and the reference of definitions alone.

Nothing of the product is imported here. Income is positive, cost negative, in the smallest unit of each currency; a day
is the shop's, by the zones of Python's own library.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

Doc = Mapping[str, Any]
# (day, currency, class) -> (amount, how many)
Days = dict[tuple[date, str, str], tuple[int, int]]

# Types of a ledger, as the reference names them; a refund of a type is of its class, and anything else is unclassified.
_LEDGER = {
    "payment": ["PAYMENT_GROSS"],
    "refund_paid": ["REFUND_GROSS", "REFUND"],
    "tax_passed": ["sales_tax", "buyer_fee", "vat_tax_ep", "VAT_REFUND_EP"],
    "fee_selling": ["transaction", "shipping_transaction", "gift_wrap_fees"],
    "fee_payment": ["PAYMENT_PROCESSING_FEE", "REFUND_PROCESSING_FEE", "DEPOSIT_FEE"],
    "fee_listing": [
        "listing", "listing_private", "renew", "renew_sold", "renew_sold_auto", "renew_expired", "auto_renew_expired",
        "transaction_quantity",
    ],
    "fee_regulatory": ["regulatory_operating_fee"],
    "ads": ["prolist", "offsite_ads_fee"],
    "tax_on_fees": ["vat_seller_services", "vat_on_processing_fees"],
    "credit": ["seller_credit", "SELLER_DRIVEN_TRAFFIC_CREDIT"],
    "label": [
        "shipping_labels", "shipping_label", "shipping_label_usps_adjustment", "shipping_label_usps_adjustment_credit",
    ],
    "subscription": ["subscription", "seller_onboarding_fee", "seller_onboarding_fee_payment"],
    "transfer": [
        "DISBURSE", "DISBURSE2", "ADYENBALANCE_REVERSAL", "RESERVE", "billing_payment", "recoupment", "RECOUP",
    ],
}  # fmt: skip
_CLASS_OF = {kind: name for name, kinds in _LEDGER.items() for kind in kinds}
_TAXES = ("sales_tax", "vat_tax_ep")
_TAXES_BACK = ("sales_tax_refund", "VAT_REFUND_EP")
_NO_DECIMALS = frozenset({"JPY"})


def class_of(kind: str) -> str:
    return _CLASS_OF.get(kind) or _CLASS_OF.get(kind.removesuffix("_refund")) or "unclassified"


def ledger_amount(entry: Doc) -> int:
    """Hundredths, whatever the currency."""
    return int(entry["amount"]) // (100 if entry["currency"] in _NO_DECIMALS else 1)


def half_away(value: Fraction) -> int:
    whole = (abs(value) * 2 + 1) // 2
    return int(whole if value >= 0 else -whole)


class Book:
    """Events added up by day, currency and class, and what was given back by the day of its sale."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._days: dict[tuple[date, str, str], list[int]] = defaultdict(lambda: [0, 0])
        self.of_sales: dict[tuple[date, str, str], int] = defaultdict(int)

    def day(self, at: int | datetime) -> date:
        moment = at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)
        return moment.astimezone(self._zone).date()

    def add(self, at: int | datetime, currency: str, name: str, amount: int, *, always: bool = False) -> None:
        if amount or always:
            one = self._days[self.day(at), currency, name]
            one[0] += amount
            one[1] += 1

    def add_back(self, sold_at: int, at: int, currency: str, name: str, amount: int) -> None:
        self.add(at, currency, name, -amount)
        if amount:
            self.of_sales[self.day(sold_at), currency, name] -= amount

    def days(self) -> Days:
        return {key: (amount, events) for key, (amount, events) in self._days.items()}


def money(receipt: Doc, name: str) -> int:
    return int(receipt[name]["amount"])


def etsy(receipts: Iterable[Doc], ledger: Iterable[Doc], payments: Iterable[Doc], costs: CostsOf, book: Book) -> None:
    """Receipts for what was sold and given back, the ledger for all else, a printer's orders for what it cost.

    `costs` says of an order's number what printing it cost.
    """
    receipt_of_payment = {str(p["payment_id"]): str(p["receipt_id"]) for p in payments}
    entries: dict[str, list[Doc]] = defaultdict(list)
    for entry in ledger:
        kind, at, currency = entry["ledger_type"], entry["created_timestamp"], entry["currency"]
        book.add(at, currency, class_of(kind), ledger_amount(entry), always=True)
        reference = str(entry["reference_id"])
        if entry["reference_type"] == "receipt":
            entries[reference].append(entry)
        elif entry["reference_type"] == "shop_payment" and reference in receipt_of_payment:
            entries[receipt_of_payment[reference]].append(entry)
    for receipt in receipts:
        if receipt["is_paid"]:
            _sale(receipt, entries[str(receipt["receipt_id"])], costs(str(receipt["receipt_id"])), book)


def _sale(receipt: Doc, entries: list[Doc], costs: list[Cost], book: Book) -> None:
    at, currency = receipt["created_timestamp"], receipt["grandtotal"]["currency_code"]
    goods, discount = money(receipt, "total_price"), money(receipt, "discount_amt")
    shipping, wrap = money(receipt, "total_shipping_cost"), money(receipt, "gift_wrap_price")
    tax = money(receipt, "total_tax_cost") + money(receipt, "total_vat_cost")
    is_booked = any(entry["ledger_type"] == "PAYMENT_GROSS" for entry in entries)
    taken = -sum(ledger_amount(entry) for entry in entries if entry["ledger_type"] in _TAXES)
    who = "platform" if taken > 0 else "seller" if is_booked else "unknown"
    book.add(at, currency, "order", 0, always=True)
    book.add(at, currency, "gross_sales", goods, always=True)
    for name, amount in (("discount", -discount), ("shipping", shipping), ("other_income", wrap), (f"tax_{who}", tax)):
        book.add(at, currency, name, amount)
    if not is_booked and money(receipt, "grandtotal") > 0:
        book.add(at, currency, "fees_unknown", 0, always=True)
    if not costs or not all(cost.is_known for cost in costs) or len({cost.currency for cost in costs}) > 1:
        book.add(at, currency, "uncosted", 0, always=True)
    for cost in costs:
        for name, amount in cost.parts():
            book.add(at, cost.currency, name, -amount)
    parts = {"goods": goods - discount, "shipping": shipping, "other": wrap}
    _reversals(receipt, entries, (parts, tax, taken, who), book)


def _reversals(receipt: Doc, entries: list[Doc], sold: tuple[dict[str, int], int, int, str], book: Book) -> None:
    """Of sums: what all refunds up to one come to, as parts, less what those before it came to."""
    parts, tax, taken, who = sold
    total, currency = money(receipt, "grandtotal"), receipt["grandtotal"]["currency_code"]
    refunds = sorted(receipt["refunds"], key=lambda r: (r["created_timestamp"], str(r["amount"]["amount"])))
    before: dict[str, int] = defaultdict(int)
    given = 0
    for place, refund in enumerate(refunds):
        given += int(refund["amount"]["amount"])
        until = refunds[place + 1]["created_timestamp"] - 300 if place + 1 < len(refunds) else None
        back = sum(
            ledger_amount(e) for e in entries
            if e["ledger_type"] in _TAXES_BACK and (until is None or e["created_timestamp"] < until)
        )  # fmt: skip
        if given >= total:
            of_tax = tax
        elif taken > 0:
            of_tax = min(half_away(Fraction(tax * back, taken)), tax, given)
        else:
            of_tax = min(half_away(Fraction(given * tax, total)), tax, given)
        left, now = given - of_tax, {f"tax_{who}": of_tax}
        for name, most in parts.items():
            now[name] = min(left, most)
            left -= now[name]
        now["adjustment"] = left
        for name, amount in now.items():
            book.add_back(
                receipt["created_timestamp"], refund["created_timestamp"], currency, f"reversal_{name}",
                amount - before[name],
            )  # fmt: skip
        before.update(now)


class Cost:
    """What one order of a printer cost: its live lines, their shipping, and the tax on them."""

    def __init__(self, order: Doc, currency: str = "USD", *, piece: bool = True, reclaims: bool = False) -> None:
        live = [line for line in order["line_items"] if line["status"] != "canceled"]
        self.goods = sum((line["cost"] or 0) * ((line.get("quantity") or 1) if piece else 1) for line in live)
        self.shipping = sum(line["shipping_cost"] or 0 for line in live)
        self.tax = int(order.get("total_tax") or 0) if live else 0
        self.currency, self._reclaims = currency, reclaims
        is_reprint = bool(order["metadata"].get("is_reprint"))
        self.is_known = order["status"] != "cost-calculation" and all(line["cost"] is not None for line in live) and (
            not live or self.goods > 0 or is_reprint
        )  # fmt: skip

    def parts(self) -> list[tuple[str, int]]:
        tax = "cogs_tax_reclaimed" if self._reclaims else "cogs_tax"
        return [("cogs_goods", self.goods), ("cogs_shipping", self.shipping), (tax, self.tax)]


CostsOf = Callable[[str], list[Cost]]


def nothing(_order: str) -> list[Cost]:
    return []


def printer(costs: Iterable[tuple[datetime, Cost]], book: Book) -> None:
    """What was printed for nobody's order, on the day that it was ordered."""
    for at, cost in costs:
        for name, amount in cost.parts():
            book.add(at, cost.currency, name, -amount)
