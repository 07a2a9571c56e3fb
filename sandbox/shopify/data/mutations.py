"""Changes to a shop while someone reads it: now, or after so many requests (docs/sandbox-shopify.md, Mutations)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.parts.responses import Doc
from sandbox.parts.seeded_random import SeededRandom
from sandbox.shopify.data import order_histories
from sandbox.shopify.data.ids import parse_gid
from sandbox.shopify.data.live_shop import LiveShop
from sandbox.shopify.data.money import Pair, converted
from sandbox.shopify.data.orders import make_order
from sandbox.shopify.data.products import STATUSES

_EDITABLE = ("note", "tags", "test", "source")


def new_order(live_shop: LiveShop, wanted: Doc, now: int) -> Doc:
    """Orders placed now, or at `at`; `lines`: how many lines each has; `tip` in minor units; or with a `gift_card`."""
    made = []
    more = {"lines": wanted.get("lines"), "paid": wanted.get("paid", True)}
    more |= {"tip": int(wanted.get("tip", 0)), "gift_card": bool(wanted.get("gift_card"))}
    for _ in range(wanted.get("count", 1)):
        pos = live_shop.store.next_position()
        order = make_order(live_shop.shop, pos, at=int(wanted.get("at", now)), **more)
        live_shop.store.put(order)
        made.append(live_shop.shop.ids.order(pos))
    return {"order_ids": made, "order_id": made[-1] if made else None}


def update_order(live_shop: LiveShop, wanted: Doc, now: int) -> Doc:
    """`fields`: note, tags, test, source; `updatedAt` moves."""
    order, at = _order(live_shop, wanted), int(wanted.get("at", now))
    fields = wanted.get("fields", {})
    if unknown := set(fields) - set(_EDITABLE):
        raise ValueError(f"unknown field {', '.join(sorted(unknown))}; known: {', '.join(_EDITABLE)}")
    order.update(fields)
    return _touched(live_shop, order, at)


def refund_order(live_shop: LiveShop, wanted: Doc, now: int) -> Doc:
    """All that is left; an `amount` (minor units) without goods; `lines`: [[number, quantity], …], less a `fee` for the
    return; or, with `shipping`, what is left of the shipping.
    """
    order, at = _order(live_shop, wanted), int(wanted.get("at", now))
    left, note = order_histories.left_to_refund(order), wanted.get("note")
    if not left.shop:
        raise ValueError(f"order {live_shop.shop.ids.order(order['pos'])} has nothing left to refund")
    if "amount" in wanted:
        own = min(int(wanted["amount"]), left.shop)
        order_histories.refund_amount(order, at, _pair(live_shop, order, own), note=note)
    elif wanted.get("shipping"):
        order_histories.refund_shipping(order, at, note=note)
    elif "lines" in wanted:
        lines = [(int(line), int(quantity)) for line, quantity in wanted["lines"]]
        kept = _pair(live_shop, order, int(wanted.get("fee", 0)))
        is_return = any(kept)
        order_histories.refund(
            live_shop.shop, order, at, lines, note=note, restock="RETURN", fee_of=kept, is_return=is_return
        )
    else:
        order_histories.refund_all(live_shop.shop, order, at, note=note, restock="RETURN")
    return _touched(live_shop, order, at)


def cancel_order(live_shop: LiveShop, wanted: Doc, now: int) -> Doc:
    order, at = _order(live_shop, wanted), int(wanted.get("at", now))
    if order_histories.left_to_refund(order).shop:
        order_histories.refund_all(live_shop.shop, order, at, note=None, restock="CANCEL")
    order_histories.cancel(order, at, wanted.get("reason", "CUSTOMER"))
    return _touched(live_shop, order, at)


def fulfill_order(live_shop: LiveShop, wanted: Doc, now: int) -> Doc:
    order, at = _order(live_shop, wanted), int(wanted.get("at", now))
    order_histories.fulfill(
        order, SeededRandom(f"{live_shop.shop.seed}:fulfill:{order['pos']}"), at, part=bool(wanted.get("part"))
    )
    return _touched(live_shop, order, at)


def pay_order(live_shop: LiveShop, wanted: Doc, now: int) -> Doc:
    order, at = _order(live_shop, wanted), int(wanted.get("at", now))
    if order["financial"] not in ("PENDING", "AUTHORIZED", "PARTIALLY_PAID"):
        raise ValueError(f"order {live_shop.shop.ids.order(order['pos'])} is {order['financial']}")
    rest = Pair(*order["total"]) - Pair(*order["received"])
    order_histories.transaction(order, "SALE", "SUCCESS", at, rest)
    return _touched(live_shop, order, at)


def edit_order(live_shop: LiveShop, wanted: Doc, now: int) -> Doc:
    """`lines`: [[number, pieces that are left], …]."""
    order, at = _order(live_shop, wanted), int(wanted.get("at", now))
    order_histories.edit(order, at, [[int(line), int(left)] for line, left in wanted["lines"]])
    return _touched(live_shop, order, at)


def exchange_order(live_shop: LiveShop, wanted: Doc, now: int) -> Doc:
    """A piece of line `line` (0) for one of its like."""
    order, at = _order(live_shop, wanted), int(wanted.get("at", now))
    order_histories.exchange(live_shop.shop, order, at, int(wanted.get("line", 0)))
    return _touched(live_shop, order, at)


def dispute_order(live_shop: LiveShop, wanted: Doc, now: int) -> Doc:
    """Open one (`as`: CHARGEBACK, INQUIRY), or with `status` say how the last one stands: WON, LOST, …"""
    order, at = _order(live_shop, wanted), int(wanted.get("at", now))
    found = order["disputes"][-1] if order["disputes"] and "status" in wanted else None
    found = found or order_histories.dispute(order, at, str(wanted.get("as", "CHARGEBACK")))
    found |= {"status": str(wanted.get("status", found["status"])), "decided": at}
    return _touched(live_shop, order, at)


def set_cost(live_shop: LiveShop, wanted: Doc, now: int) -> Doc:
    """`product_id`, `variation` (0), `cost` (minor units, or null): what a piece costs the seller from now on."""
    number, at = _product(live_shop, wanted), int(wanted.get("at", now))
    place = number * 4096 + int(wanted.get("variation", 0))
    live_shop.store.edit("variants", "place", place, {"cost": wanted["cost"]})
    live_shop.store.db.execute("UPDATE variants SET item_updated = ? WHERE place = ?", (at, place))
    return {"inventory_item_id": live_shop.shop.ids.item(number, place % 4096)}


def set_zone(live_shop: LiveShop, wanted: Doc, _now: int) -> Doc:
    """`zone`: the shop's time zone from now on, by its IANA name."""
    live_shop.shop.zone = str(ZoneInfo(str(wanted["zone"])).key)
    return {"zone": live_shop.shop.zone}


