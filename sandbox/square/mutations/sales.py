"""Sales: new ones, edits, fees that come late, and what is taken back."""

from __future__ import annotations

from typing import Any

from sandbox.parts.responses import Doc
from sandbox.parts.seeded_random import SeededRandom
from sandbox.square.data import payments as paying
from sandbox.square.data import people, returns, sales
from sandbox.square.data.inventory import hundredths
from sandbox.square.data.money import money, of
from sandbox.square.data.notices import Notice
from sandbox.square.data.payments import Payer
from sandbox.square.data.pricing import add_up
from sandbox.square.data.returns import Wish, take_back
from sandbox.square.data.timestamps import SECOND, precise
from sandbox.square.live_shop import LiveShop
from sandbox.square.mutations.shared import Outcome, location_of, moment, record_of
from sandbox.square.mutations.stock import move


def new_order(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    """Sales at a till: paid at once, the fee still to come (`fee: true`: told already).

    `offline_seconds`: the till had no connection, and tells so much later of a sale.
    """
    ids, notices = [], []
    for _ in range(int(wanted.get("count", 1))):
        order, told = _new_sale(live, wanted, moment(wanted, now))
        ids.append(order["id"])
        notices += told
    return {"order_id": ids[-1] if ids else None, "order_ids": ids}, notices


def _new_sale(live: LiveShop, wanted: Doc, at: int) -> tuple[Doc, list[Notice]]:
    shop, number = live.shop, live.next_number()
    rng = SeededRandom(f"{shop.seed}:new:{number}")
    place = location_of(live, wanted)
    source = str(wanted.get("source", sales.POS))
    order: Doc = {"id": shop.ids.order(number), "location_id": place, "source": {"name": source}}
    sold_at = at - int(float(wanted.get("offline_seconds", 0)) * SECOND)
    order |= {"created_at": precise(sold_at), "updated_at": precise(at)}
    if source != sales.POS:
        order["version"] = 1
    notices = []
    if wanted.get("customer", True):
        customer = _customer_of(live, wanted, number, at)
        order["customer_id"] = customer["id"]
        notices += [] if "customer_id" in wanted else [Notice("customer.created", customer)]
    order |= add_up(shop, sales.basket(shop, order["id"], rng))
    paid = bool(wanted.get("paid", True))
    due = of(order["total_money"])
    payers = [Payer(tender=str(wanted.get("tender", "CARD")), amount=due, tip=int(wanted.get("tip", due // 10)))]
    fee_told = at + paying.FEE_DELAY if wanted.get("fee") else at
    payments = paying.pay(shop, order, number, at, payers, now=fee_told, rng=rng) if paid and due else []
    order["state"] = "COMPLETED" if paid else "OPEN"
    if paid:
        order["closed_at"] = precise(sold_at)
    if sold_at < at:
        for payment in payments:
            payment |= {"is_offline_payment": True, "offline_payment_details": {"client_created_at": precise(sold_at)}}
    order["net_amount_due_money"] = money(0 if paid else due, shop.currency)
    live.store.put("order", order)
    for payment in payments:
        live.store.put("payment", payment)
    notices += [Notice("order.created", order), *(Notice("payment.created", payment) for payment in payments)]
    if paid:
        notices += [Notice("order.updated", order), *_take_from_stock(live, order, at)]
    return order, notices


def _customer_of(live: LiveShop, wanted: Doc, number: int, at: int) -> Doc:
    if "customer_id" in wanted:
        return record_of(live, "customer", wanted["customer_id"])
    made = people.customer(live.shop, number, at, at)
    live.store.put("customer", made)
    return made


def _take_from_stock(live: LiveShop, order: Doc, at: int) -> list[Notice]:
    counts = []
    for line in order["line_items"]:
        key = f"{line.get('catalog_object_id')}:{order['location_id']}:IN_STOCK"
        if live.store.raw("count", key) is not None:
            moved = {"states": ("IN_STOCK", "SOLD"), "order": order["id"], "price": line["total_money"]}
            counts.append(move(live, key, -hundredths(line["quantity"]), at, **moved))
    return [Notice("inventory.count.updated", count) for count in counts]


def processing_fee(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    """The fee of a payment becomes known, or is corrected (`amount`, negative where Square gives back)."""
    payment = record_of(live, "payment", wanted.get("payment_id", "last"))
    at = moment(wanted, now)
    first = not paying.fees_of(payment, "INITIAL")
    if not paying.has_fee(payment):
        raise ValueError("no fee is asked for this payment")
    amount = int(wanted["amount"]) if "amount" in wanted else paying.initial_fee(payment)
    if not first and "amount" not in wanted:
        raise ValueError("this payment has its fee; say by which amount it is corrected")
    paying.add_fee(payment, amount, "INITIAL" if first else "ADJUSTMENT", at)
    live.store.put("payment", payment)
    notices = [Notice("payment.updated", payment), *_tender_changed(live, payment, at)]
    return {"payment_id": payment["id"], "amount": amount}, notices


def _tender_changed(live: LiveShop, payment: Doc, at: int) -> list[Notice]:
    """The order shows what the payment knows."""
    order = live.store.get("order", payment["order_id"])
    if order is None:
        return []
    order["tenders"] = [
        paying.tender_of(payment, tender["type"]) if tender["id"] == payment["id"] else tender
        for tender in order.get("tenders", ())
    ]
    return [_changed_order(live, order, at)]


def _changed_order(live: LiveShop, order: Doc, at: int) -> Notice:
    order["updated_at"] = max(order["updated_at"], precise(at))
    if "version" in order:
        order["version"] += 1
    live.store.put("order", order)
    return Notice("order.updated", order)


def refund_order(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    """All of it, `amount`, or `lines`: [{"uid", "quantity"}], or "one" for a piece of the first line."""
    order = _paid_order(live, wanted)
    payments = live.store.children("payment", order["id"])
    payments = [payment for payment in payments if payment["status"] == "COMPLETED"]
    wish = Wish(
        number=live.next_number(),
        at=moment(wanted, now),
        reason=str(wanted.get("reason", "Returned goods")),
        everything="amount" not in wanted and "lines" not in wanted,
        lines=_lines(order, wanted.get("lines", [])),
        amount=int(wanted.get("amount", 0)),
        status=str(wanted.get("status", "COMPLETED")),
    )
    if wish.status not in returns.STATUSES:
        raise ValueError(f"status must be one of {', '.join(returns.STATUSES)}")
    back = take_back(live.shop, order, payments, wish)
    live.store.put("order", back.order)
    for refund in back.refunds:
        live.store.put("refund", refund)
    notices = [Notice("order.created", back.order), *(Notice("refund.created", refund) for refund in back.refunds)]
    for payment in payments:
        live.store.put("payment", payment)
        notices.append(Notice("payment.updated", payment))
    result = {"order_id": order["id"], "return_order_id": back.order["id"]}
    return result | {"refund_ids": [refund["id"] for refund in back.refunds]}, notices


def _paid_order(live: LiveShop, wanted: Doc) -> Doc:
    which = wanted.get("order_id", "last")
    if isinstance(which, str) and which not in ("first", "last"):
        order = record_of(live, "order", which)
    else:
        paid = "state = 'COMPLETED' AND EXISTS (SELECT 1 FROM records AS own WHERE own.parent = records.id"
        found = live.store.key_at("order", which, f"{paid} AND own.kind = 'payment' AND own.state = 'COMPLETED')")
        if found is None:
            raise LookupError("no such order that was paid")
        order = record_of(live, "order", found)
    if order["state"] != "COMPLETED" or "returns" in order:
        raise ValueError("only a completed sale can be taken back")
    return order


def _lines(order: Doc, lines: Any) -> tuple[tuple[str, int], ...]:
    if lines == "one":
        return ((order["line_items"][0]["uid"], 1),)
    return tuple((line["uid"], int(line.get("quantity", 0))) for line in lines)


def settle_refund(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    """A refund that was pending ends as `status`."""
    refund = record_of(live, "refund", wanted.get("refund_id", "last"))
    status = str(wanted.get("status", "COMPLETED"))
    if refund["status"] != "PENDING" or status not in ("COMPLETED", "FAILED", "REJECTED"):
        raise ValueError("only a pending refund can become COMPLETED, FAILED or REJECTED")
    at = moment(wanted, now)
    refund |= {"status": status, "updated_at": precise(at)}
    live.store.put("refund", refund)
    notices = [Notice("refund.updated", refund)]
    if (payment := live.store.get("payment", refund["payment_id"])) is not None:
        returns.settle(payment, refund)
        live.store.put("payment", payment)
        notices.append(Notice("payment.updated", payment))
    if (order := live.store.get("order", refund["order_id"])) is not None:
        for told in order["refunds"]:
            if told["id"] == refund["id"]:
                told["status"] = returns.STATUSES[status]
        notices.append(_changed_order(live, order, at))
    return {"refund_id": refund["id"]}, notices


def update_order(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    """Fields change; `state: "CANCELED"` closes it."""
    order = record_of(live, "order", wanted.get("order_id", "last"))
    order |= wanted.get("fields", {})
    if order["state"] in ("COMPLETED", "CANCELED"):
        order.setdefault("closed_at", precise(moment(wanted, now)))
    return {"order_id": order["id"]}, [_changed_order(live, order, moment(wanted, now))]
