"""The legacy REST API: what of it a reader needs, behind its own leaky bucket (sheet section 6)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from urllib.parse import parse_qsl

from sandbox.parts.responses import Doc, HttpResponse, ok
from sandbox.shopify.buckets import Buckets
from sandbox.shopify.data.ids import Ids
from sandbox.shopify.data.plans import PLANS
from sandbox.shopify.graphql.context import Context
from sandbox.shopify.graphql.record_tables import CUSTOMERS, ORDERS, PRODUCTS
from sandbox.shopify.responses import ShopifyError, too_many_calls
from sandbox.shopify.rest.documents import Writer
from sandbox.shopify.rest.lists import Params, RestList, count_response, list_response
from sandbox.shopify.rest.product_documents import item_doc, level_doc, location_doc, product_doc, shop_doc, variant_doc
from sandbox.shopify.settings import Settings

_TIMES = {"created": "created", "updated": "updated"}
LISTS = {
    each.name: each
    for each in (
        RestList(
            name="orders",
            table=ORDERS,
            scope="read_orders",
            write=Writer.order,
            times={**_TIMES, "processed": "processed"},
            texts={"name": "name"},
        ),
        RestList(
            name="products",
            table=PRODUCTS,
            scope="read_products",
            write=product_doc,
            times={**_TIMES, "published": "published"},
            texts={n: n for n in ("title", "vendor", "handle", "product_type", "status")},
            default_order="id asc",
        ),
        RestList(
            name="customers",
            table=CUSTOMERS,
            scope="read_customers",
            write=Writer.whole_customer,
            times=_TIMES,
            texts={},
        ),
    )
}
_LIST = re.compile(r"(orders|products|customers)(/count)?\.json")
_ONE = re.compile(r"(orders|products|customers|variants)/(\d{1,18})\.json")
_PART = re.compile(r"orders/(\d{1,18})/(refunds|transactions|fulfillments)\.json")
_DEPRECATED = b"https://shopify.dev/changelog/deprecation-of-rest-product-and-variant-endpoints"


class RestApi:
    """GET alone: a stand-in for readers."""

    def __init__(self, calls: Buckets, settings: Settings) -> None:
        self.calls = calls
        self.settings = settings

    def respond(self, ctx: Context, method: str, what: str, target: str, note: Doc) -> HttpResponse:
        """`what` comes after the version in the path; `target` is the whole address with its query."""
        url, _, query = target.partition("?")
        note["operation"] = f"rest:{re.sub(r'[0-9]+', '{id}', what.removesuffix('.json'))}"
        limit = self._take(ctx, note)
        if isinstance(limit, HttpResponse):
            return limit
        try:
            response = self._found(ctx, method, what, dict(parse_qsl(query, keep_blank_values=True)), url)
        except ShopifyError as refusal:
            response = refusal.response
        response.headers.append((b"x-shopify-shop-api-call-limit", limit.encode()))
        if what.startswith(("products", "variants")):
            response.headers.append((b"x-shopify-api-deprecated-reason", _DEPRECATED))
        return response

    def _take(self, ctx: Context, note: Doc) -> str | HttpResponse:
        """One call from the bucket: how full it is then, or the 429."""
        allowance = PLANS[ctx.live_shop.shop.plan.plan]
        bucket = self.calls.look(ctx.live_shop.shop.ids.shop, allowance.calls, allowance.calls_per_s)
        if bucket.available < 1:
            note["rate"] = "throttled"
            wait = (1 - bucket.available) / bucket.per_second
            refusal = too_many_calls(bucket.per_second, max(wait, 0.1))
            refusal.headers.append((b"x-shopify-shop-api-call-limit", b"%d/%d" % (allowance.calls, allowance.calls)))
            return refusal
        bucket.available -= 1
        note["rate"] = "counted"
        return f"{math.ceil(bucket.size - bucket.available)}/{allowance.calls}"

    def _found(self, ctx: Context, method: str, what: str, params: Params, url: str) -> HttpResponse:
        if method != "GET" or not self.settings.rest:
            raise ShopifyError(403 if method == "GET" else 406, "This API is not open to this app")
        writer = Writer(ctx.live_shop, open_data=self.settings.customer_data == "open")
        if match := _LIST.fullmatch(what):
            return self._list(ctx, writer, LISTS[match[1]], params, url, counting=match[2] is not None)
        if match := _ONE.fullmatch(what):
            return self._one(ctx, writer, match[1], int(match[2]))
        if match := _PART.fullmatch(what):
            return self._parts(ctx, writer, int(match[1]), match[2])
        small = _SMALL.get(what)
        if small is None:
            raise ShopifyError(404, "Not Found")
        scope, write = small
        _need(ctx, scope)
        return ok(write(writer, params))

    def _list(
        self, ctx: Context, writer: Writer, resource: RestList, params: Params, url: str, *, counting: bool
    ) -> HttpResponse:
        _need(ctx, resource.scope)
        _protect(ctx, resource.name)
        if counting:
            return count_response(ctx, resource, params)
        return list_response(ctx, resource, params, lambda record: resource.write(writer, record), url)

    def _one(self, ctx: Context, writer: Writer, name: str, number: int) -> HttpResponse:
        ids = ctx.live_shop.shop.ids
        _need(ctx, {"orders": "read_orders", "customers": "read_customers"}.get(name, "read_products"))
        _protect(ctx, name)
        doc: Doc | None = None
        if name == "orders" and (order := _visible_order(ctx, number)):
            doc = {"order": writer.order(order)}
        elif name == "products" and (product := ctx.live_shop.product(_number(ids, number))):
            doc = {"product": product_doc(writer, product)}
        elif name == "customers" and (customer := ctx.live_shop.customer(ids.customer_number(number))):
            doc = {"customer": writer.whole_customer(customer)}
        elif name == "variants" and (place := ids.variant_place(number)) and (found := ctx.live_shop.variant(*place)):
            doc = {"variant": variant_doc(writer, found)}
        if doc is None:
            raise ShopifyError(404, "Not Found")
        return ok(doc)

    def _parts(self, ctx: Context, writer: Writer, number: int, name: str) -> HttpResponse:
        _need(ctx, "read_orders")
        order = _visible_order(ctx, number)
        if order is None:
            raise ShopifyError(404, "Not Found")
        write = {"refunds": writer.refund, "transactions": writer.transaction, "fulfillments": writer.fulfillment}
        return ok({name: [write[name](order, each) for each in order[name]]})


def _visible_order(ctx: Context, number: int) -> Doc | None:
    order = ctx.live_shop.order(number)
    hidden = order and ctx.oldest_order is not None and order["created"] < ctx.oldest_order
    return None if hidden else order


def _number(ids: Ids, product_id: int) -> int:
    number = ids.product_number(product_id)
    return -1 if number is None else number


def _need(ctx: Context, scope: str) -> None:
    if scope not in ctx.scopes and scope.replace("read_", "write_", 1) not in ctx.scopes:
        raise ShopifyError(403, f"[API] This action requires merchant approval for {scope} scope.")


def _protect(ctx: Context, name: str) -> None:
    if name == "customers" and ctx.settings.customer_data == "denied":
        raise ShopifyError(403, "[API] This app is not approved to access REST endpoints with protected customer data.")


def _levels(writer: Writer, params: Params) -> Doc:
    live_shop, ids = writer.live_shop, writer.shop.ids
    wanted = [ids.item_place(int(each)) for each in params.get("inventory_item_ids", "").split(",") if each.isdecimal()]
    if not wanted and "location_ids" not in params:
        raise ShopifyError(422, {"base": ["location_ids or inventory_item_ids must be present"]})
    variants = [live_shop.variant(*place) for place in wanted if place]
    levels = [level for variant in variants if variant for level in live_shop.levels(variant, inactive=False)]
    return {"inventory_levels": [level_doc(writer, level) for level in levels]}


def _items(writer: Writer, params: Params) -> Doc:
    ids = writer.shop.ids
    wanted = [ids.item_place(int(each)) for each in params.get("ids", "").split(",") if each.isdecimal()]
    if not wanted:
        raise ShopifyError(422, {"ids": ["must be present"]})
    found = [writer.live_shop.variant(*place) for place in wanted if place]
    return {"inventory_items": [item_doc(writer, variant) for variant in found if variant]}


def _locations(writer: Writer, _params: Params) -> Doc:
    return {"locations": [location_doc(writer, place) for place in writer.shop.locations]}


_SMALL: dict[str, tuple[str, Callable[[Writer, Params], Doc]]] = {
    "locations.json": ("read_locations", _locations),
    "inventory_levels.json": ("read_inventory", _levels),
    "inventory_items.json": ("read_inventory", _items),
    "shop.json": ("read_orders", lambda writer, _params: {"shop": shop_doc(writer)}),
}
