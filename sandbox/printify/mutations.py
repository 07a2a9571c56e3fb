"""Changes to a shop while someone reads it: now, or around requests (docs/sandbox-printify.md, Mutations)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.parts.responses import Doc
from sandbox.printify.catalog import PROVIDERS
from sandbox.printify.live_shop import LiveShop
from sandbox.printify.order_rendering import render_order
from sandbox.printify.orders import STATUSES, Row
from sandbox.printify.product_rendering import render_product
from sandbox.printify.timestamps import timestamp
from sandbox.printify.webhooks import Webhooks


@dataclass(frozen=True, kw_only=True)
class Change:
    """One mutation on its way: the shop, what is wanted, when, chance, and who is told."""

    live_shop: LiveShop
    wanted: Doc
    at: int
    chance: random.Random
    webhooks: Webhooks
    cost_is: str

    @property
    def shop_id(self) -> int:
        return self.live_shop.shop.ids.shop

    def emit_order(self, topic: str, doc: Doc, **data: Any) -> None:
        self.webhooks.emit(self.shop_id, topic, doc["id"], {"shop_id": self.shop_id, **data})

    def emit_product(self, topic: str, product_id: str) -> None:
        self.webhooks.emit(self.shop_id, topic, product_id, {"shop_id": self.shop_id})


def new_order(change: Change) -> Doc:
    """Orders placed now, or at `at`: with the reference, the cost and the status that are asked for."""
    wanted, store = change.wanted, change.live_shop.store
    made = []
    for _ in range(int(wanted.get("count", 1))):
        row = Row(store.next_position(), change.at, str(wanted.get("status", "pending")), "sample")
        doc = render_order(change.live_shop.shop, row, cost_is=change.cost_is)
        doc["metadata"] = {"order_type": wanted.get("order_type", "external"), **_reference(wanted)}
        _priced(doc, wanted)
        store.put(row, doc)
        change.emit_order("order:created", doc)
        made.append(doc["id"])
    return {"order_ids": made, "order_id": made[-1] if made else None}


def update_order(change: Change) -> Doc:
    """Fields change. There is no `updated_at` that could move."""
    row, doc = _order(change)
    doc.update(change.wanted.get("fields", {}))
    return _put(change, row, doc)


def set_reference(change: Change) -> Doc:
    """`shop_order_id` and `shop_order_label` are replaced by those given; what is not given, goes."""
    row, doc = _order(change)
    kept = {name: value for name, value in doc["metadata"].items() if name not in ("shop_order_id", "shop_order_label")}
    doc["metadata"] = {**kept, **_reference(change.wanted)}
    return _put(change, row, doc)


def set_cost(change: Change) -> Doc:
    """`cost` and `shipping_cost` of one line that is not canceled (`line`, 0) become known, or change."""
    row, doc = _order(change)
    line = _line(doc, change.wanted)
    for name in ("cost", "shipping_cost"):
        if name in change.wanted:
            line[name] = int(change.wanted[name])
    return _put(change, row, _summed(doc))


def reroute(change: Change) -> Doc:
    """A line is canceled and another printer's stands beside it, at `cost` where it is given."""
    row, doc = _order(change)
    line = _line(doc, change.wanted)
    other = next(p for p in PROVIDERS if p.number != line["print_provider_id"])
    again = {**line, "print_provider_id": other.number, "cost": int(change.wanted.get("cost", line["cost"] + 50))}
    if "id" in line:
        again["id"] = f"{int(line['id'], 16) ^ 1:024x}"
    line["status"] = "canceled"
    doc["line_items"].append(again)
    return _put(change, row, _summed(doc))


def cancel(change: Change) -> Doc:
    """Totals and costs become zero, as the docs' sample has it."""
    row, doc = _order(change)
    doc["status"] = "canceled"
    for line in doc["line_items"]:
        line |= {"status": "canceled", "cost": 0, "shipping_cost": 0}
    return _put(change, row, doc | {"total_price": 0, "total_shipping": 0, "total_tax": 0})


