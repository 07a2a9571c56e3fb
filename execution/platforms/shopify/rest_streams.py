"""Shopify over its legacy REST API, for connections that may not use GraphQL for orders and customers.

Source: the vendor's REST shapes 2026-07; the sheet, section 6. Products stay with GraphQL: REST's product payloads do
not cope with 2,048 variants (section 5). An order's transactions would cost a call each and are not read; refunds come
by the same lookups as with GraphQL. Ids are the numbers that GraphQL's global ids end with, so that both ways of
reading fill the same rows.
"""

from __future__ import annotations

from dataclasses import replace

from execution.platforms.shopify.graphql import GRAPHQL_PATH
from execution.platforms.shopify.since_id import SinceIdPages
from execution.platforms.shopify.streams import (
    BALANCE_TRANSACTIONS,
    BALANCE_WITHOUT_PAYOUT,
    CHANGED_JOURNALS,
    JOURNAL_SALES,
    JOURNALS,
    ORDER_MEMORY,
    REFUND_LINES,
    REFUNDS,
)
from execution.platforms.shopify.streams import ENTITIES as BY_GRAPHQL
from execution.streams import Children, Column, Kind, Records, Round, Stream, Window, reference

REST_ORDERS = Stream(
    name="rest_orders",
    path=GRAPHQL_PATH,
    params={"status": "any"},
    # No name, address, phone or e-mail is asked for.
    pages=SinceIdPages(
        root="orders",
        history_scope="read_all_orders",
        fields=(
            *("id", "name", "created_at", "processed_at", "updated_at", "cancelled_at", "closed_at", "cancel_reason"),
            *("test", "currency", "presentment_currency", "financial_status", "fulfillment_status", "source_name"),
            *("payment_gateway_names", "total_price", "total_price_set", "current_total_price", "subtotal_price"),
            *("total_tax", "total_discounts", "total_tip_received", "total_shipping_price_set", "taxes_included"),
            *("tags", "discount_codes", "customer", "line_items", "shipping_lines", "fulfillments", "refunds"),
        ),
    ),
    memory=ORDER_MEMORY,
    window=Window(
        min_param="created_at_min", max_param="created_at_max", time_at="created_at", from_shop_creation=True
    ),
    records=Records(
        name="rest_orders",
        table="orders",
        key="id",
        updated=("updated_at",),
        updated_as=Kind.ISO_TIME,
        currency="currency",
        keep_of={"customer": ("id",), "refunds": ("id",)},
        # They come with notes, and with lines that come with what the buyer wrote; they are read by their ids.
        columns=(
            Column("order_number", "name", Kind.TEXT),
            Column("status", "financial_status", Kind.LOWER),
            Column("fulfillment_status", "fulfillment_status", Kind.LOWER),
            Column("is_test", "test", Kind.BOOLEAN),
            reference("buyer_platform_id", "customer.id", Kind.TEXT),
            Column("payment_method", "payment_gateway_names", Kind.TEXTS),
            Column("ordered_at", "processed_at", Kind.ISO_TIME),
            Column("cancelled_at", "cancelled_at", Kind.ISO_TIME),
            Column("discount_amount", "total_discounts", Kind.MAJOR),
            Column("subtotal_amount", "subtotal_price", Kind.MAJOR),
            Column("shipping_amount", "total_shipping_price_set.shop_money", Kind.DECIMAL_MONEY),
            Column("tax_amount", "total_tax", Kind.MAJOR),
            Column("tip_amount", "total_tip_received", Kind.MAJOR),
            Column("total_amount", "total_price", Kind.MAJOR),
            Column("current_total_amount", "current_total_price", Kind.MAJOR),
            Column("presentment_currency", "presentment_currency", Kind.TEXT),
            Column("presentment_total_amount", "total_price_set.presentment_money", Kind.OWN_MONEY),
        ),
        children=(
            Children(
                table="line_items",
                at="line_items",
                key=("id",),
                currency="price_set.shop_money.currency_code",
                columns=(
                    reference("listing_platform_id", "product_id", Kind.TEXT),
                    reference("product_platform_id", "variant_id", Kind.TEXT),
                    Column("sku", "sku", Kind.TEXT),
                    Column("title", "name", Kind.TEXT),
                    Column("quantity", "quantity", Kind.INTEGER),
                    Column("current_quantity", "current_quantity", Kind.INTEGER),
                    Column("price_amount", "price", Kind.MAJOR),
                    # `total_discount` leaves out the line's part of what was taken off the whole order.
                    Column("discount_amount", "discount_allocations", Kind.SUM, each="amount_set.shop_money"),
                ),
            ),
            Children(
                table="order_shipping_lines",
                at="shipping_lines",
                key=("id",),
                unique=False,
                or_place=True,
                currency="price_set.shop_money.currency_code",
                columns=(
                    Column("title", "title", Kind.TEXT),
                    Column("price_amount", "price", Kind.MAJOR),
                    Column("discounted_amount", "discounted_price", Kind.MAJOR),
                    Column("tax_amount", "tax_lines", Kind.SUM, each="price_set.shop_money"),
                    Column("is_removed", "is_removed", Kind.BOOLEAN),
                ),
            ),
            Children(
                table="order_tax_lines",
                at="line_items",
                beside=("shipping_lines",),
                inside="tax_lines",
                key=("of.id",),
                unique=False,
                currency="price_set.shop_money.currency_code",
                columns=(
                    Column("line_item_platform_id", "of.id", Kind.TEXT, only_with="of.quantity"),
                    Column("shipping_line_platform_id", "of.id", Kind.TEXT, only_with="of.discounted_price"),
                    Column("title", "title", Kind.TEXT),
                    Column("rate", "rate", Kind.TEXT),
                    Column("tax_amount", "price", Kind.MAJOR),
                    Column("channel_liable", "channel_liable", Kind.BOOLEAN),
                ),
            ),
            Children(
                table="order_fulfillments",
                at="fulfillments",
                key=("id",),
                columns=(
                    Column("status", "status", Kind.LOWER),
                    Column("carrier", "tracking_company", Kind.TEXT),
                    Column("tracking_code", "tracking_number", Kind.TEXT),
                    Column("shipped_at", "created_at", Kind.ISO_TIME),
                ),
            ),
        ),
    ),
)

