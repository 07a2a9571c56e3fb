"""The true records of a shop as they stand now, streamed: what a complete copy must equal.

Records are plain (ids as numbers, times as Unix seconds, amounts as minor units [shop's, buyer's]), so that no
notation of the API hides a mistake of the reader.
"""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.parts.responses import Doc
from sandbox.shopify.data.agreements import agreements
from sandbox.shopify.data.balance import booked_entries
from sandbox.shopify.data.live_shop import LiveShop, Variant
from sandbox.shopify.data.order_histories import fee, has_fee
from sandbox.shopify.data.products import variant_price
from sandbox.shopify.data.shop_store import orders_after

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


def _documents(live_shop: LiveShop, since: int | None) -> Iterator[Doc]:
    """All orders in order of creation, a batch at a time."""
    last = (-1 if since is None else since - 1, 1 << 60)
    while batch := list(orders_after(live_shop.store, last, _BATCH)):
        last = batch[-1]
        for _, pos in batch:
            order = live_shop.store.order(pos)
            if order:
                yield order


def orders(live_shop: LiveShop, since: int | None) -> Iterator[Doc]:
    ids = live_shop.shop.ids
    for order in _documents(live_shop, since):
        customer = order["customer"]
        yield {
            "id": ids.order(order["pos"]),
            "name": ids.order_name(order["pos"]),
            "number": order["pos"] + 1,
            "currency": live_shop.shop.currency,
            "presentment_currency": order["currency"],
            "customer_id": None if customer is None else ids.customer(customer),
            "lines": len(order["lines"]),
            "transactions": len(order["transactions"]),
            "refunds": len(order["refunds"]),
            "fulfillments": len(order["fulfillments"]),
            **{name: order[name] for name in _KEPT},
        }


def line_items(live_shop: LiveShop, since: int | None) -> Iterator[Doc]:
    ids = live_shop.shop.ids
    for order in _documents(live_shop, since):
        for number, line in enumerate(order["lines"]):
            gone = line["product"] is None
            yield {
                "id": ids.line(order["pos"], number),
                "order_id": ids.order(order["pos"]),
                **line,
                "product_id": None if gone else ids.product(line["product"]),
                "variant_id": None if gone else ids.variant(line["product"], line["variant"]),
            }


def _parts(live_shop: LiveShop, since: int | None, name: str) -> Iterator[tuple[Doc, Doc]]:
    for order in _documents(live_shop, since):
        for part in order[name]:
            yield order, part


def transactions(live_shop: LiveShop, since: int | None) -> Iterator[Doc]:
    ids = live_shop.shop.ids
    for order, each in _parts(live_shop, since, "transactions"):
        parent = each["parent"]
        yield {
            **each,
            "id": ids.part(order["pos"], each["n"]),
            "order_id": ids.order(order["pos"]),
            "gateway": order["gateway"],
            "fee": fee(each["amount"][0]) if has_fee(order, each) else None,
            "parent_id": None if parent is None else ids.part(order["pos"], parent),
        }


def refunds(live_shop: LiveShop, since: int | None) -> Iterator[Doc]:
    ids = live_shop.shop.ids
    for order, each in _parts(live_shop, since, "refunds"):
        yield {
            "id": ids.part(order["pos"], each["n"]),
            "order_id": ids.order(order["pos"]),
            "at": each["at"],
            "note": each["note"],
            "amount": each["amount"],
            "shipping": each["shipping"],
            "shipping_tax": each["shipping_tax"],
            "adjust": each["adjust"],
            "lines": [
                {
                    **line,
                    "id": ids.refund_line(order["pos"], each["n"], number),
                    "line_item_id": ids.line(order["pos"], line["line"]),
                }
                for number, line in enumerate(each["lines"])
            ],
        }


def sales(live_shop: LiveShop, since: int | None) -> Iterator[Doc]:
    """The journal: each piece with its agreement."""
    ids = live_shop.shop.ids
    for order in _documents(live_shop, since):
        for agreement in agreements(order):
            for sale in agreement.sales:
                shipping = ids.order(order["pos"]) if sale.line_type == "SHIPPING" else None
                yield {
                    "id": ids.refund_line(order["pos"], agreement.number, sale.number),
                    "order_id": ids.order(order["pos"]),
                    "agreement_id": ids.part(order["pos"], agreement.number),
                    "at": agreement.at,
                    "reason": agreement.reason,
                    "action": sale.action,
                    "line_type": sale.line_type,
                    "line_id": shipping if sale.line is None else ids.line(order["pos"], sale.line),
                    "quantity": sale.quantity,
                    "total": list(sale.total),
                    "tax": list(sale.tax),
                    "discount": list(sale.discount),
                    "channel_liable": order["channel_liable"],
                }


def shipping_lines(live_shop: LiveShop, since: int | None) -> Iterator[Doc]:
    ids = live_shop.shop.ids
    for order in _documents(live_shop, since):
        if order["ships"]:
            number = ids.order(order["pos"])
            shown = {name: order[name] for name in ("shipping", "shipping_tax", "shipping_title")}
            yield {"id": number, "order_id": number, **shown}


