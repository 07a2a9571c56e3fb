"""Which webhooks a change sets off, and what they say; bodies are REST's documents (sheet section 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.parts.answer import Doc
from sandbox.shopify.front import Front
from sandbox.shopify.ids import gid
from sandbox.shopify.rest_docs import Writer
from sandbox.shopify.rest_goods import product_doc
from sandbox.shopify.times import utc

if TYPE_CHECKING:
    from sandbox.shopify.bulk import Operation
    from sandbox.shopify.world import World

_ORDER_TOPICS = {
    "new_order": ("orders/create",),
    "update_order": ("orders/updated",),
    "refund_order": ("orders/updated", "refunds/create"),
    "cancel_order": ("orders/cancelled", "orders/updated"),
    "fulfill_order": ("orders/fulfilled", "orders/updated", "fulfillments/create"),
    "pay_order": ("orders/paid", "orders/updated", "order_transactions/create"),
    "close_order": ("orders/updated",),
}


def tell_of_mutation(world: World, front: Front, wanted: Doc, result: Doc) -> None:
    """What a shop sends after this change."""
    kind = wanted["kind"]
    if kind in _ORDER_TOPICS:
        for order_id in result.get("order_ids", [result.get("order_id")]):
            order = front.order(order_id) if order_id else None
            for topic in _ORDER_TOPICS[kind] if order else ():
                world.webhooks.emit(front, topic, _about_order(world, front, topic, order or {}))
    elif kind == "remove_order":
        world.webhooks.emit(front, "orders/delete", {"id": result["order_id"]})
    elif kind == "edit_product":
        product = front.product(front.shop.ids.product_number(result["product_id"]) or 0)
        if product:
            world.webhooks.emit(front, "products/update", product_doc(_writer(world, front), product))
    elif kind == "remove_product":
        world.webhooks.emit(front, "products/delete", {"id": result["product_id"]})
    elif kind == "edit_customer":
        customer = front.customer(front.shop.ids.customer_number(result["customer_id"]))
        if customer:
            world.webhooks.emit(front, "customers/update", _writer(world, front).whole_customer(customer))


def tell_of_bulk(world: World, operation: Operation) -> None:
    front = world.fronts.get(operation.shop_id)
    if front is None or not world.settings.bulk_finish_webhook:
        return
    body = {
        "admin_graphql_api_id": gid("BulkOperation", operation.number),
        "completed_at": utc(operation.completed),
        "created_at": utc(operation.created),
        "error_code": operation.error_code and operation.error_code.lower(),
        "status": operation.status.lower(),
        "type": "query",
    }
    world.webhooks.emit(front, "bulk_operations/finish", body)


def compliance_body(front: Front, topic: str, wanted: Doc) -> Doc:
    """The three that every listed app must honour; shapes from the vendor's page on privacy law."""
    shop = {"shop_id": front.shop.ids.shop, "shop_domain": front.shop.domain}
    if topic == "shop/redact":
        return shop
    customer_id = int(wanted.get("customer_id", 0))
    number = front.shop.ids.customer_number(customer_id)
    customer = front.customer(number)
    if customer is None:
        raise ValueError(f"no customer {customer_id} in this shop")
    rows = front.shelf.rows("SELECT pos FROM orders WHERE customer = ? ORDER BY pos", (number,))
    orders = [front.shop.ids.order(pos) for (pos,) in rows]
    person = {"id": customer_id, "email": customer.person.email, "phone": customer.person.phone}
    if topic == "customers/redact":
        return {**shop, "customer": person, "orders_to_redact": orders}
    return {**shop, "orders_requested": orders, "customer": person, "data_request": {"id": 9999}}


def _about_order(world: World, front: Front, topic: str, order: Doc) -> Doc:
    writer = _writer(world, front)
    last: dict[str, Any] = {
        "refunds/create": ("refunds", writer.refund),
        "fulfillments/create": ("fulfillments", writer.fulfillment),
        "order_transactions/create": ("transactions", writer.transaction),
    }
    if topic in last:
        name, write = last[topic]
        found: Doc = write(order, order[name][-1]) if order[name] else {}
        return found
    return writer.order(order)


def _writer(world: World, front: Front) -> Writer:
    return Writer(front, open_data=world.settings.customer_data == "open")