def send_to_production(change: Change) -> Doc:
    row, doc = _order(change)
    doc |= {"status": "in-production", "sent_to_production_at": timestamp(change.at)}
    for line in _live(doc):
        line |= {"status": "in-production", "sent_to_production_at": timestamp(change.at)}
    change.emit_order("order:sent-to-production", doc)
    return _put(change, row, doc)


def ship(change: Change) -> Doc:
    row, doc = _order(change)
    number = f"9400{row.pos:018d}"
    url = f"https://tools.example.com/{number}"
    parcel = {"carrier": "usps", "number": number, "url": url, "delivered_at": None}
    doc |= {"status": "fulfilled", "fulfilled_at": timestamp(change.at), "shipments": [parcel]}
    for line in _live(doc):
        line |= {"status": "fulfilled", "fulfilled_at": timestamp(change.at)}
    change.emit_order("order:shipment:created", doc, shipped_at=timestamp(change.at), **_carrier(doc))
    return _put(change, row, doc)


def deliver(change: Change) -> Doc:
    row, doc = _order(change)
    if not doc.get("shipments"):
        raise ValueError(f"order {doc['id']} has not been shipped")
    for parcel in doc["shipments"]:
        parcel["delivered_at"] = timestamp(change.at)
    change.emit_order("order:shipment:delivered", doc, delivered_at=timestamp(change.at), **_carrier(doc))
    return _put(change, row, doc)


def reprint(change: Change) -> Doc:
    """A new order repeats this one's first live line, at `cost` (0); with `reference` false it names only the first."""
    row, doc = _order(change)
    fresh = Row(change.live_shop.store.next_position(), change.at, "in-production", "reprint", row.ref, first=row.pos)
    new_id = change.live_shop.shop.ids.order(fresh.pos)
    line = {**_line(doc, change.wanted), "status": "in-production", "shipping_cost": 0}
    line["cost"] = int(change.wanted.get("cost", 0))
    line.pop("id", None)
    reference = _reference(doc["metadata"]) if change.wanted.get("reference", True) else {}
    about = {"order_type": doc["metadata"]["order_type"], **reference, "is_reprint": True}
    about |= {"reprinted_order_ids": [doc["id"]], "child_reprinted_order_ids": []}
    again = {**doc, "id": new_id, "line_items": [line], "metadata": about, "created_at": timestamp(change.at)}
    again |= {"status": "in-production", "shipments": []}
    change.live_shop.store.put(fresh, _summed(again))
    change.emit_order("order:created", again)
    doc["metadata"]["child_reprinted_order_ids"] = [new_id]
    _put(change, row, doc)
    return {"order_id": new_id, "original_id": doc["id"]}


def remove_order(change: Change) -> Doc:
    row, doc = _order(change)
    change.live_shop.store.remove(row.pos)
    return {"order_id": doc["id"]}


def new_product(change: Change) -> Doc:
    live_shop = change.live_shop
    doc = render_product(live_shop.shop, live_shop.shop.products[0])
    doc |= {"title": change.wanted.get("title", "New mug"), "created_at": timestamp(change.at)}
    doc |= {"updated_at": timestamp(change.at), "external": None}
    number = live_shop.add_product(change.at, doc)
    product_id = live_shop.shop.ids.product(number)
    change.emit_product("product:created", product_id)
    return {"product_id": product_id}


def edit_product(change: Change) -> Doc:
    number, product_id = _product(change)
    change.live_shop.edit_product(number, {**change.wanted.get("fields", {}), "updated_at": timestamp(change.at)})
    change.emit_product("product:updated", product_id)
    return {"product_id": product_id}


def remove_product(change: Change) -> Doc:
    """Gone at once: every product behind it moves forward, and a walk skips one."""
    number, product_id = _product(change)
    change.live_shop.remove_product(number)
    change.emit_product("product:deleted", product_id)
    return {"product_id": product_id}