REST_CUSTOMERS = Stream(
    name="rest_customers",
    path=GRAPHQL_PATH,
    pages=SinceIdPages(
        root="customers",
        fields=(
            *("id", "email", "first_name", "last_name", "created_at", "updated_at", "orders_count", "total_spent"),
            *("currency", "state", "tags", "tax_exempt", "verified_email", "default_address"),
        ),
    ),
    records=Records(
        name="rest_customers",
        table="customers",
        key="id",
        updated=("updated_at",),
        updated_as=Kind.ISO_TIME,
        keep_of={"default_address": ("name", "country_code", "province_code")},
        columns=(
            Column(
                "name",
                "default_address.name",
                Kind.TEXT,
                or_at="first_name",
                shown_by=("default_address.name", "first_name"),
            ),
            Column("email", "email", Kind.TEXT, shown_by=("email",)),
            Column(
                "country",
                "default_address.country_code",
                Kind.TEXT,
                shown_by=("default_address.country_code",),
            ),
        ),
    ),
)

_CHANGED = Window(min_param="updated_at_min", max_param="updated_at_max", time_at="updated_at")


def _changed(stream: Stream) -> Stream:
    """What changed of a list since the last round."""
    if not isinstance(stream.pages, SinceIdPages):
        raise TypeError(f"{stream.name} is no list of REST's")
    return replace(stream, pages=replace(stream.pages, time="updated_at"), window=_CHANGED)


_GRAPHQL = {entity.name: entity for entity in BY_GRAPHQL}
ENTITIES = (
    replace(
        _GRAPHQL["orders"],
        steps=(REST_ORDERS, REFUNDS, REFUND_LINES, JOURNALS, CHANGED_JOURNALS, JOURNAL_SALES, BALANCE_TRANSACTIONS),
        proofs=("refunds", "journals"),
        round=Round(
            steps=(
                _changed(REST_ORDERS),
                REFUNDS,
                REFUND_LINES,
                CHANGED_JOURNALS,
                JOURNAL_SALES,
                BALANCE_TRANSACTIONS,
                BALANCE_WITHOUT_PAYOUT,
            )
        ),
    ),
    _GRAPHQL["listings"],
    _GRAPHQL["variants"],
    replace(
        _GRAPHQL["customers"],
        steps=(REST_CUSTOMERS,),
        round=Round(steps=(_changed(REST_CUSTOMERS),)),
    ),
)
