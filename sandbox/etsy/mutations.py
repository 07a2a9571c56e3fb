"""Changes to a shop while someone reads it: now, or after so many more requests (docs/sandbox-etsy.md, Mutations)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.etsy.ledger_entries import Booking, Group, kind, payment_group, refund_bookings
from sandbox.etsy.listings import STATES
from sandbox.etsy.live_shop import LiveShop
from sandbox.etsy.money import ledger_cents, money
from sandbox.etsy.orders import make_order
from sandbox.etsy.payments import gross_cents, paid_at
from sandbox.etsy.receipts import render_receipt, shipment
from sandbox.etsy.shop_store import CANCELED, PAID, SHIPPED, STRIPPED, index_row
from sandbox.parts.responses import Doc
from sandbox.parts.seeded_random import SeededRandom


def new_order(live_shop: LiveShop, wanted: Doc, now: int) -> Doc:
    """Orders placed now, or at `at`; a paid one books its ledger entries at that time."""
    receipts = []
    for _ in range(wanted.get("count", 1)):
        pos = live_shop.store.next_position()
        order = make_order(live_shop.shop, pos, at=int(wanted.get("at", now)), paid=wanted.get("paid", True))
        live_shop.store.put(pos, render_receipt(live_shop.shop, order), index_row(live_shop.shop, order)[3])
        if order.paid_at:
            group = payment_group(live_shop.shop, order, SeededRandom(f"{live_shop.shop.seed}:ledger:{pos}"))
            live_shop.store.book(lambda book, group=group: book.book(group))
        receipts.append(live_shop.shop.ids.receipt(pos))
    return {"receipt_ids": receipts, "receipt_id": receipts[-1] if receipts else None}


def update_order(live_shop: LiveShop, wanted: Doc, now: int) -> Doc:
    pos, doc, flags = _order(live_shop, wanted)
    doc.update(wanted.get("fields", {}))
    _touch(doc, int(wanted.get("at", now)))
    live_shop.store.put(pos, doc, flags)
    return {"receipt_id": doc["receipt_id"], "updated_timestamp": doc["updated_timestamp"]}


def refund_order(live_shop: LiveShop, wanted: Doc, now: int) -> Doc:
    """`updated_timestamp` stays where it is (#232, #339, #513, #604)."""
    pos, doc, flags = _order(live_shop, wanted)
    at = int(wanted.get("at", now))
    _refund(live_shop, pos, doc, amount=wanted.get("amount"), at=at, reason=wanted.get("reason"))
    live_shop.store.put(pos, doc, flags)
    return {"receipt_id": doc["receipt_id"], "amount": doc["refunds"][-1]["amount"]["amount"]}


def cancel(live_shop: LiveShop, wanted: Doc, now: int) -> Doc:
    pos, doc, flags = _order(live_shop, wanted)
    at = int(wanted.get("at", now))
    if doc["is_paid"] and _left(doc):
        _refund(live_shop, pos, doc, amount=None, at=at, reason="buyer changed mind")
    doc["status"] = "Canceled"
    _touch(doc, at)
    live_shop.store.put(pos, doc, flags | CANCELED)
    return {"receipt_id": doc["receipt_id"]}


def mark_shipped(live_shop: LiveShop, wanted: Doc, now: int) -> Doc:
    pos, doc, flags = _order(live_shop, wanted)
    at = int(wanted.get("at", now))
    doc["shipments"].append(shipment(live_shop.shop, pos, at, "usps"))
    doc["is_shipped"], doc["status"] = True, "Completed"
    for line in doc["transactions"]:
        line["shipped_timestamp"] = at
    _touch(doc, at)
    live_shop.store.put(pos, doc, flags | SHIPPED)
    return {"receipt_id": doc["receipt_id"]}


def unpaid_to_paid(live_shop: LiveShop, wanted: Doc, now: int) -> Doc:
    pos, doc, flags = _order(live_shop, wanted)
    if doc["is_paid"]:
        raise ValueError(f"receipt {doc['receipt_id']} is paid already")
    at = int(wanted.get("at", now))
    doc["is_paid"], doc["status"] = True, "Paid"
    for line in doc["transactions"]:
        line["paid_timestamp"] = at
    _touch(doc, at)
    live_shop.store.put(pos, doc, flags | PAID)
    order = make_order(live_shop.shop, pos, at=at)
    group = payment_group(live_shop.shop, order, SeededRandom(f"{live_shop.shop.seed}:ledger:{pos}"))
    live_shop.store.book(lambda book: book.book(group))
    return {"receipt_id": doc["receipt_id"]}


def remove_order(live_shop: LiveShop, wanted: Doc, _now: int) -> Doc:
    pos, doc, _ = _order(live_shop, wanted)
    live_shop.store.remove(pos)
    return {"receipt_id": doc["receipt_id"]}


def strip_transactions(live_shop: LiveShop, wanted: Doc, _now: int) -> Doc:
    pos, doc, flags = _order(live_shop, wanted)
    live_shop.store.put(pos, doc, flags | STRIPPED)
    return {"receipt_id": doc["receipt_id"]}


def edit_listing(live_shop: LiveShop, wanted: Doc, now: int) -> Doc:
    number, listing_id = _listing(live_shop, wanted)
    at = int(wanted.get("at", now))
    stamps = {"updated_timestamp": at, "last_modified_timestamp": at}
    live_shop.edit_listing(number, {**wanted.get("fields", {}), **stamps})
    return {"listing_id": listing_id}


def listing_state(live_shop: LiveShop, wanted: Doc, now: int) -> Doc:
    if wanted.get("state") not in STATES:
        raise ValueError(f"state must be one of {', '.join(STATES)}")
    at = int(wanted.get("at", now))
    fields = {"state": wanted["state"], "state_timestamp": at}
    return edit_listing(live_shop, {**wanted, "fields": fields}, now)


def remove_listing(live_shop: LiveShop, wanted: Doc, _now: int) -> Doc:
    number, listing_id = _listing(live_shop, wanted)
    live_shop.remove_listing(number)
    return {"listing_id": listing_id}


def backdated_ledger_entry(live_shop: LiveShop, wanted: Doc, _now: int) -> Doc:
    if "at" not in wanted:
        raise ValueError("backdated_ledger_entry needs at")
    booking = Booking(kind("prolist"), int(wanted.get("amount", -20)), 1, extra=wanted.get("ledger_type"))
    entries = live_shop.store.book(lambda book: book.book(Group(int(wanted["at"]), -1, (booking,))))
    return {"entry_id": live_shop.shop.ids.entry(entries[0].seq), "sequence_number": entries[0].seq}


_TAXES = ("total_tax_cost", "total_vat_cost")
Mutate = Callable[[LiveShop, Doc, int], Doc]
MUTATIONS: dict[str, Mutate] = {
    change.__name__: change
    for change in (
        new_order,
        update_order,
        refund_order,
        cancel,
        mark_shipped,
        unpaid_to_paid,
        remove_order,
        strip_transactions,
        edit_listing,
        listing_state,
        remove_listing,
        backdated_ledger_entry,
    )
}


# --- helpers --------------------------------------------------------------------------------------------


def _order(live_shop: LiveShop, wanted: Doc) -> tuple[int, Doc, int]:
    """Position, record and flags of the receipt that is meant."""
    pos = _position(live_shop, wanted.get("receipt_id"))
    doc = None if pos is None else live_shop.store.receipt(pos)
    if pos is None or doc is None:
        raise ValueError(f"no receipt {wanted.get('receipt_id')} in this shop")
    return pos, doc, live_shop.store.flags(pos) or 0


def _position(live_shop: LiveShop, which: Any) -> int | None:
    if which in ("first", "last") or isinstance(which, dict):
        return live_shop.store.position_of("receipts", which)
    return live_shop.shop.ids.receipt_position(which) if isinstance(which, int) else None


def _listing(live_shop: LiveShop, wanted: Doc) -> tuple[int, int]:
    which = wanted.get("listing_id")
    numbers = live_shop.listing_numbers()
    number: int | None
    if which in ("first", "last"):
        number = numbers[0 if which == "first" else -1]
    elif isinstance(which, dict):
        number = numbers[int(which["index"])]
    else:
        number = live_shop.shop.ids.listing_number(which) if isinstance(which, int) else None
    if number is None or live_shop.listing(number) is None:
        raise ValueError(f"no listing {which} in this shop")
    return number, live_shop.shop.ids.listing(number)


def _touch(doc: Doc, at: int) -> None:
    doc["update_timestamp"] = doc["updated_timestamp"] = at


def _left(doc: Doc) -> int:
    """What has not been refunded yet."""
    refunded = sum(int(refund["amount"]["amount"]) for refund in doc["refunds"])
    return int(doc["grandtotal"]["amount"]) - refunded


def _refund(live_shop: LiveShop, pos: int, doc: Doc, *, amount: int | None, at: int, reason: str | None) -> None:
    shop, left = live_shop.shop, _left(doc)
    amount = left if amount is None else amount
    if not doc["is_paid"] or not 0 < amount <= left:
        raise ValueError(f"receipt {doc['receipt_id']} has {left} left to refund and is_paid={doc['is_paid']}")
    doc["refunds"].append(
        {
            "amount": money(amount, shop.currency),
            "created_timestamp": at,
            "reason": reason,
            "note_from_issuer": None,
            "status": "success",
        }
    )
    doc["status"] = "Fully refunded" if amount == left else "Partially refunded"
    refunded = ledger_cents(amount, shop.currency, shop.payout, paid_at(doc))
    first = doc["transactions"][0]
    goods = ledger_cents(first["price"]["amount"] * first["quantity"], shop.currency, shop.payout, paid_at(doc))
    # What the receipt's parts do not name, and its total holds, is the state's fee.
    named = sum(doc[name]["amount"] for name in ("subtotal", "total_shipping_cost", "gift_wrap_price", *_TAXES))
    taxes = (*(doc[name]["amount"] for name in _TAXES), doc["grandtotal"]["amount"] - named)
    sales_tax, vat, fee = (ledger_cents(tax, shop.currency, shop.payout, paid_at(doc)) for tax in taxes)
    group = refund_bookings(
        shop,
        pos=pos,
        at=at,
        gross=gross_cents(shop, doc),
        refunded=refunded,
        goods=goods,
        taxes=(sales_tax, vat, fee),
    )
    live_shop.store.book(lambda book: book.book(group))