def disconnect(change: Change) -> Doc:
    """The channel is unlinked. Old orders stay readable."""
    change.live_shop.disconnected = True
    change.webhooks.emit(change.shop_id, "shop:disconnected", change.shop_id, None)
    return {"shop_id": change.shop_id}


MUTATIONS: dict[str, Callable[[Change], Doc]] = {
    mutation.__name__: mutation
    for mutation in (
        new_order,
        update_order,
        set_reference,
        set_cost,
        reroute,
        cancel,
        send_to_production,
        ship,
        deliver,
        reprint,
        remove_order,
        new_product,
        edit_product,
        remove_product,
        disconnect,
    )
}


# --- helpers --------------------------------------------------------------------------------------------


def _order(change: Change) -> tuple[Row, Doc]:
    """Row and record of the order that is meant."""
    which, store = change.wanted.get("order_id"), change.live_shop.store
    pos: int | None = None
    if which in ("first", "last"):
        pos = store.at(0 if which == "first" else -1)
    elif which == "random":
        pos = store.at(change.chance.randrange(max(store.total(), 1)))
    elif isinstance(which, dict):
        pos = store.at(int(which["index"]))
    elif isinstance(which, str):
        pos = change.live_shop.shop.ids.order_position(which)
    row = None if pos is None else store.row(pos)
    doc = None if pos is None else store.order(pos)
    if row is None or doc is None:
        raise ValueError(f"no order {which} in this shop")
    return row, doc


def _product(change: Change) -> tuple[int, str]:
    which, numbers, ids = change.wanted.get("product_id"), change.live_shop.product_numbers(), change.live_shop.shop.ids
    number: int | None = None
    if which == "random" and numbers:
        number = change.chance.choice(numbers)
    elif which in ("first", "last") and numbers:
        number = numbers[-1 if which == "first" else 0]
    elif isinstance(which, dict):
        number = numbers[::-1][int(which["index"])]
    elif isinstance(which, str):
        number = ids.product_number(which)
    if number not in numbers or number is None:
        raise ValueError(f"no product {which} in this shop")
    return number, ids.product(number)


def _put(change: Change, row: Row, doc: Doc) -> Doc:
    status = doc["status"] if doc["status"] in STATUSES else row.status
    change.live_shop.store.put(row._replace(status=status), doc)
    change.emit_order("order:updated", doc, status=doc["status"])
    return {"order_id": doc["id"]}


def _reference(wanted: Doc) -> Doc:
    """The keys that are given; null leaves a key out."""
    names = ("shop_order_id", "shop_order_label")
    return {name: wanted[name] for name in names if wanted.get(name) is not None}


def _live(doc: Doc) -> list[Doc]:
    return [line for line in doc["line_items"] if line["status"] != "canceled"]


def _line(doc: Doc, wanted: Doc) -> Doc:
    lines, number = _live(doc), int(wanted.get("line", 0))
    if not 0 <= number < len(lines):
        raise ValueError(f"order {doc['id']} has {len(lines)} lines that are not canceled")
    return lines[number]


def _priced(doc: Doc, wanted: Doc) -> None:
    for line in doc["line_items"]:
        for name in ("quantity", "cost", "shipping_cost"):
            if name in wanted:
                line[name] = int(wanted[name])
    _summed(doc)


def _summed(doc: Doc) -> Doc:
    live = _live(doc)
    doc["total_price"] = sum(line["metadata"]["price"] * line["quantity"] for line in live)
    doc["total_shipping"] = sum(line["shipping_cost"] for line in live)
    return doc


def _carrier(doc: Doc) -> Doc:
    parcel = doc["shipments"][0]
    carrier = {"code": parcel["carrier"], "tracking_number": parcel["number"], "tracking_url": parcel["url"]}
    return {"carrier": carrier, "skus": [line["metadata"]["sku"] for line in _live(doc)]}
