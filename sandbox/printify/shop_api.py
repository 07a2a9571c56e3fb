"""Shops, orders and products (sheet section 6.1)."""

from __future__ import annotations

from sandbox.parts.answer import Answer, Doc, ok
from sandbox.printify.answer import Refusal, envelope
from sandbox.printify.world import Call, World


def list_shops(world: World, call: Call) -> Answer:
    """A plain array."""
    return ok([front.describe_to_vendor() for front in world.fronts_of(call.account_id or 0)])


def list_orders(world: World, call: Call) -> Answer:
    shelf, (page, limit, offset) = call.front.shelf, paging(call)
    status, sku = call.query.get("status", ""), call.query.get("sku", "")
    total = shelf.total(status, sku)
    rows = shelf.page(limit=limit, offset=offset, status=status, sku=sku)
    return ok(envelope(rows, page=page, limit=limit, total=total, short=world.settings.envelope == "short"))


def get_order(_world: World, call: Call) -> Answer:
    pos = call.front.shop.ids.order_position(call.ids["order_id"])
    doc = None if pos is None else call.front.shelf.order(pos)
    if doc is None or doc["id"] != call.ids["order_id"]:
        raise Refusal(404, "Not found")
    return ok(doc)


def list_products(world: World, call: Call) -> Answer:
    page, limit, offset = paging(call)
    numbers = call.front.product_numbers()
    rows = [doc for number in numbers[offset : offset + limit] if (doc := call.front.product(number))]
    short = world.settings.envelope == "short"
    return ok(envelope(rows, page=page, limit=limit, total=len(numbers), short=short))


def get_product(_world: World, call: Call) -> Answer:
    return ok(_product(call))


def publish(_world: World, call: Call) -> Answer:
    """Answers and changes nothing; it is there for its limit."""
    _product(call)
    return ok({})


def paging(call: Call) -> tuple[int, int, int]:
    """Page, limit and offset; faults of the page move the offset."""
    page, limit = call.params["page"], call.params["limit"]
    return page, limit, call.params.get("offset", (page - 1) * limit)


def _product(call: Call) -> Doc:
    number = call.front.shop.ids.product_number(call.ids["product_id"])
    doc = None if number is None else call.front.product(number)
    if doc is None:
        raise Refusal(404, "Not found")
    return doc
