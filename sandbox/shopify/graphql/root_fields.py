"""How root fields, the shop, the application and what all types share are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.parts.money import RATES
from sandbox.shopify.api_versions import handles
from sandbox.shopify.data.ids import gid, parse_gid
from sandbox.shopify.data.live_shop import InventoryLevel
from sandbox.shopify.data.timestamps import utc
from sandbox.shopify.graphql import customer_fields, fulfillment_fields, order_fields, payment_fields, product_fields
from sandbox.shopify.graphql.compiler import Resolvers, WithArgs
from sandbox.shopify.graphql.context import Context
from sandbox.shopify.graphql.errors import customer_denied
from sandbox.shopify.graphql.field_set import FieldSet, Finder
from sandbox.shopify.graphql.filters import customer_count_fields
from sandbox.shopify.graphql.pagination import Page, RecordTable, count, read_page, slice_page
from sandbox.shopify.graphql.record_tables import CUSTOMERS, ITEMS, ORDERS, PRODUCTS, VARIANTS
from sandbox.shopify.graphql.sdl import schema

CUSTOMERS_COUNT = RecordTable(**{**vars(CUSTOMERS), "fields": customer_count_fields, "known": frozenset()})


def _connection(table: RecordTable, scope: str, name: str) -> WithArgs:
    def read(_root: Any, ctx: Context, args: dict[str, Any]) -> Page:
        _allow(ctx, scope, name)
        return read_page(ctx, table, args)

    return WithArgs(read)


def _count(table: RecordTable, scope: str, name: str) -> WithArgs:
    def read(_root: Any, ctx: Context, args: dict[str, Any]) -> tuple[int, str]:
        _allow(ctx, scope, name)
        return count(ctx, table, args)

    return WithArgs(read)


def _allow(ctx: Context, scope: str, name: str) -> None:
    ctx.need(scope, name)
    if scope == "read_customers" and ctx.settings.customer_data == "denied":
        raise customer_denied("Customer")


# --- one record by its id -------------------------------------------------------------------------------


def find_order(ctx: Context, number: int, _more: int = 0) -> Any:
    ctx.need("read_orders", "order")
    order = ctx.live_shop.order(number)
    hidden = order and ctx.oldest_order is not None and order["created"] < ctx.oldest_order
    return None if hidden else order


def _part_of(name: str) -> Callable[[Context, int, int], Any]:
    """Refunds, transactions and fulfillments lead back to their order by arithmetic."""

    def find(ctx: Context, number: int, _more: int) -> Any:
        place = ctx.live_shop.shop.ids.part_place(number)
        order = find_order(ctx, ctx.live_shop.shop.ids.order(place[0])) if place else None
        parts = order[name] if order else []
        return (order, parts[place[1]]) if place and place[1] < len(parts) else None

    return find


def _find_line(ctx: Context, number: int, _more: int) -> Any:
    place = ctx.live_shop.shop.ids.line_place(number)
    order = find_order(ctx, ctx.live_shop.shop.ids.order(place[0])) if place else None
    return (order, place[1]) if order and place and place[1] < len(order["lines"]) else None


def _find_product(ctx: Context, number: int, _more: int) -> Any:
    ctx.need("read_products", "product")
    found = ctx.live_shop.shop.ids.product_number(number)
    return None if found is None else ctx.live_shop.product(found)


def _find_variant(ctx: Context, number: int, _more: int) -> Any:
    ctx.need("read_products", "productVariant")
    place = ctx.live_shop.shop.ids.variant_place(number)
    return ctx.live_shop.variant(*place) if place else None


def _find_item(ctx: Context, number: int, _more: int) -> Any:
    if "read_products" not in ctx.scopes:
        ctx.need("read_inventory", "inventoryItem")
    place = ctx.live_shop.shop.ids.item_place(number)
    return ctx.live_shop.variant(*place) if place else None


def _find_level(ctx: Context, number: int, more: int) -> Any:
    ctx.need("read_inventory", "inventoryLevel")
    variant, place = _find_item(ctx, more, 0), _find_location(ctx, number, 0)
    return InventoryLevel(variant, place) if variant and place else None


def _find_location(ctx: Context, number: int, _more: int) -> Any:
    wanted = ctx.live_shop.shop.ids.location_number(number)
    return next((place for place in ctx.live_shop.shop.locations if place.number == wanted), None)


def _find_customer(ctx: Context, number: int, _more: int) -> Any:
    _allow(ctx, "read_customers", "customer")
    return ctx.live_shop.customer(ctx.live_shop.shop.ids.customer_number(number))


_FINDERS: dict[str, Finder] = {
    "Order": find_order,
    "LineItem": _find_line,
    "OrderTransaction": _part_of("transactions"),
    "Refund": _part_of("refunds"),
    "Fulfillment": _part_of("fulfillments"),
    "Product": _find_product,
    "ProductVariant": _find_variant,
    "InventoryItem": _find_item,
    "InventoryLevel": _find_level,
    "Location": _find_location,
    "Customer": _find_customer,
    "ShopifyPaymentsBalanceTransaction": payment_fields.find_entry,
}


def _by_id(kind: str) -> WithArgs:
    """A well-formed id of nothing, or of another kind, is null (sheet section 3.1)."""

    def read(_root: Any, ctx: Context, args: dict[str, Any]) -> Any:
        found = parse_gid(args.get("id"))
        return _FINDERS[kind](ctx, found[1], found[2]) if found and found[0] == kind else None

    return WithArgs(read)


def _node_fields(finders: Mapping[str, Finder]) -> dict[str, Any]:
    """`node` and `nodes` find records of every type that somebody can find."""

    def node(ctx: Context, wanted: str) -> Any:
        found = parse_gid(wanted)
        if found is None or found[0] not in finders:
            return None
        record = finders[found[0]](ctx, found[1], found[2])
        return None if record is None else (found[0], record)

    return {
        "node": WithArgs(lambda _r, ctx, args: node(ctx, args["id"])),
        "nodes": WithArgs(lambda _r, ctx, args: [node(ctx, wanted) for wanted in args["ids"]]),
    }


# --- lists that are short -------------------------------------------------------------------------------


def _locations(_root: Any, ctx: Context, args: dict[str, Any]) -> Page:
    if "read_locations" not in ctx.scopes:
        ctx.need("read_inventory", "locations")
    found = [
        place
        for place in ctx.live_shop.shop.locations
        if (place.active or args["includeInactive"]) and (not place.legacy or args["includeLegacy"])
    ]
    return slice_page(sorted(found, key=lambda place: place.name if args["sortKey"] == "NAME" else ""), args)


def _versions(_root: Any, ctx: Context) -> list[tuple[str, bool]]:
    return handles(ctx.now)


QUERY: dict[str, Any] = {
    "orders": _connection(ORDERS, "read_orders", "orders"),
    "ordersCount": _count(ORDERS, "read_orders", "ordersCount"),
    "order": _by_id("Order"),
    "refund": _by_id("Refund"),
    "fulfillment": _by_id("Fulfillment"),
    "products": _connection(PRODUCTS, "read_products", "products"),
    "productsCount": _count(PRODUCTS, "read_products", "productsCount"),
    "product": _by_id("Product"),
    "productVariants": _connection(VARIANTS, "read_products", "productVariants"),
    "productVariantsCount": _count(VARIANTS, "read_products", "productVariantsCount"),
    "productVariant": _by_id("ProductVariant"),
    "customers": _connection(CUSTOMERS, "read_customers", "customers"),
    "customersCount": _count(CUSTOMERS_COUNT, "read_customers", "customersCount"),
    "customer": _by_id("Customer"),
    "inventoryItems": _connection(ITEMS, "read_inventory", "inventoryItems"),
    "inventoryItem": _by_id("InventoryItem"),
    "inventoryLevel": _by_id("InventoryLevel"),
    "locations": WithArgs(_locations),
    "locationsCount": WithArgs(lambda _r, _ctx, _a: (2, "EXACT")),
    "location": WithArgs(
        lambda _r, ctx, args: (
            _by_id("Location").resolve(_r, ctx, args) if args.get("id") else ctx.live_shop.shop.locations[0]
        )
    ),
    "shop": lambda _r, ctx: ctx.live_shop.shop,
    "shopifyPaymentsAccount": payment_fields.account,
    "currentAppInstallation": lambda _r, ctx: ctx.live_shop.shop,
    "publicApiVersions": _versions,
}


# --- the shop and what all share ------------------------------------------------------------------------


def _offset(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}{rest:02d}"


SHOP: dict[str, Any] = {
    "id": lambda s, _ctx: gid("Shop", s.ids.shop),
    "name": lambda s, _ctx: s.name,
    "email": lambda s, _ctx: f"owner@{s.domain}",
    "contactEmail": lambda s, _ctx: f"hello@{s.domain}",
    "myshopifyDomain": lambda s, _ctx: s.domain,
    "primaryDomain": lambda s, _ctx: s,
    "url": lambda s, _ctx: f"https://{s.domain}",
    "currencyCode": lambda s, _ctx: s.currency,
    "enabledPresentmentCurrencies": lambda s, _ctx: [s.currency, *(code for code in RATES if code != s.currency)],
    "ianaTimezone": lambda s, _ctx: s.zone,
    "timezoneAbbreviation": lambda s, _ctx: _offset(s.offset_minutes),
    "timezoneOffset": lambda s, _ctx: _offset(s.offset_minutes),
    "timezoneOffsetMinutes": lambda s, _ctx: s.offset_minutes,
    "taxesIncluded": lambda s, _ctx: s.taxes_included,
    "shopOwnerName": lambda s, _ctx: s.plan.owner,
    "orderNumberFormatPrefix": lambda _s, _ctx: "#",
    "orderNumberFormatSuffix": lambda _s, _ctx: "",
    "plan": lambda s, _ctx: s,
    "createdAt": lambda s, _ctx: utc(s.opened),
    "updatedAt": lambda s, _ctx: utc(s.end),
}
_PAGE: dict[str, Any] = {
    "edges": lambda page, _ctx: [(page, number) for number in range(len(page.nodes))],
    "nodes": lambda page, _ctx: page.nodes,
    "pageInfo": lambda page, _ctx: page,
}
_EDGE: dict[str, Any] = {
    "cursor": lambda edge, _ctx: edge[0].cursor(edge[1]),
    "node": lambda edge, _ctx: edge[0].nodes[edge[1]],
}
_INFO: dict[str, Any] = {
    "hasNextPage": lambda page, _ctx: page.has_next,
    "hasPreviousPage": lambda page, _ctx: page.has_previous,
    "startCursor": lambda page, _ctx: page.cursor(0) if page.nodes else None,
    "endCursor": lambda page, _ctx: page.cursor(len(page.nodes) - 1) if page.nodes else None,
}


def _app_fields(application_id: int, client_id: str) -> dict[str, Any]:
    return {
        "id": lambda _s, _ctx: gid("App", application_id),
        "apiKey": lambda _s, _ctx: client_id,
        "handle": lambda _s, _ctx: "keeper",
        "title": lambda _s, _ctx: "Keeper",
        "embedded": lambda _s, _ctx: False,
        "webhookApiVersion": lambda _s, ctx: handles(ctx.now)[-1][0],
    }


def core_fields(finders: Mapping[str, Finder], *, application_id: int, client_id: str) -> FieldSet:
    """What every shop answers; connections and edges have their resolvers by their names.

    `finders` are those of all field sets, which `node` asks.
    """
    fields: Resolvers = {
        "QueryRoot": {**QUERY, **_node_fields(finders)},
        "PageInfo": _INFO,
        "Count": {"count": lambda v, _ctx: v[0], "precision": lambda v, _ctx: v[1]},
        "Shop": SHOP,
        "ShopPlan": {
            "displayName": lambda s, _ctx: s.plan.plan.capitalize(),
            "publicDisplayName": lambda s, _ctx: s.plan.plan.capitalize(),
            "partnerDevelopment": lambda _s, _ctx: False,
            "shopifyPlus": lambda s, _ctx: s.plan.plan in ("plus", "enterprise"),
        },
        "Domain": {
            "id": lambda s, _ctx: gid("Domain", s.ids.shop),
            "host": lambda s, _ctx: s.domain,
            "sslEnabled": lambda _s, _ctx: True,
            "url": lambda s, _ctx: f"https://{s.domain}",
        },
        "AppInstallation": {
            "id": lambda s, _ctx: gid("AppInstallation", s.ids.installation),
            "accessScopes": lambda _s, ctx: sorted(ctx.scopes),
            "app": lambda s, _ctx: s,
        },
        "App": _app_fields(application_id, client_id),
        "AccessScope": {"handle": lambda v, _ctx: v, "description": lambda v, _ctx: v.replace("_", " ").capitalize()},
        "ApiVersion": {
            "handle": lambda v, _ctx: v[0],
            "displayName": lambda v, _ctx: v[0] if v[1] else f"{v[0]} (Release candidate)",
            "supported": lambda v, _ctx: v[1],
        },
        "UserError": {"field": lambda v, _ctx: v["field"], "message": lambda v, _ctx: v["message"]},
    }
    for part in (order_fields, fulfillment_fields, customer_fields, product_fields, payment_fields):
        fields |= part.FIELDS
    for name in schema().type_map:
        if name.endswith("Connection"):
            fields[name] = _PAGE
        elif name.endswith("Edge"):
            fields[name] = _EDGE
    return FieldSet(resolvers=fields, finders=_FINDERS)
