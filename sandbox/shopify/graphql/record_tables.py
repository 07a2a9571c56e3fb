"""The tables that root connections read."""

from __future__ import annotations

from typing import Any

import orjson

from sandbox.shopify.graphql import filters
from sandbox.shopify.graphql.context import Context
from sandbox.shopify.graphql.pagination import RecordTable
from sandbox.shopify.graphql.search import EVERYTHING, Sql


def _placeholders(keys: list[int]) -> str:
    return ", ".join("?" * len(keys))


def load_orders(ctx: Context, positions: list[int]) -> list[Any]:
    sql = f"SELECT pos, doc FROM documents WHERE pos IN ({_placeholders(positions)})"  # noqa: S608 - placeholders
    docs = dict(ctx.live_shop.store.rows(sql, positions))
    return [orjson.loads(docs[pos]) for pos in positions]


def load_customers(ctx: Context, numbers: list[int]) -> list[Any]:
    sql = (
        "SELECT number, created, updated, orders, spent, edits FROM customers"  # noqa: S608 - placeholders
        f" WHERE number IN ({_placeholders(numbers)})"
    )
    rows = {row[0]: row for row in ctx.live_shop.store.rows(sql, numbers)}
    return [ctx.live_shop.customer_of(rows[number]) for number in numbers]


def load_products(ctx: Context, numbers: list[int]) -> list[Any]:
    return [ctx.live_shop.product(number) for number in numbers]


def load_variants(ctx: Context, places: list[int]) -> list[Any]:
    return [ctx.live_shop.variant(*divmod(place, 4096)) for place in places]


def _visible(ctx: Context) -> Sql:
    oldest = ctx.oldest_order
    return EVERYTHING if oldest is None else Sql("created >= ?", [oldest])


ORDERS = RecordTable(
    name="orders",
    key="pos",
    sorts={
        "ID": "pos",
        "ORDER_NUMBER": "pos",
        "RELEVANCE": "pos",
        "CREATED_AT": "created",
        "UPDATED_AT": "updated",
        "PROCESSED_AT": "processed",
        "TOTAL_PRICE": "total",
        "CURRENT_TOTAL_PRICE": "current_total",
        "FINANCIAL_STATUS": "financial",
        "FULFILLMENT_STATUS": "fulfillment",
    },
    fields=filters.order_fields,
    known=filters.OTHER_ORDER_FIELDS,
    load=load_orders,
    times=frozenset({"created", "updated", "processed"}),
    ids=lambda ctx, pos: ctx.live_shop.shop.ids.order(pos),
    keys=lambda ctx, order_id: ctx.live_shop.shop.ids.orders_from(order_id),
    also=_visible,
)
CUSTOMERS = RecordTable(
    name="customers",
    key="number",
    sorts={"ID": "number", "RELEVANCE": "number", "CREATED_AT": "created", "UPDATED_AT": "updated"},
    fields=filters.customer_fields,
    known=filters.OTHER_CUSTOMER_FIELDS,
    load=load_customers,
    times=frozenset({"created", "updated"}),
    ids=lambda ctx, number: ctx.live_shop.shop.ids.customer(number),
    keys=lambda ctx, customer_id: ctx.live_shop.shop.ids.customer_number(customer_id),
)
PRODUCTS = RecordTable(
    name="products",
    key="number",
    sorts={
        "ID": "number",
        "RELEVANCE": "number",
        "CREATED_AT": "created",
        "UPDATED_AT": "updated",
        "PUBLISHED_AT": "coalesce(published, 0)",
        "TITLE": "title",
        "VENDOR": "vendor",
        "PRODUCT_TYPE": "product_type",
    },
    fields=filters.product_fields,
    known=filters.OTHER_PRODUCT_FIELDS,
    load=load_products,
    times=frozenset({"created", "updated", "coalesce(published, 0)"}),
    ids=lambda ctx, number: ctx.live_shop.shop.ids.product(number),
    keys=lambda ctx, product_id: (product_id - ctx.live_shop.shop.ids.product(0)) // 3,
)
VARIANTS = RecordTable(
    name="variants",
    key="place",
    sorts={"ID": "place", "RELEVANCE": "place", "POSITION": "place", "TITLE": "title", "SKU": "coalesce(sku, '')"},
    fields=filters.variant_fields,
    known=filters.OTHER_VARIANT_FIELDS,
    load=load_variants,
    ids=lambda ctx, place: ctx.live_shop.shop.ids.variant(0, place),
    keys=lambda ctx, variant_id: variant_id - ctx.live_shop.shop.ids.variant(0, 0),
)
ITEMS = RecordTable(
    name="variants",
    key="place",
    sorts={"ID": "place"},
    fields=filters.item_fields,
    known=frozenset(),
    load=load_variants,
    ids=lambda ctx, place: ctx.live_shop.shop.ids.item(0, place),
    keys=lambda ctx, item_id: item_id - ctx.live_shop.shop.ids.item(0, 0),
)
