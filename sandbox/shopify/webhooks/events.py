"""Which webhooks a change sets off, and what they say; bodies are REST's documents (sheet section 7)."""

from __future__ import annotations

from typing import Any

from sandbox.parts.responses import Doc
from sandbox.shopify.bulk.operations import Operation
from sandbox.shopify.data.ids import gid
from sandbox.shopify.data.live_shop import LiveShop
from sandbox.shopify.data.timestamps import utc
from sandbox.shopify.rest.documents import Writer
from sandbox.shopify.rest.product_documents import product_doc
from sandbox.shopify.webhooks.delivery import Webhooks

_ORDER_TOPICS = {
    "new_order": ("orders/create",),
    "update_order": ("orders/updated",),
    "refund_order": ("orders/updated", "refunds/create"),
    "cancel_order": ("orders/cancelled", "orders/updated"),
    "fulfill_order": ("orders/fulfilled", "orders/updated", "fulfillments/create"),
    "pay_order": ("orders/paid", "orders/updated", "order_transactions/create"),
    "close_order": ("orders/updated",),
}


_GONE_TOPICS = {
    "remove_order": ("orders/delete", "order_id"),
    "remove_product": ("products/delete", "product_id"),
    "remove_customer": ("customers/delete", "customer_id"),
}


def emit_mutation(webhooks: Webhooks, live_shop: LiveShop, wanted: Doc, result: Doc, *, open_data: bool) -> None:
    """What a shop sends after this change; `open_data` says whether personal fields may be shown."""
    kind, writer = wanted["kind"], Writer(live_shop, open_data=open_data)
    if kind in _ORDER_TOPICS:
        for order_id in result.get("order_ids", [result.get("order_id")]):
            order = live_shop.order(order_id) if order_id else None
            for topic in _ORDER_TOPICS[kind] if order else ():
                webhooks.emit(live_shop, topic, _about_order(writer, topic, order or {}))
    elif kind in _GONE_TOPICS:
        topic, name = _GONE_TOPICS[kind]
        webhooks.emit(live_shop, topic, {"id": result[name]})
    elif kind == "edit_product":
        product = live_shop.product(live_shop.shop.ids.product_number(result["product_id"]) or 0)
        if product:
            webhooks.emit(live_shop, "products/update", product_doc(writer, product))
    elif kind == "edit_customer":
        customer = live_shop.customer(live_shop.shop.ids.customer_number(result["customer_id"]))
        if customer:
            webhooks.emit(live_shop, "customers/update", writer.whole_customer(customer))


def emit_bulk_finish(webhooks: Webhooks, live_shop: LiveShop, operation: Operation) -> None:
    body = {
        "admin_graphql_api_id": gid("BulkOperation", operation.number),
        "completed_at": utc(operation.completed),
        "created_at": utc(operation.created),
        "error_code": operation.error_code and operation.error_code.lower(),
        "status": operation.status.lower(),
        "type": "query",
    }
    webhooks.emit(live_shop, "bulk_operations/finish", body)


def compliance_body(live_shop: LiveShop, topic: str, wanted: Doc) -> Doc:
    """The three that every listed app must honour; shapes from the vendor's page on privacy law."""
    shop = {"shop_id": live_shop.shop.ids.shop, "shop_domain": live_shop.shop.domain}
    if topic == "shop/redact":
        return shop
    customer_id = int(wanted.get("customer_id", 0))
    number = live_shop.shop.ids.customer_number(customer_id)
    customer = live_shop.customer(number)
    if customer is None:
        raise ValueError(f"no customer {customer_id} in this shop")
    rows = live_shop.store.rows("SELECT pos FROM orders WHERE customer = ? ORDER BY pos", (number,))
    orders = [live_shop.shop.ids.order(pos) for (pos,) in rows]
    person = {"id": customer_id, "email": customer.person.email, "phone": customer.person.phone}
    if topic == "customers/redact":
        return {**shop, "customer": person, "orders_to_redact": orders}
    return {**shop, "orders_requested": orders, "customer": person, "data_request": {"id": 9999}}


def _about_order(writer: Writer, topic: str, order: Doc) -> Doc:
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
