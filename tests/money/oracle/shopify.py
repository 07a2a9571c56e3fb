"""A shop of Shopify's: its journal of sales says what was sold and given back, transactions say what was paid.

How the reference is read where it leaves something open:

- An order counts when it is no test and money came for it, once, or nothing was to be paid: pending, authorised and
  voided ones are in no figure. It stays counted when it is canceled.
- The day of a piece is its agreement's (`happenedAt`); the day of an order is when it was processed.
- A return fee is income though it stands in a return; an adjustment, which is money given back without goods, is a
  reversal.
- What a bank took back in a dispute stands in no order: each dispute is of an unknown amount, on the order's day. One
  that was prevented took nothing, nor does an inquiry that nobody decided.
- Where the shop shows its payment account, what disputes took and gave back stands there, with payouts, those that
  bounced, and reserves: on the entry's own day, whether or not its order counts.
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
    *,
    disputes: Iterable[Doc] = (),
    account: Iterable[Doc] = (),
    fees_until: float = float("inf"),
) -> Iterator[Event]:
    """`fees_until`: fees of payments after this are not told yet."""
    counted = {order["id"]: order for order in orders if is_counted(order)}
    for order in counted.values():
        yield _event("order", order, order["processed"])
    for sale in sales:
        if sale["order_id"] in counted:
            yield from _sale(sale, counted[sale["order_id"]])
    entries = [each for each in account if not each["test"]]
    currency = next((order["currency"] for order in counted.values()), "")
    yield from _account(entries, currency)
    yield from _disputed(counted, list(disputes), entries)
    moved: dict[int, list[Doc]] = defaultdict(list)
    for each in transactions:
        if each["status"] == "SUCCESS" and each["order_id"] in counted:
            moved[each["order_id"]].append({**each, "fee": each["fee"] if each["at"] <= fees_until else None})
    for number, moves in moved.items():
        yield from _payments(counted[number], moves)


# Of the payment account; what buyers paid and were given back is told by the orders.
_ENTRIES = {
    "DISPUTE_WITHDRAWAL": "dispute",
    "DISPUTE_REVERSAL": "dispute",
    "CHARGEBACK_FEE": "dispute_fee",
    "CHARGEBACK_FEE_REFUND": "dispute_fee",
    "TRANSFER": "transfer",
    "TRANSFER_FAILURE": "transfer",
    "RESERVED_FUNDS": "transfer",
    "RESERVED_FUNDS_REVERSAL": "transfer",
}


def _account(entries: list[Doc], currency: str) -> Iterator[Event]:
    for each in entries:
        if each["type"] not in ("CHARGE", "REFUND"):
            order = None if each["order_id"] is None else str(each["order_id"])
            yield Event(
                name=_ENTRIES.get(each["type"], "unclassified"),
                at=each["at"],
                currency=currency,
                amount=each["amount"],
                order=order,
            )


def _disputed(counted: dict[int, Doc], disputes: list[Doc], entries: list[Doc]) -> Iterator[Event]:
    """Each dispute that may have taken something, of orders of which the account does not show all that it did."""
    taken: dict[int, list[Doc]] = defaultdict(list)
    for each in disputes:
        if each["order_id"] in counted and _may_have_taken(each["initiated_as"], each["status"]):
            taken[each["order_id"]].append(each)
    for number, found in taken.items():
        shown = [each["type"] for each in entries if each["order_id"] == number]
        won = sum(each["status"] == "WON" for each in found)
        if shown.count("DISPUTE_WITHDRAWAL") < len(found) or shown.count("DISPUTE_REVERSAL") < won:
            for _ in found:
                yield _event("disputes_unknown", counted[number], counted[number]["processed"])


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