def close_order(live_shop: LiveShop, wanted: Doc, now: int) -> Doc:
    order, at = _order(live_shop, wanted), int(wanted.get("at", now))
    order["closed"] = at
    return _touched(live_shop, order, at)


def remove_order(live_shop: LiveShop, wanted: Doc, _now: int) -> Doc:
    """Gone, without a trace in any list."""
    order = _order(live_shop, wanted)
    live_shop.store.remove(order["pos"])
    return {"order_id": live_shop.shop.ids.order(order["pos"])}


def edit_product(live_shop: LiveShop, wanted: Doc, now: int) -> Doc:
    """`fields`: title, vendor, status, product_type; the product's and its variants' `updatedAt` move."""
    number, at = _product(live_shop, wanted), int(wanted.get("at", now))
    fields = {name: str(value) for name, value in wanted.get("fields", {}).items()}
    if unknown := set(fields) - {"title", "vendor", "status", "product_type"}:
        raise ValueError(f"unknown field {', '.join(sorted(unknown))}; known: title, vendor, status, product_type")
    if fields.get("status", "ACTIVE") not in STATUSES:
        raise ValueError(f"status must be one of {', '.join(STATUSES)}")
    live_shop.store.edit("products", "number", number, fields)
    sets = ", ".join(f"{name} = ?" for name in fields)
    live_shop.store.db.execute(
        f"UPDATE products SET updated = ?{', ' if sets else ''}{sets} WHERE number = ?",  # noqa: S608 - checked names
        (at, *fields.values(), number),
    )
    return {"product_id": live_shop.shop.ids.product(number), "updated": at}


def remove_product(live_shop: LiveShop, wanted: Doc, _now: int) -> Doc:
    number = _product(live_shop, wanted)
    live_shop.store.version += 1
    live_shop.store.db.execute("DELETE FROM products WHERE number = ?", (number,))
    live_shop.store.db.execute("DELETE FROM variants WHERE product = ?", (number,))
    return {"product_id": live_shop.shop.ids.product(number)}


