"""Changes to a seller's account while someone reads it: now, or around requests (docs/sandbox-square.md, Mutations)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sandbox.parts.responses import Doc
from sandbox.parts.seeded_random import SeededRandom
from sandbox.square.data import payments as paying
from sandbox.square.data import payouts, people, returns, sales
from sandbox.square.data.bookings import booking
from sandbox.square.data.catalog import catalog_object
from sandbox.square.data.inventory import count_of, hundredths, quantity_text
from sandbox.square.data.money import money, of
from sandbox.square.data.notices import Notice
from sandbox.square.data.payments import Payer
from sandbox.square.data.pricing import add_up
from sandbox.square.data.returns import Wish, take_back
from sandbox.square.data.timestamps import SECOND, parsed, plain, precise, shortest
from sandbox.square.live_shop import LiveShop

Outcome = tuple[Doc, list[Notice]]
Mutation = Callable[[LiveShop, Doc, int], Outcome]


# --- sales ---------------------------------------------------------------------------------------------------


def new_order(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    """Sales at a till: paid at once, the fee still to come (`fee: true`: told already).

    `offline_seconds`: the till had no connection, and tells so much later of a sale.
    """
    ids, notices = [], []
    for _ in range(int(wanted.get("count", 1))):
        order, told = _new_sale(live, wanted, _at(wanted, now))
        ids.append(order["id"])
        notices += told
    return {"order_id": ids[-1] if ids else None, "order_ids": ids}, notices


def _new_sale(live: LiveShop, wanted: Doc, at: int) -> tuple[Doc, list[Notice]]:
    shop, number = live.shop, live.next_number()
    rng = SeededRandom(f"{shop.seed}:new:{number}")
    place = _location(live, wanted)
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
        return _record(live, "customer", wanted["customer_id"])
    made = people.customer(live.shop, number, at, at)
    live.store.put("customer", made)
    return made


def _take_from_stock(live: LiveShop, order: Doc, at: int) -> list[Notice]:
    counts = []
    for line in order["line_items"]:
        key = f"{line.get('catalog_object_id')}:{order['location_id']}:IN_STOCK"
        if live.store.raw("count", key) is not None:
            moved = {"states": ("IN_STOCK", "SOLD"), "order": order["id"], "price": line["total_money"]}
            counts.append(_move(live, key, -hundredths(line["quantity"]), at, **moved))
    return [Notice("inventory.count.updated", count) for count in counts]


def processing_fee(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    """The fee of a payment becomes known, or is corrected (`amount`, negative where Square gives back)."""
    payment = _record(live, "payment", wanted.get("payment_id", "last"))
    at = _at(wanted, now)
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
        at=_at(wanted, now),
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
        order = _record(live, "order", which)
    else:
        paid = "state = 'COMPLETED' AND EXISTS (SELECT 1 FROM records AS own WHERE own.parent = records.id"
        found = live.store.key_at("order", which, f"{paid} AND own.kind = 'payment' AND own.state = 'COMPLETED')")
        if found is None:
            raise LookupError("no such order that was paid")
        order = _record(live, "order", found)
    if order["state"] != "COMPLETED" or "returns" in order:
        raise ValueError("only a completed sale can be taken back")
    return order


def _lines(order: Doc, lines: Any) -> tuple[tuple[str, int], ...]:
    if lines == "one":
        return ((order["line_items"][0]["uid"], 1),)
    return tuple((line["uid"], int(line.get("quantity", 0))) for line in lines)


def settle_refund(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    """A refund that was pending ends as `status`."""
    refund = _record(live, "refund", wanted.get("refund_id", "last"))
    status = str(wanted.get("status", "COMPLETED"))
    if refund["status"] != "PENDING" or status not in ("COMPLETED", "FAILED", "REJECTED"):
        raise ValueError("only a pending refund can become COMPLETED, FAILED or REJECTED")
    at = _at(wanted, now)
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
    order = _record(live, "order", wanted.get("order_id", "last"))
    order |= wanted.get("fields", {})
    if order["state"] in ("COMPLETED", "CANCELED"):
        order.setdefault("closed_at", precise(_at(wanted, now)))
    return {"order_id": order["id"]}, [_changed_order(live, order, _at(wanted, now))]


# --- money ---------------------------------------------------------------------------------------------------


def open_dispute(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    """The bank takes a card payment back."""
    payment = _record(live, "payment", wanted.get("payment_id", "last"))
    if not paying.is_paid_out(payment) or payment["status"] != "COMPLETED":
        raise ValueError("only a card payment that was completed can be disputed")
    rng = SeededRandom(f"{live.shop.seed}:{payment['id']}")
    made = paying.dispute(live.shop, payment, _at(wanted, now), str(wanted.get("state", "EVIDENCE_REQUIRED")), rng)
    live.store.put("dispute", made)
    return {"dispute_id": made["id"]}, [Notice("dispute.created", made)]


def close_dispute(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    made = _record(live, "dispute", wanted.get("dispute_id", "last"))
    made |= {"state": str(wanted.get("state", "WON")), "updated_at": precise(_at(wanted, now))}
    made["version"] += 1
    live.store.put("dispute", made)
    return {"dispute_id": made["id"]}, [Notice("dispute.state.updated", made)]


def new_payout(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    """Pay out what a location has earned and not been paid yet."""
    place, at = _location(live, wanted), _at(wanted, now)
    known = {_of_entry(entry) for entry in live.store.all("entry")}
    found = [each for each in _activities(live, place) if _of_activity(each) not in known and each.at <= at]
    payout, entries = payouts.payout(live.shop, f"new{live.next_number()}", place, at, found)
    live.store.put("payout", payout)
    for entry in entries:
        live.store.put("entry", entry)
    return {"payout_id": payout["id"], "entries": len(entries)}, [Notice("payout.sent", payout)]


def _activities(live: LiveShop, place: str) -> Iterable[payouts.Activity]:
    for payment in live.store.all("payment"):
        if payment["location_id"] == place:
            yield from payouts.of_payment(payment)
    for refund in live.store.all("refund"):
        paid = live.store.get("payment", refund["payment_id"])
        if refund["location_id"] == place and paid is not None:
            yield from payouts.of_refund(refund, paid)
    for dispute in live.store.all("dispute"):
        if dispute["location_id"] == place:
            yield from payouts.of_dispute(dispute)


def _of_activity(activity: payouts.Activity) -> tuple[str, str, str]:
    return activity.kind, precise(activity.at), str(sorted(activity.details.items()))


def _of_entry(entry: Doc) -> tuple[str, str, str]:
    details = entry[f"type_{entry['type'].lower()}_details"]
    return entry["type"], entry["effective_at"], str(sorted(details.items()))


# --- bookings ------------------------------------------------------------------------------------------------


def new_booking(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    """At `start_at` (Unix seconds), else tomorrow."""
    number, at = live.next_number(), _at(wanted, now)
    starts = int(wanted.get("start_at", at // SECOND + 86_400)) * SECOND
    rng = SeededRandom(f"{live.shop.seed}:new-booking:{number}")
    made = booking(live.shop, number, (starts, at, at), None, rng)
    made |= {"version": 0, "status": "ACCEPTED", "location_id": _location(live, wanted)}
    live.store.put("booking", made)
    return {"booking_id": made["id"]}, [Notice("booking.created", made)]


def edit_booking(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    """Fields change, the version rises."""
    made = _record(live, "booking", wanted.get("booking_id", "last"))
    return _changed_booking(live, made, wanted.get("fields", {"seller_note": "moved"}), _at(wanted, now))


def cancel_booking(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    """By the `SELLER` or the `CUSTOMER`."""
    made = _record(live, "booking", wanted.get("booking_id", "last"))
    return _changed_booking(live, made, {"status": f"CANCELLED_BY_{wanted.get('by', 'SELLER')}"}, _at(wanted, now))


def _changed_booking(live: LiveShop, made: Doc, fields: Doc, at: int) -> Outcome:
    made |= fields
    made |= {"version": made["version"] + 1, "updated_at": plain(max(at, parsed(made["updated_at"])))}
    live.store.put("booking", made)
    return {"booking_id": made["id"], "version": made["version"]}, [Notice("booking.updated", made)]


# --- catalog and stock ---------------------------------------------------------------------------------------


def edit_catalog(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    """`fields` of an object's data change. Of a variation `touch_item` says whether its item's time moves as well."""
    made, at = _catalog_object(live, wanted), _at(wanted, now)
    data = f"{made['type'].lower()}_data"
    made[data] |= wanted.get("fields", {"name": f"{made[data].get('name', '')} (new)"})
    made |= {"updated_at": shortest(at), "version": at}
    live.store.put("catalog", made)
    if made["type"] == "ITEM_VARIATION":
        _put_into_item(live, made, at if wanted.get("touch_item", True) else None)
    return {"object_id": made["id"]}, [_catalog_changed(at)]


def delete_catalog(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    """A tombstone is left; what is under the object goes with it."""
    made, at = _catalog_object(live, wanted), _at(wanted, now)
    gone = [made, *live.store.children("catalog", made["id"])]
    stone = {"is_deleted": True, "updated_at": shortest(at), "version": at}
    if made["type"] == "ITEM":
        made["item_data"]["variations"] = [each | stone for each in made["item_data"]["variations"]]
    for each in gone:
        live.store.put("catalog", each | stone)
    if made["type"] == "ITEM_VARIATION":
        _take_out_of_item(live, made, at)
    return {"object_id": made["id"], "object_ids": [each["id"] for each in gone]}, [_catalog_changed(at)]


def new_item(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    """An item with one variation, sold everywhere."""
    shop, number, at = live.shop, live.next_number(), _at(wanted, now)
    item_id, key = shop.ids.catalog("item", number), shop.ids.catalog("variation", number)
    price = money(int(wanted.get("price", 1200)), shop.currency)
    data: Doc = {
        "item_id": item_id,
        "name": "Regular",
        "ordinal": 0,
        "pricing_type": "FIXED_PRICING",
        "price_money": price,
    }
    variation = catalog_object(
        "ITEM_VARIATION", key, at, data | {"track_inventory": True, "sellable": True, "stockable": True}
    )
    facts: Doc = {
        "name": str(wanted.get("name", f"Novelty {number}")),
        "variations": [variation],
        "product_type": "REGULAR",
    }
    live.store.put("catalog", catalog_object("ITEM", item_id, at, facts | {"is_taxable": True, "is_archived": False}))
    live.store.put("catalog", variation)
    return {"object_id": item_id, "variation_id": key}, [_catalog_changed(at)]


def _catalog_object(live: LiveShop, wanted: Doc) -> Doc:
    which = wanted.get("object_id", "last")
    if isinstance(which, dict) or which in ("first", "last"):
        kind = str(wanted.get("type", "ITEM"))
        found = live.store.key_at("catalog", which, "state = ? AND deleted = 0", (kind,))
        if found is None:
            raise LookupError(f"no {kind} in this catalog")
        which = found
    made = _record(live, "catalog", which)
    if made["is_deleted"]:
        raise ValueError("the object was deleted")
    return made


def _put_into_item(live: LiveShop, variation: Doc, at: int | None) -> None:
    item = live.store.get("catalog", variation["item_variation_data"]["item_id"])
    if item is None:
        return
    inside = item["item_data"]["variations"]
    item["item_data"]["variations"] = [variation if each["id"] == variation["id"] else each for each in inside]
    if at is not None:
        item |= {"updated_at": shortest(at), "version": at}
    live.store.put("catalog", item)


def _take_out_of_item(live: LiveShop, variation: Doc, at: int) -> None:
    item = live.store.get("catalog", variation["item_variation_data"]["item_id"])
    if item is not None:
        inside = item["item_data"]["variations"]
        item["item_data"]["variations"] = [each for each in inside if each["id"] != variation["id"]]
        live.store.put("catalog", item | {"updated_at": shortest(at), "version": at})


def _catalog_changed(at: int) -> Notice:
    return Notice("catalog.version.updated", {"catalog_version": {"updated_at": shortest(at)}})


def adjust_inventory(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    """Stock moves by `by` pieces, or is counted anew as `quantity`."""
    key = wanted.get("count", "last")
    if "catalog_object_id" in wanted:
        key = f"{wanted['catalog_object_id']}:{_location(live, wanted)}:IN_STOCK"
    elif isinstance(key, dict) or key in ("first", "last"):
        key = live.store.key_at("count", key, "state = 'IN_STOCK'")
    if key is None or live.store.raw("count", key) is None:
        raise LookupError("nothing is counted there")
    at = _at(wanted, now)
    if "quantity" in wanted:
        count = _counted(live, key, hundredths(str(wanted["quantity"])), at)
    else:
        by = hundredths(str(wanted.get("by", -1)))
        count = _move(live, key, by, at, states=("IN_STOCK", "WASTE") if by < 0 else ("NONE", "IN_STOCK"))
    return {"count": key, "quantity": count["quantity"]}, [Notice("inventory.count.updated", count)]


def _counted(live: LiveShop, key: str, quantity: int, at: int) -> Doc:
    catalog_id, place, state = key.split(":")
    told = _change(live, catalog_id, at) | {"state": state, "location_id": place, "quantity": quantity_text(quantity)}
    live.store.put("change", {"type": "PHYSICAL_COUNT", "physical_count": told})
    return _new_count(live, key, quantity, at)


def _move(
    live: LiveShop,
    key: str,
    by: int,
    at: int,
    *,
    states: tuple[str, str],
    order: str | None = None,
    price: Doc | None = None,
) -> Doc:
    catalog_id, place, _ = key.split(":")
    before = _record(live, "count", key)
    told = _change(live, catalog_id, at) | {"from_state": states[0], "to_state": states[1], "to_location_id": place}
    told["quantity"] = quantity_text(abs(by))
    if states[0] != "NONE":
        told["from_location_id"] = place
    if order is not None:
        told |= {"transaction_id": order, "total_price_money": price}
    live.store.put("change", {"type": "ADJUSTMENT", "adjustment": told})
    return _new_count(live, key, hundredths(before["quantity"]) + by, at)


def _new_count(live: LiveShop, key: str, quantity: int, at: int) -> Doc:
    catalog_id, place, state = key.split(":")
    made = count_of(catalog_id, place, state, quantity, at)
    live.store.put("count", made)
    return made


def _change(live: LiveShop, catalog_id: str, at: int) -> Doc:
    return {
        "id": live.shop.ids.change(live.next_number()),
        "catalog_object_id": catalog_id,
        "catalog_object_type": "ITEM_VARIATION",
        "occurred_at": precise(at),
        "created_at": precise(at),
        "team_member_id": live.shop.ids.team_member(0),
    }


# --- people and places ---------------------------------------------------------------------------------------


def new_customer(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    made = people.customer(live.shop, live.next_number(), _at(wanted, now), _at(wanted, now))
    live.store.put("customer", made)
    return {"customer_id": made["id"]}, [Notice("customer.created", made)]


def edit_customer(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    made = _record(live, "customer", wanted.get("customer_id", "last"))
    made |= wanted.get("fields", {"note": "prefers mornings"})
    made |= {"version": made["version"] + 1, "updated_at": precise(_at(wanted, now))}
    live.store.put("customer", made)
    return {"customer_id": made["id"]}, [Notice("customer.updated", made)]


def delete_customer(live: LiveShop, wanted: Doc, _now: int) -> Outcome:
    """Gone from every list: only a webhook tells."""
    made = _record(live, "customer", wanted.get("customer_id", "last"))
    live.store.remove("customer", made["id"])
    return {"customer_id": made["id"]}, [Notice("customer.deleted", made)]


def location_status(live: LiveShop, wanted: Doc, _now: int) -> Outcome:
    """INACTIVE or ACTIVE; nothing tells when that was."""
    made = _record(live, "location", _location(live, wanted, default="last"))
    made["status"] = str(wanted.get("status", "INACTIVE"))
    if made["status"] not in ("ACTIVE", "INACTIVE"):
        raise ValueError("status must be ACTIVE or INACTIVE")
    live.store.put("location", made)
    return {"location_id": made["id"]}, [Notice("location.updated", made)]


def edit_team_member(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    made = _record(live, "team_member", wanted.get("team_member_id", "last"))
    made |= wanted.get("fields", {"status": "INACTIVE"})
    made["updated_at"] = plain(_at(wanted, now))
    live.store.put("team_member", made)
    return {"team_member_id": made["id"]}, [Notice("team_member.updated", made)]


def edit_vendor(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    made = _record(live, "vendor", wanted.get("vendor_id", "last"))
    made |= wanted.get("fields", {"note": "closed in August"})
    made |= {"version": made["version"] + 1, "updated_at": precise(_at(wanted, now))}
    live.store.put("vendor", made)
    return {"vendor_id": made["id"]}, [Notice("vendor.updated", made)]


def earn_points(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    made, at = _record(live, "loyalty_account", wanted.get("account_id", "last")), _at(wanted, now)
    points = int(wanted.get("points", 10))
    made |= {"balance": made["balance"] + points, "lifetime_points": made["lifetime_points"] + max(points, 0)}
    made["updated_at"] = plain(at)
    live.store.put("loyalty_account", made)
    told = {"loyalty_program_id": made["program_id"], "points": points, "reason": "by hand"}
    event: Doc = {
        "id": live.shop.ids.entry(f"points{live.next_number()}"),
        "type": "ADJUST_POINTS",
        "created_at": plain(at),
    }
    event |= {"adjust_points": told, "loyalty_account_id": made["id"], "source": "SQUARE"}
    live.store.put("loyalty_event", event)
    return {"account_id": made["id"]}, [Notice("loyalty.account.updated", made), Notice("loyalty.event.created", event)]


# --- shared --------------------------------------------------------------------------------------------------


def _record(live: LiveShop, kind: str, which: Any) -> Doc:
    """By its id, or "first", "last", {"index": n} in order of creation."""
    key = live.store.key_at(kind, which) if isinstance(which, dict) or which in ("first", "last") else str(which)
    made = live.store.get(kind, key) if key is not None else None
    if made is None:
        raise LookupError(f"no such {kind}: {which}")
    return made


def _location(live: LiveShop, wanted: Doc, default: Any = None) -> str:
    """Its id or its number; the main one by default."""
    places = live.shop.location_ids
    which = wanted.get("location_id", default)
    if which is None or which == "first":
        return live.shop.main_location
    place = (
        places[-1] if which == "last" else places[which] if isinstance(which, int) and which < len(places) else which
    )
    if place not in places:
        raise LookupError(f"no location {which}")
    return str(place)


def _at(wanted: Doc, now: int) -> int:
    return int(float(wanted["at"]) * SECOND) if "at" in wanted else now


MUTATIONS: dict[str, Mutation] = {
    "new_order": new_order,
    "update_order": update_order,
    "processing_fee": processing_fee,
    "refund_order": refund_order,
    "settle_refund": settle_refund,
    "open_dispute": open_dispute,
    "close_dispute": close_dispute,
    "new_payout": new_payout,
    "new_booking": new_booking,
    "edit_booking": edit_booking,
    "cancel_booking": cancel_booking,
    "new_item": new_item,
    "edit_catalog": edit_catalog,
    "delete_catalog": delete_catalog,
    "adjust_inventory": adjust_inventory,
    "new_customer": new_customer,
    "edit_customer": edit_customer,
    "delete_customer": delete_customer,
    "location_status": location_status,
    "edit_team_member": edit_team_member,
    "edit_vendor": edit_vendor,
    "earn_points": earn_points,
}
