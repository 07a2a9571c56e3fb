"""The true records of a shop as they stand now, streamed: what a complete copy must equal.

Records are plain (ids as numbers, times as Unix seconds, amounts as minor units [shop's, buyer's]), so that no
notation of the API hides a mistake of the reader.
"""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.parts.answer import Doc
from sandbox.shopify.front import Front, Variant
from sandbox.shopify.goods import unit_cost, variant_price
from sandbox.shopify.shelf import orders_after

_BATCH = 200
_KEPT = (
    "created",
    "processed",
    "updated",
    "cancelled",
    "closed",
    "cancel_reason",
    "test",
    "edited",
    "source",
    "note",
    "tags",
    "financial",
    "fulfillment",
    "returned",
    "gateway",
    "codes",
    "total",
    "current_total",
    "subtotal",
    "tax",
    "discounts",
    "shipping",
    "tip",
    "received",
    "refunded",
)


def _documents(front: Front, since: int | None) -> Iterator[Doc]:
    """All orders in order of creation, a batch at a time."""
    last = (-1 if since is None else since - 1, 1 << 60)
    while batch := list(orders_after(front.shelf, last, _BATCH)):
        last = batch[-1]
        for _, pos in batch:
            order = front.shelf.order(pos)
            if order:
                yield order


def orders(front: Front, since: int | None) -> Iterator[Doc]:
    ids = front.shop.ids
    for order in _documents(front, since):
        customer = order["customer"]
        yield {
            "id": ids.order(order["pos"]),
            "name": ids.order_name(order["pos"]),
            "number": order["pos"] + 1,
            "currency": front.shop.currency,
            "presentment_currency": order["currency"],
            "customer_id": None if customer is None else ids.customer(customer),
            "lines": len(order["lines"]),
            "transactions": len(order["transactions"]),
            "refunds": len(order["refunds"]),
            "fulfillments": len(order["fulfillments"]),
            **{name: order[name] for name in _KEPT},
        }


def line_items(front: Front, since: int | None) -> Iterator[Doc]:
    ids = front.shop.ids
    for order in _documents(front, since):
        for number, line in enumerate(order["lines"]):
            gone = line["product"] is None
            yield {
                "id": ids.line(order["pos"], number),
                "order_id": ids.order(order["pos"]),
                **line,
                "product_id": None if gone else ids.product(line["product"]),
                "variant_id": None if gone else ids.variant(line["product"], line["variant"]),
            }


def _parts(front: Front, since: int | None, name: str) -> Iterator[tuple[Doc, Doc]]:
    for order in _documents(front, since):
        for part in order[name]:
            yield order, part


def transactions(front: Front, since: int | None) -> Iterator[Doc]:
    ids = front.shop.ids
    for order, each in _parts(front, since, "transactions"):
        parent = each["parent"]
        yield {
            **each,
            "id": ids.part(order["pos"], each["n"]),
            "order_id": ids.order(order["pos"]),
            "gateway": order["gateway"],
            "parent_id": None if parent is None else ids.part(order["pos"], parent),
        }


def refunds(front: Front, since: int | None) -> Iterator[Doc]:
    ids = front.shop.ids
    for order, each in _parts(front, since, "refunds"):
        yield {
            "id": ids.part(order["pos"], each["n"]),
            "order_id": ids.order(order["pos"]),
            "at": each["at"],
            "note": each["note"],
            "amount": each["amount"],
            "shipping": each["shipping"],
            "lines": [{**line, "line_item_id": ids.line(order["pos"], line["line"])} for line in each["lines"]],
        }


def fulfillments(front: Front, since: int | None) -> Iterator[Doc]:
    ids = front.shop.ids
    for order, each in _parts(front, since, "fulfillments"):
        yield {**each, "id": ids.part(order["pos"], each["n"]), "order_id": ids.order(order["pos"])}


def customers(front: Front, _since: int | None) -> Iterator[Doc]:
    last = -1
    sql = (
        "SELECT number, created, updated, orders, spent, edits FROM customers WHERE number > ? ORDER BY number LIMIT ?"
    )
    while batch := front.shelf.rows(sql, (last, _BATCH)):
        last = batch[-1][0]
        for row in batch:
            customer = front.customer_of(row)
            person = customer.person
            yield {
                "id": front.shop.ids.customer(person.number),
                "first_name": person.first,
                "last_name": person.last,
                "email": person.email,
                "phone": person.phone,
                "state": person.state,
                "tags": sorted(person.tags),
                "created": customer.created,
                "updated": customer.updated,
                "orders": customer.orders,
                "spent": customer.spent,
            }


def products(front: Front, _since: int | None) -> Iterator[Doc]:
    for (number,) in front.shelf.rows("SELECT number FROM products ORDER BY number", ()):
        product = front.product(number)
        if product:
            yield {
                "id": front.shop.ids.product(number),
                "title": product.title,
                "handle": product.handle,
                "status": product.status,
                "vendor": product.vendor,
                "product_type": product.product_type,
                "tags": sorted(product.tags),
                "created": product.created,
                "updated": product.updated,
                "published": product.published,
                "variants": len(front.variants(product)),
            }


def _every_variant(front: Front) -> Iterator[Variant]:
    for (number,) in front.shelf.rows("SELECT number FROM products ORDER BY number", ()):
        product = front.product(number)
        if product:
            yield from front.variants(product)


def variants(front: Front, _since: int | None) -> Iterator[Doc]:
    """Prices are in minor units of the shop's currency."""
    ids, currency = front.shop.ids, front.shop.currency
    for variant in _every_variant(front):
        number, variation = variant.product.number, variant.variation
        yield {
            "id": ids.variant(number, variation),
            "product_id": ids.product(number),
            "inventory_item_id": ids.item(number, variation),
            "title": variant.product.variant_title(variation),
            "sku": variant.edits.get("sku", variant.product.sku(variation)),
            "price": variant_price(variant.product, variation, currency),
            "cost": unit_cost(variant.product, variation, currency),
            "position": variation + 1,
            "available": front.available(variant),
            "updated": variant.updated,
        }


def inventory_levels(front: Front, _since: int | None) -> Iterator[Doc]:
    ids = front.shop.ids
    for variant in _every_variant(front):
        for level in front.levels(variant, inactive=False):
            yield {
                "inventory_item_id": ids.item(variant.product.number, variant.variation),
                "location_id": ids.location(level.place.number),
                "available": front.quantity(variant, level.place),
                "updated": variant.item_updated,
            }


TRUTHS = {
    truth.__name__: truth
    for truth in (
        orders,
        line_items,
        transactions,
        refunds,
        fulfillments,
        customers,
        products,
        variants,
        inventory_levels,
    )
}