def tax_lines(live_shop: LiveShop, since: int | None) -> Iterator[Doc]:
    """Of lines, and of shipping where it is taxed."""
    ids = live_shop.shop.ids
    for order in _documents(live_shop, since):
        if not order["tax_rate"]:
            continue
        number = ids.order(order["pos"])
        of_all = {"order_id": number, "rate": order["tax_rate"] / 1000, "channel_liable": order["channel_liable"]}
        for place, line in enumerate(order["lines"]):
            yield {**of_all, "line_id": ids.line(order["pos"], place), "shipping_id": None, "tax": line["tax"]}
        if order["ships"] and any(order["shipping_tax"]):
            yield {**of_all, "line_id": None, "shipping_id": number, "tax": order["shipping_tax"]}


def disputes(live_shop: LiveShop, since: int | None) -> Iterator[Doc]:
    ids = live_shop.shop.ids
    for order, each in _parts(live_shop, since, "disputes"):
        yield {**each, "id": ids.part(order["pos"], each["n"]), "order_id": ids.order(order["pos"])}


def balance_transactions(live_shop: LiveShop, _since: int | None) -> Iterator[Doc]:
    """Entries of the payment account, as far as they were booked: asking for the truth books nothing."""
    ids = live_shop.shop.ids
    for each in booked_entries(live_shop):
        yield {
            "id": ids.balance(each.seq),
            "type": each.type,
            "amount": each.amount,
            "fee": each.fee,
            "order_id": None if each.pos is None else ids.order(each.pos),
            "payout_id": None if each.payout is None else ids.payout(each.payout),
            "at": each.at,
            "test": bool(each.test),
        }


def fulfillments(live_shop: LiveShop, since: int | None) -> Iterator[Doc]:
    ids = live_shop.shop.ids
    for order, each in _parts(live_shop, since, "fulfillments"):
        yield {**each, "id": ids.part(order["pos"], each["n"]), "order_id": ids.order(order["pos"])}


def customers(live_shop: LiveShop, _since: int | None) -> Iterator[Doc]:
    last = -1
    sql = (
        "SELECT number, created, updated, orders, spent, edits FROM customers WHERE number > ? ORDER BY number LIMIT ?"
    )
    while batch := live_shop.store.rows(sql, (last, _BATCH)):
        last = batch[-1][0]
        for row in batch:
            customer = live_shop.customer_of(row)
            person = customer.person
            yield {
                "id": live_shop.shop.ids.customer(person.number),
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


def products(live_shop: LiveShop, _since: int | None) -> Iterator[Doc]:
    for (number,) in live_shop.store.rows("SELECT number FROM products ORDER BY number", ()):
        product = live_shop.product(number)
        if product:
            yield {
                "id": live_shop.shop.ids.product(number),
                "title": product.title,
                "handle": product.handle,
                "status": product.status,
                "vendor": product.vendor,
                "product_type": product.product_type,
                "tags": sorted(product.tags),
                "created": product.created,
                "updated": product.updated,
                "published": product.published,
                "variants": len(live_shop.variants(product)),
            }


def _every_variant(live_shop: LiveShop) -> Iterator[Variant]:
    for (number,) in live_shop.store.rows("SELECT number FROM products ORDER BY number", ()):
        product = live_shop.product(number)
        if product:
            yield from live_shop.variants(product)


def variants(live_shop: LiveShop, _since: int | None) -> Iterator[Doc]:
    """Prices are in minor units of the shop's currency."""
    ids, currency = live_shop.shop.ids, live_shop.shop.currency
    for variant in _every_variant(live_shop):
        number, variation = variant.product.number, variant.variation
        yield {
            "id": ids.variant(number, variation),
            "product_id": ids.product(number),
            "inventory_item_id": ids.item(number, variation),
            "title": variant.product.variant_title(variation),
            "sku": variant.edits.get("sku", variant.product.sku(variation)),
            "price": variant_price(variant.product, variation, currency),
            "cost": live_shop.unit_cost(variant),
            "position": variation + 1,
            "available": live_shop.available(variant),
            "updated": variant.updated,
        }


def inventory_levels(live_shop: LiveShop, _since: int | None) -> Iterator[Doc]:
    ids = live_shop.shop.ids
    for variant in _every_variant(live_shop):
        for level in live_shop.levels(variant, inactive=False):
            yield {
                "inventory_item_id": ids.item(variant.product.number, variant.variation),
                "location_id": ids.location(level.place.number),
                "available": live_shop.quantity(variant, level.place),
                "updated": variant.item_updated,
            }


GROUND_TRUTHS = {
    truth.__name__: truth
    for truth in (
        orders,
        line_items,
        transactions,
        refunds,
        sales,
        shipping_lines,
        tax_lines,
        disputes,
        balance_transactions,
        fulfillments,
        customers,
        products,
        variants,
        inventory_levels,
    )
}