def set_stock(live_shop: LiveShop, wanted: Doc, now: int) -> Doc:
    """`product_id`, `variation` (0), `location` (0), `quantity`: what is available there now."""
    number, at = _product(live_shop, wanted), int(wanted.get("at", now))
    place = number * 4096 + int(wanted.get("variation", 0))
    live_shop.store.version += 1
    values = (place, int(wanted.get("location", 0)), int(wanted["quantity"]), at)
    live_shop.store.db.execute("INSERT OR REPLACE INTO stock VALUES (?, ?, ?, ?)", values)
    live_shop.store.db.execute("UPDATE variants SET item_updated = ? WHERE place = ?", (at, place))
    return {"inventory_item_id": live_shop.shop.ids.item(number, place % 4096)}


def edit_customer(live_shop: LiveShop, wanted: Doc, now: int) -> Doc:
    """`fields`: first, last, email, phone, note, state; `updatedAt` moves."""
    customer_id, at = int(wanted["customer_id"]), int(wanted.get("at", now))
    number = live_shop.shop.ids.customer_number(customer_id)
    if live_shop.customer(number) is None:
        raise ValueError(f"no customer {customer_id} in this shop")
    fields = wanted.get("fields", {})
    if unknown := set(fields) - {"first", "last", "email", "phone", "note", "state"}:
        raise ValueError(f"unknown field {', '.join(sorted(unknown))}; known: first, last, email, phone, note, state")
    live_shop.store.edit("customers", "number", number, fields)
    live_shop.store.db.execute("UPDATE customers SET updated = ? WHERE number = ?", (at, number))
    return {"customer_id": customer_id, "updated": at}


def remove_customer(live_shop: LiveShop, wanted: Doc, _now: int) -> Doc:
    customer_id = int(wanted["customer_id"])
    live_shop.store.version += 1
    number = live_shop.shop.ids.customer_number(customer_id)
    live_shop.store.db.execute("DELETE FROM customers WHERE number = ?", (number,))
    return {"customer_id": customer_id}


Mutate = Callable[[LiveShop, Doc, int], Doc]
MUTATIONS: dict[str, Mutate] = {
    change.__name__: change
    for change in (
        new_order,
        update_order,
        refund_order,
        cancel_order,
        fulfill_order,
        pay_order,
        edit_order,
        exchange_order,
        dispute_order,
        set_cost,
        set_zone,
        close_order,
        remove_order,
        edit_product,
        remove_product,
        remove_customer,
        set_stock,
        edit_customer,
    )
}


# --- helpers --------------------------------------------------------------------------------------------


def _pair(live_shop: LiveShop, order: Doc, own: int) -> Pair:
    return Pair(own, converted(own, live_shop.shop.currency, order["currency"]))


def _touched(live_shop: LiveShop, order: Doc, at: int) -> Doc:
    order["touched"] = at
    order_histories.recompute(live_shop.shop, order)
    live_shop.store.put(order)
    return {"order_id": live_shop.shop.ids.order(order["pos"]), "updated": order["updated"]}


def _order(live_shop: LiveShop, wanted: Doc) -> Doc:
    """`order_id` is a number, a gid, "first", "last", or {"index": n} in order of creation."""
    which: Any = wanted.get("order_id")
    pos: int | None
    if which in ("first", "last") or isinstance(which, dict):
        pos = live_shop.store.position_of("orders", which)
    else:
        found = parse_gid(which)
        number = found[1] if found else which
        pos = live_shop.shop.ids.order_position(number) if isinstance(number, int) else None
    order = None if pos is None else live_shop.store.order(pos)
    if order is None:
        raise ValueError(f"no order {which} in this shop")
    return order


def _product(live_shop: LiveShop, wanted: Doc) -> int:
    which: Any = wanted.get("product_id")
    if which in ("first", "last"):
        way = "DESC" if which == "last" else "ASC"
        rows = live_shop.store.rows(f"SELECT number FROM products ORDER BY number {way} LIMIT 1", ())  # noqa: S608 - our words
        number = rows[0][0] if rows else None
    else:
        found = parse_gid(which)
        number = live_shop.shop.ids.product_number(found[1] if found else int(which or 0))
    if number is None or live_shop.product(number) is None:
        raise ValueError(f"no product {which} in this shop")
    return int(number)
