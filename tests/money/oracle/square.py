"""A till of Square's: orders say what was sold, orders of returns what came back, payments what was paid and taken.

How the reference is read where it leaves something open:

- An order counts when it is closed (`COMPLETED`) and something was sold with it, on the day that it was opened. A
  return is an order of its own, and no sale. Open, drafted and canceled ones are in no figure.
- Gross sales are without tax wherever that stands: what is inside of a price comes out of it. They are reckoned
  here from what a line is made of, and not from the totals that the order tells.
- A gift card that is sold is no sale, and costs nothing to pay with. Tips stand apart; service charges are income.
- What came back stands on the day of its return; an amount that names no line of the sale is an adjustment. Where
  all refunds of a return failed, nothing came back.
- Taxes are the seller's.
- Square's fee stands with the payment, corrections too, whenever it was told; until then the order's fees are unknown.
- A dispute takes the payment on the day that it began; what was won is given back on the day that it was. An inquiry
  takes nothing.
- A payout only moves, on the day that it was made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from tests.money.oracle.book import Doc, Event

_FAILED = frozenset({"FAILED", "REJECTED"})
_TAKEN = frozenset({"EVIDENCE_REQUIRED", "PROCESSING", "WON", "LOST", "ACCEPTED"})
_BY_CARD = frozenset({"CARD", "WALLET"})


def second(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def _of(money: Doc | None) -> int:
    return 0 if money is None else int(money["amount"])


def made(orders: Iterable[Doc]) -> dict[str, int]:
    """When each order was, whether it counts or not."""
    return {str(order["id"]): second(order["created_at"]) for order in orders}


def is_sale(order: Doc) -> bool:
    return order["state"] == "COMPLETED" and bool(order.get("line_items"))


def events(
    orders: Iterable[Doc],
    payments: Iterable[Doc],
    refunds: Iterable[Doc],
    *,
    disputes: Iterable[Doc] = (),
    payouts: Iterable[Doc] = (),
) -> Iterator[Event]:
    by_id = {order["id"]: order for order in orders}
    paid = {payment["id"]: payment for payment in payments}
    for order in by_id.values():
        if is_sale(order):
            yield from _sale(order)
        if "returns" in order and not _has_failed(order):
            for back in order["returns"]:
                yield from _return(order, back, by_id[back["source_order_id"]])
    yield from _payments(paid, by_id)
    yield from _refunds(refunds, paid)
    for dispute in disputes:
        yield from _dispute(dispute, paid)
    for payout in payouts:
        if payout["status"] != "FAILED":
            yield _event("transfer", payout, -_of(payout["amount_money"]), None)


def _event(name: str, doc: Doc, amount: int, order_id: str | None, **when: int) -> Event:
    """When the record was made, unless `at` says another time."""
    money = doc.get("total_money") or doc["amount_money"]
    at = when.pop("at", second(doc["created_at"]))
    return Event(name=name, at=at, currency=money["currency"], amount=amount, order=order_id, **when)


def _sale(order: Doc) -> Iterator[Event]:
    def told(name: str, amount: int) -> Event:
        return _event(name, order, amount, order["id"])

    inside = {tax["uid"] for tax in order.get("taxes", ()) if tax["type"] == "INCLUSIVE"}
    yield told("order", 0)
    for line in order["line_items"]:
        whole = _of(line["variation_total_price_money"])
        whole += sum(_of(one["total_price_money"]) for one in line.get("modifiers", ()))
        applied = line.get("applied_taxes", ())
        gross = whole - sum(_of(tax["applied_money"]) for tax in applied if tax["tax_uid"] in inside)
        if line["item_type"] == "GIFT_CARD":
            yield told("gift_card", gross)
            continue
        yield told("gross_sales", gross)
        yield told("discount", -sum(_of(one["applied_money"]) for one in line.get("applied_discounts", ())))
    for charge in order.get("service_charges", ()):
        yield told("other_income", _of(charge["applied_money"]))
    yield told("tax_seller", sum(_of(tax["applied_money"]) for tax in order.get("taxes", ())))
    yield told("tip", sum(_of(tender.get("tip_money")) for tender in order.get("tenders", ())))


def _has_failed(order: Doc) -> bool:
    found = [refund["status"] for refund in order.get("refunds", ())]
    return bool(found) and all(status in _FAILED for status in found)


def _return(order: Doc, back: Doc, sale: Doc) -> Iterator[Event]:
    def told(name: str, amount: int) -> Event:
        return _event(name, order, -amount, sale["id"], sale_at=second(sale["created_at"]))

    lines = {line["uid"]: line for line in sale["line_items"]}
    inside = {tax["uid"] for tax in sale.get("taxes", ()) if tax["type"] == "INCLUSIVE"}
    for one in back["return_line_items"]:
        line = lines.get(one.get("source_line_item_uid"))
        left = _of(one["gross_return_money"]) - _of(one["total_discount_money"])
        if line is None:
            yield told("reversal_adjustment", left)
            continue
        if _has_tax_in_its_gross(line, inside):
            left -= _of(one["total_tax_money"])
        yield told("gift_card" if line["item_type"] == "GIFT_CARD" else "reversal_goods", left)
    for charge in back.get("return_service_charges", ()):
        yield told("reversal_other", _of(charge["applied_money"]))
    yield told("reversal_tax_seller", sum(_of(tax["applied_money"]) for tax in back.get("return_taxes", ())))
    yield told("tip", sum(_of(tip["applied_money"]) for tip in back.get("return_tips", ())))


def _has_tax_in_its_gross(line: Doc, inside: set[str]) -> bool:
    """In some countries the price that is told of a line holds the tax that is inside of it, in others it does not."""
    if not any(tax["tax_uid"] in inside for tax in line.get("applied_taxes", ())):
        return False
    parts = [line["variation_total_price_money"], *(one["total_price_money"] for one in line.get("modifiers", ()))]
    return _of(line["gross_sales_money"]) == sum(map(_of, parts))


def _fees(doc: Doc) -> int:
    return sum(_of(fee["amount_money"]) for fee in doc.get("processing_fee", ()))


def _payments(paid: Mapping[str, Doc], orders: Mapping[str, Doc]) -> Iterator[Event]:
    lacking = set()
    for payment in paid.values():
        if payment["status"] != "COMPLETED":
            continue
        order_id = payment["order_id"]
        yield _event("payment", payment, _of(payment["total_money"]), order_id)
        yield _event("fee_payment", payment, -_fees(payment), order_id)
        brand = payment.get("card_details", {}).get("card", {}).get("card_brand")
        has_fee = payment["source_type"] in _BY_CARD and brand != "SQUARE_GIFT_CARD" and _of(payment["total_money"])
        if has_fee and "processing_fee" not in payment:
            lacking.add(order_id)
    for order_id in lacking:
        if is_sale(orders[order_id]):
            yield _event("fees_unknown", orders[order_id], 0, order_id)


def _refunds(refunds: Iterable[Doc], paid: Mapping[str, Doc]) -> Iterator[Event]:
    for refund in refunds:
        if refund["status"] == "COMPLETED":
            order_id = paid[refund["payment_id"]]["order_id"]
            for name, amount in (("refund_paid", -_of(refund["amount_money"])), ("fee_payment", -_fees(refund))):
                yield _event(name, refund, amount, order_id)


def _dispute(dispute: Doc, paid: Mapping[str, Doc]) -> Iterator[Event]:
    if dispute["state"].startswith("INQUIRY"):
        return
    order_id = paid[dispute["disputed_payment"]["payment_id"]]["order_id"]
    amount = _of(dispute["amount_money"])
    if dispute["state"] not in _TAKEN:
        yield _event("disputes_unknown", dispute, 0, order_id)
        return
    yield _event("dispute", dispute, -amount, order_id)
    if dispute["state"] == "WON":
        yield _event("dispute", dispute, amount, order_id, at=second(dispute["updated_at"]))
