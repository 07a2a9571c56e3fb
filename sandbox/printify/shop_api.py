"""Shops, orders and products (sheet section 6.1)."""

from __future__ import annotations

from sandbox.parts.responses import Doc, HttpResponse, ok
from sandbox.printify.responses import PrintifyError, envelope
from sandbox.printify.world import Call, World


def list_shops(world: World, call: Call) -> HttpResponse:
    """A plain array."""
    return ok([live_shop.shop_doc() for live_shop in world.live_shops_of(call.account_id or 0)])


def list_orders(world: World, call: Call) -> HttpResponse:
    store, (page, limit, offset) = call.live_shop.store, paging(call)
    status, sku = call.query.get("status", ""), call.query.get("sku", "")
    total = store.total(status, sku)
    rows = store.page(limit=limit, offset=offset, status=status, sku=sku)
    return ok(envelope(rows, page=page, limit=limit, total=total, short=world.settings.envelope == "short"))


def get_order(_world: World, call: Call) -> HttpResponse:
    pos = call.live_shop.shop.ids.order_position(call.ids["order_id"])
    doc = None if pos is None else call.live_shop.store.order(pos)
    if doc is None or doc["id"] != call.ids["order_id"]:
        raise PrintifyError(404, "Not found")
    return ok(doc)


def list_products(world: World, call: Call) -> HttpResponse:
    page, limit, offset = paging(call)
    numbers = call.live_shop.product_numbers()
    rows = [doc for number in numbers[offset : offset + limit] if (doc := call.live_shop.product(number))]
    short = world.settings.envelope == "short"
    return ok(envelope(rows, page=page, limit=limit, total=len(numbers), short=short))


def get_product(_world: World, call: Call) -> HttpResponse:
    return ok(_product(call))


def publish(_world: World, call: Call) -> HttpResponse:
    """Answers and changes nothing; it is there for its limit."""
    _product(call)
    return ok({})


def paging(call: Call) -> tuple[int, int, int]:
    """Page, limit and offset; faults of the page move the offset."""
    page, limit = call.params["page"], call.params["limit"]
    return page, limit, call.params.get("offset", (page - 1) * limit)


def _product(call: Call) -> Doc:
    number = call.live_shop.shop.ids.product_number(call.ids["product_id"])
    doc = None if number is None else call.live_shop.product(number)
    if doc is None:
        raise PrintifyError(404, "Not found")
    return doc
