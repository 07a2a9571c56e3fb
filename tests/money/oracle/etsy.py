"""A shop of Etsy's: receipts say what was sold and given back, the payment account's ledger says all else.

How the reference is read where it leaves something open:

- A receipt counts when `is_paid`, on the day it was created, and is never un-counted.
- Each part of a tax is the platform's where its ledger took it for the receipt (`sales_tax` of the tax, `vat_tax_ep`
  of the VAT, `buyer_fee` of a state's delivery fee); where the payment is booked and took none, it is the seller's;
  where no payment is booked, nobody knows yet. A delivery fee is in the total and in no part that the receipt names,
  and is no income.
- VAT is inside the prices where the total is what its parts are without it.
- A refund names an amount and no lines. Its tax is what the ledger gave back of it (translated by what was taken,
  where the account is in another currency); a seller's tax goes back in proportion. What is left is goods, then
  shipping, then gift wrap, as far as each was paid; the rest is an adjustment. Refunds of a receipt are split as a
  running sum, so that no cent is lost on the way, and a receipt given back wholly gives back exactly what it was.
- `vat_tax_ep` is what was taken of a buyer's VAT, as `sales_tax` is of the tax: it names a receipt.
- A payment that is not booked leaves the receipt's fees unknown, except where nothing was to be paid.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from tests.money.oracle.book import Doc, Event, minor, share

_CLASSES = {
    "payment": "PAYMENT_GROSS",
    "refund_paid": "REFUND_GROSS REFUND",
    "tax_passed": "sales_tax sales_tax_refund buyer_fee buyer_fee_refund vat_tax_ep VAT_REFUND_EP",
    "fee_selling": "transaction shipping_transaction gift_wrap_fees",
    "fee_payment": "PAYMENT_PROCESSING_FEE REFUND_PROCESSING_FEE DEPOSIT_FEE",
    "fee_listing": "listing listing_private renew_sold renew_sold_auto renew_expired auto_renew_expired"
    " transaction_quantity",
    "fee_regulatory": "regulatory_operating_fee",
    "ads": "prolist offsite_ads_fee",
    "tax_on_fees": "vat_seller_services vat_on_processing_fees",
    "credit": "seller_credit SELLER_DRIVEN_TRAFFIC_CREDIT",
    "label": "shipping_labels shipping_label_usps_adjustment shipping_label_usps_adjustment_credit",
    "subscription": "subscription seller_onboarding_fee seller_onboarding_fee_payment",
    "transfer": "DISBURSE DISBURSE2 ADYENBALANCE_REVERSAL RESERVE billing_payment recoupment RECOUP",
}
KINDS = {kind: name for name, kinds in _CLASSES.items() for kind in kinds.split()}


def class_of(kind: str) -> str:
    """By the table; `_refund` of a known kind is of its class, and nothing else is guessed."""
    return KINDS.get(kind) or KINDS.get(kind.removesuffix("_refund")) or "unclassified"


def made(receipts: Iterable[Doc]) -> dict[str, int]:
    """When each receipt was, paid or not."""
    return {str(receipt["receipt_id"]): receipt["created_timestamp"] for receipt in receipts}


def events(receipts: Iterable[Doc], ledger: Iterable[Doc], payments: Iterable[Doc]) -> Iterator[Event]:
    paid_for = {str(payment["payment_id"]): str(payment["receipt_id"]) for payment in payments}
    booked: dict[str, list[Doc]] = defaultdict(list)
    for entry in ledger:
        yield _entry(entry)
        reference = str(entry["reference_id"])
        if entry["reference_type"] == "receipt":
            booked[reference].append(entry)
        elif entry["reference_type"] == "shop_payment" and reference in paid_for:
            booked[paid_for[reference]].append(entry)
    for receipt in receipts:
        if receipt["is_paid"]:
            yield from _receipt(receipt, booked[str(receipt["receipt_id"])])


def _entry(entry: Doc) -> Event:
    return Event(
        name=class_of(entry["ledger_type"]),
        at=entry["created_timestamp"],
        currency=entry["currency"],
        amount=ledger_amount(entry),
    )


def ledger_amount(entry: Doc, field: str = "amount") -> int:
    """The ledger is in hundredths, whatever the currency."""
    return minor(Decimal(entry[field]) / 100, entry["currency"])


def _money(receipt: Doc, name: str) -> int:
    value = receipt[name]
    return minor(Decimal(value["amount"]) / Decimal(value["divisor"]), value["currency_code"])


@dataclass(frozen=True, kw_only=True)
class _Tax:
    """A part of the tax in a receipt; what the ledger took of it, and what it gave back, with when."""

    whose: str
    amount: int
    taken: int
    back: list[tuple[int, int]]

    def returned(self, until: float, given: int, total: int) -> Fraction:
        """What is back of it once so much of the total is."""
        if self.taken:
            back = sum(amount for at, amount in self.back if at < until)
            return Fraction(min(share(self.amount, back, self.taken), self.amount))
        return Fraction(self.amount * given, total)


def _taxes(receipt: Doc, booked: list[Doc]) -> list[_Tax]:
    is_paid = any(entry["ledger_type"] == "PAYMENT_GROSS" for entry in booked)
    fee_taken = any(entry["ledger_type"] == "buyer_fee" for entry in booked)
    amounts = {
        ("sales_tax", "sales_tax_refund"): _money(receipt, "total_tax_cost"),
        ("vat_tax_ep", "VAT_REFUND_EP"): _money(receipt, "total_vat_cost"),
        ("buyer_fee", "buyer_fee_refund"): max(_money(receipt, "grandtotal") - _named(receipt), 0) if fee_taken else 0,
    }
    found = []
    for (out, back), amount in amounts.items():
        taken = -sum(ledger_amount(entry) for entry in booked if entry["ledger_type"] == out)
        returned = [(e["created_timestamp"], ledger_amount(e)) for e in booked if e["ledger_type"] == back]
        whose = "platform" if taken > 0 else "seller" if is_paid else "unknown"
        found.append(_Tax(whose=whose, amount=amount, taken=max(taken, 0), back=returned))
    return found


def _named(receipt: Doc) -> int:
    """All parts that the receipt names."""
    parts = ("total_price", "total_shipping_cost", "gift_wrap_price", "total_tax_cost", "total_vat_cost")
    return sum(_money(receipt, part) for part in parts) - _money(receipt, "discount_amt")


def _is_vat_inside(receipt: Doc) -> bool:
    vat = _money(receipt, "total_vat_cost")
    return vat > 0 and _money(receipt, "grandtotal") == _named(receipt) - vat


def _receipt(receipt: Doc, booked: list[Doc]) -> Iterator[Event]:
    at, currency, order = (
        receipt["created_timestamp"],
        receipt["grandtotal"]["currency_code"],
        str(receipt["receipt_id"]),
    )
    inside = _money(receipt, "total_vat_cost") if _is_vat_inside(receipt) else 0
    discount = _money(receipt, "discount_amt")
    goods = _money(receipt, "total_price") - inside
    taxes = _taxes(receipt, booked)
    sold = {
        "gross_sales": goods,
        "discount": -discount,
        "shipping": _money(receipt, "total_shipping_cost"),
        "other_income": _money(receipt, "gift_wrap_price"),
    }

    def event(name: str, amount: int = 0) -> Event:
        return Event(name=name, at=at, currency=currency, amount=amount, order=order)

    yield event("order")
    yield from (event(name, amount) for name, amount in sold.items())
    yield from (event(f"tax_{tax.whose}", tax.amount) for tax in taxes)
    is_booked = any(entry["ledger_type"] == "PAYMENT_GROSS" for entry in booked)
    if not is_booked and _money(receipt, "grandtotal") > 0:
        yield event("fees_unknown")
    parts = {"goods": goods - discount, "shipping": sold["shipping"], "other": sold["other_income"]}
    yield from _reversals(receipt, parts, taxes)


def _reversals(receipt: Doc, parts: dict[str, int], taxes: list[_Tax]) -> Iterator[Event]:
    refunds = sorted(receipt["refunds"] or (), key=lambda refund: refund["created_timestamp"])
    total, given = _money(receipt, "grandtotal"), 0
    before: dict[str, int] = defaultdict(int)
    for place, refund in enumerate(refunds):
        given += minor(
            Decimal(refund["amount"]["amount"]) / Decimal(refund["amount"]["divisor"]),
            refund["amount"]["currency_code"],
        )
        until = refunds[place + 1]["created_timestamp"] if place + 1 < len(refunds) else float("inf")
        now = _split(given, total, until, parts, taxes)
        for name, amount in now.items():
            yield Event(
                name=f"reversal_{name}",
                at=refund["created_timestamp"],
                currency=refund["amount"]["currency_code"],
                amount=before[name] - amount,
                order=str(receipt["receipt_id"]),
                sale_at=receipt["created_timestamp"],
            )
        before = defaultdict(int, now)


def _split(given: int, total: int, until: float, parts: dict[str, int], taxes: list[_Tax]) -> dict[str, int]:
    """What so much given back is made of."""
    now: dict[str, int] = defaultdict(int)
    left = given
    for whose in ("platform", "seller", "unknown"):
        parts_of = [tax for tax in taxes if tax.whose == whose]
        back = sum(
            (Fraction(t.amount) if given >= total else t.returned(until, given, total) for t in parts_of), Fraction()
        )
        now[f"tax_{whose}"] = min(share(1, back.numerator, back.denominator), left)
        left -= now[f"tax_{whose}"]
    for name, most in parts.items():
        now[name] = min(left, most)
        left -= now[name]
    now["adjustment"] = left
    return now
