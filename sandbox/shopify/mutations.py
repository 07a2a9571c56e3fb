"""Changes to a shop while someone reads it: now, or after so many requests (docs/sandbox-shopify.md, Mutations)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.parts.answer import Doc
from sandbox.parts.dice import Dice
from sandbox.shopify import fates
from sandbox.shopify.front import Front
from sandbox.shopify.goods import STATUSES
from sandbox.shopify.ids import parse_gid
from sandbox.shopify.money import Pair, converted
from sandbox.shopify.orders import make_order

_EDITABLE = ("note", "tags", "test", "source")


def new_order(front: Front, wanted: Doc, now: int) -> Doc:
    """Orders placed now, or at `at`; `lines` says how many lines each has."""
    made = []
    for _ in range(wanted.get("count", 1)):
        pos = front.shelf.next_position()
        order = make_order(
            front.shop, pos, at=int(wanted.get("at", now)), lines=wanted.get("lines"), paid=wanted.get("paid", True)
        )
        front.shelf.put(order)
        made.append(front.shop.ids.order(pos))
    return {"order_ids": made, "order_id": made[-1] if made else None}


def update_order(front: Front, wanted: Doc, now: int) -> Doc:
    """`fields`: note, tags, test, source; `updatedAt` moves."""
    order, at = _order(front, wanted), int(wanted.get("at", now))
    fields = wanted.get("fields", {})
    if unknown := set(fields) - set(_EDITABLE):
        raise ValueError(f"unknown field {', '.join(sorted(unknown))}; known: {', '.join(_EDITABLE)}")
    order.update(fields)
    return _touched(front, order, at)


def refund_order(front: Front, wanted: Doc, now: int) -> Doc:
    """All that is left, an `amount` (minor units) without goods, or `lines`: [[number, quantity], …]."""
    order, at = _order(front, wanted), int(wanted.get("at", now))
    left, note = fates.left_to_refund(order), wanted.get("note")
    if not left.shop:
        raise ValueError(f"order {front.shop.ids.order(order['pos'])} has nothing left to refund")
    if "amount" in wanted:
        own = min(int(wanted["amount"]), left.shop)
        fates.refund_amount(order, at, Pair(own, converted(own, front.shop.currency, order["currency"])), note=note)
    elif "lines" in wanted:
        lines = [(int(line), int(quantity)) for line, quantity in wanted["lines"]]
        fates.refund(front.shop, order, at, lines, note=note, restock="RETURN")
    else:
        fates.give_back_all(front.shop, order, at, note=note, restock="RETURN")
    return _touched(front, order, at)


def cancel_order(front: Front, wanted: Doc, now: int) -> Doc:
    order, at = _order(front, wanted), int(wanted.get("at", now))
    if fates.left_to_refund(order).shop:
        fates.give_back_all(front.shop, order, at, note=None, restock="CANCEL")
    fates.cancel(order, at, wanted.get("reason", "CUSTOMER"))
    return _touched(front, order, at)


def fulfill_order(front: Front, wanted: Doc, now: int) -> Doc:
    order, at = _order(front, wanted), int(wanted.get("at", now))
    fates.fulfill(order, Dice(f"{front.shop.seed}:fulfill:{order['pos']}"), at, part=bool(wanted.get("part")))
    return _touched(front, order, at)


def pay_order(front: Front, wanted: Doc, now: int) -> Doc:
    order, at = _order(front, wanted), int(wanted.get("at", now))
    if order["financial"] not in ("PENDING", "AUTHORIZED", "PARTIALLY_PAID"):
        raise ValueError(f"order {front.shop.ids.order(order['pos'])} is {order['financial']}")
    rest = Pair(*order["total"]) - Pair(*order["received"])
    fates.transaction(order, "SALE", "SUCCESS", at, rest)
    return _touched(front, order, at)


def close_order(front: Front, wanted: Doc, now: int) -> Doc:
    order, at = _order(front, wanted), int(wanted.get("at", now))
    order["closed"] = at
    return _touched(front, order, at)


def remove_order(front: Front, wanted: Doc, _now: int) -> Doc:
    """Gone, without a trace in any list."""
    order = _order(front, wanted)
    front.shelf.remove(order["pos"])
    return {"order_id": front.shop.ids.order(order["pos"])}


def edit_product(front: Front, wanted: Doc, now: int) -> Doc:
    """`fields`: title, vendor, status, product_type; the product's and its variants' `updatedAt` move."""
    number, at = _product(front, wanted), int(wanted.get("at", now))
    fields = {name: str(value) for name, value in wanted.get("fields", {}).items()}
    if unknown := set(fields) - {"title", "vendor", "status", "product_type"}:
        raise ValueError(f"unknown field {', '.join(sorted(unknown))}; known: title, vendor, status, product_type")
    if fields.get("status", "ACTIVE") not in STATUSES:
        raise ValueError(f"status must be one of {', '.join(STATUSES)}")
    front.shelf.edit("products", "number", number, fields)
    sets = ", ".join(f"{name} = ?" for name in fields)
    front.shelf.db.execute(
        f"UPDATE products SET updated = ?{', ' if sets else ''}{sets} WHERE number = ?",  # noqa: S608 - checked names
        (at, *fields.values(), number),
    )
    return {"product_id": front.shop.ids.product(number), "updated": at}


def remove_product(front: Front, wanted: Doc, _now: int) -> Doc:
    number = _product(front, wanted)
    front.shelf.version += 1
    front.shelf.db.execute("DELETE FROM products WHERE number = ?", (number,))
    front.shelf.db.execute("DELETE FROM variants WHERE product = ?", (number,))
    return {"product_id": front.shop.ids.product(number)}


def set_stock(front: Front, wanted: Doc, now: int) -> Doc:
    """`product_id`, `variation` (0), `location` (0), `quantity`: what is available there now."""
    number, at = _product(front, wanted), int(wanted.get("at", now))
    place = number * 4096 + int(wanted.get("variation", 0))
    front.shelf.version += 1
    values = (place, int(wanted.get("location", 0)), int(wanted["quantity"]), at)
    front.shelf.db.execute("INSERT OR REPLACE INTO stock VALUES (?, ?, ?, ?)", values)
    front.shelf.db.execute("UPDATE variants SET item_updated = ? WHERE place = ?", (at, place))
    return {"inventory_item_id": front.shop.ids.item(number, place % 4096)}


def edit_customer(front: Front, wanted: Doc, now: int) -> Doc:
    """`fields`: first, last, email, phone, note, state; `updatedAt` moves."""
    customer_id, at = int(wanted["customer_id"]), int(wanted.get("at", now))
    number = front.shop.ids.customer_number(customer_id)
    if front.customer(number) is None:
        raise ValueError(f"no customer {customer_id} in this shop")
    fields = wanted.get("fields", {})
    if unknown := set(fields) - {"first", "last", "email", "phone", "note", "state"}:
        raise ValueError(f"unknown field {', '.join(sorted(unknown))}; known: first, last, email, phone, note, state")
    front.shelf.edit("customers", "number", number, fields)
    front.shelf.db.execute("UPDATE customers SET updated = ? WHERE number = ?", (at, number))
    return {"customer_id": customer_id, "updated": at}


Mutate = Callable[[Front, Doc, int], Doc]
MUTATIONS: dict[str, Mutate] = {
    change.__name__: change
    for change in (
        new_order,
        update_order,
        refund_order,
        cancel_order,
        fulfill_order,
        pay_order,
        close_order,
        remove_order,
        edit_product,
        remove_product,
        set_stock,
        edit_customer,
    )
}


# --- helpers --------------------------------------------------------------------------------------------


def _touched(front: Front, order: Doc, at: int) -> Doc:
    order["touched"] = at
    fates.settle(front.shop, order)
    front.shelf.put(order)
    return {"order_id": front.shop.ids.order(order["pos"]), "updated": order["updated"]}


def _order(front: Front, wanted: Doc) -> Doc:
    """`order_id` is a number, a gid, "first", "last", or {"index": n} in order of creation."""
    which: Any = wanted.get("order_id")
    pos: int | None
    if which in ("first", "last") or isinstance(which, dict):
        way = "DESC" if which == "last" else "ASC"
        offset = int(which["index"]) if isinstance(which, dict) else 0
        sql = f"SELECT pos FROM orders ORDER BY created {way}, pos {way} LIMIT 1 OFFSET ?"  # noqa: S608 - our own words
        rows = front.shelf.rows(sql, (offset,))
        pos = rows[0][0] if rows else None
    else:
        found = parse_gid(which)
        number = found[1] if found else which
        pos = front.shop.ids.order_position(number) if isinstance(number, int) else None
    order = None if pos is None else front.shelf.order(pos)
    if order is None:
        raise ValueError(f"no order {which} in this shop")
    return order


def _product(front: Front, wanted: Doc) -> int:
    which: Any = wanted.get("product_id")
    if which in ("first", "last"):
        way = "DESC" if which == "last" else "ASC"
        rows = front.shelf.rows(f"SELECT number FROM products ORDER BY number {way} LIMIT 1", ())  # noqa: S608 - our words
        number = rows[0][0] if rows else None
    else:
        found = parse_gid(which)
        number = front.shop.ids.product_number(found[1] if found else int(which or 0))
    if number is None or front.product(number) is None:
        raise ValueError(f"no product {which} in this shop")
    return int(number)
