"""A shop of Shopify's: its journal of sales says what was sold and given back, transactions say what was paid.

How the reference is read where it leaves something open:

- An order counts when it is no test and money came for it, once, or nothing was to be paid: pending, authorised and
  voided ones are in no figure. It stays counted when it is canceled.
- The day of a piece is its agreement's (`happenedAt`); the day of an order is when it was processed.
- A return fee is income though it stands in a return; an adjustment, which is money given back without goods, is a
  reversal.
- What a bank took back in a dispute stands in no order: each dispute is of an unknown amount, on the order's day. One
  that was prevented took nothing, nor does an inquiry that nobody decided.
- A payment whose fees Shopify does not tell has unknown fees, not none: other gateways, and its own until they come.
  They count once an order, on the order's day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from tests.money.oracle.book import Doc, Event

_PAID = frozenset({"PAID", "PARTIALLY_PAID", "PARTIALLY_REFUNDED", "REFUNDED"})
_OWN = {"TIP": "tip", "GIFT_CARD": "gift_card", "DUTY": "duty", "ADJUSTMENT": "reversal_adjustment"}
_SOLD = {"PRODUCT": "gross_sales", "SHIPPING": "shipping", "FEE": "other_income", "ADDITIONAL_FEE": "other_income"}
_BACK = {
    "PRODUCT": "reversal_goods",
    "SHIPPING": "reversal_shipping",
    "FEE": "reversal_other",
    "ADDITIONAL_FEE": "reversal_other",
}
_WHOSE = {True: "platform", False: "seller", None: "unknown"}
# Whose payments cost no fees; of every other gateway nobody at Shopify knows them.
_NO_FEES = frozenset({"gift_card"})


def made(orders: Iterable[Doc]) -> dict[str, int]:
    """When each order was, whether it counts or not."""
    return {str(order["id"]): order["processed"] for order in orders}


def is_counted(order: Doc) -> bool:
    return not order["test"] and order["financial"] in _PAID


def events(
    orders: Iterable[Doc],
    sales: Iterable[Doc],
    transactions: Iterable[Doc],
    disputes: Iterable[Doc] = (),
    fees_until: float = float("inf"),
) -> Iterator[Event]:
    """`fees_until`: fees of payments after this are not told yet."""
    counted = {order["id"]: order for order in orders if is_counted(order)}
    for order in counted.values():
        yield _event("order", order, order["processed"])
    for sale in sales:
        if sale["order_id"] in counted:
            yield from _sale(sale, counted[sale["order_id"]])
    for each in disputes:
        if each["order_id"] in counted and _may_have_taken(each["initiated_as"], each["status"]):
            order = counted[each["order_id"]]
            yield _event("disputes_unknown", order, order["processed"])
    moved: dict[int, list[Doc]] = defaultdict(list)
    for each in transactions:
        if each["status"] == "SUCCESS" and each["order_id"] in counted:
            moved[each["order_id"]].append({**each, "fee": each["fee"] if each["at"] <= fees_until else None})
    for number, moves in moved.items():
        yield from _payments(counted[number], moves)


def _may_have_taken(initiated_as: str, status: str) -> bool:
    if status == "PREVENTED":
        return False
    return initiated_as == "CHARGEBACK" or status in ("WON", "LOST", "ACCEPTED")


def _event(name: str, order: Doc, at: int, amount: int = 0, *, is_back: bool = False) -> Event:
    return Event(
        name=name,
        at=at,
        currency=order["currency"],
        amount=amount,
        order=str(order["id"]),
        sale_at=order["processed"] if is_back else None,
    )


def _sale(sale: Doc, order: Doc) -> Iterator[Event]:
    total, tax, discount = sale["total"][0], sale["tax"][0], sale["discount"][0]
    kind, at, is_back = sale["line_type"], sale["at"], sale["action"] == "RETURN"
    whose = _WHOSE[sale["channel_liable"]]
    if kind in _OWN:
        is_reversal = _OWN[kind].startswith("reversal")
        yield _event(_OWN[kind], order, at, total - tax, is_back=is_reversal)
    elif is_back:
        yield _event(_BACK[kind], order, at, total - tax, is_back=True)
    else:
        off = discount if kind == "PRODUCT" else 0
        yield _event(_SOLD[kind], order, at, total - tax + off)
        yield _event("discount", order, at, -off)
    yield _event(f"reversal_tax_{whose}" if is_back else f"tax_{whose}", order, at, tax, is_back=is_back)


def _payments(order: Doc, moves: list[Doc]) -> Iterator[Event]:
    is_unknown = False
    for each in moves:
        amount = each["amount"][0]
        if each["kind"] == "REFUND":
            yield _event("refund_paid", order, each["at"], -amount)
        elif each["kind"] in ("SALE", "CAPTURE"):
            yield _event("payment", order, each["at"], amount)
            if each["fee"] is not None:
                yield _event("fee_payment", order, each["at"], -each["fee"])
            elif each["gateway"] not in _NO_FEES:
                is_unknown = True
    if is_unknown:
        yield _event("fees_unknown", order, order["processed"])
