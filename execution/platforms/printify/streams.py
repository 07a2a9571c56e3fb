"""Printify: its streams and the columns they fill.

Source of every path and field: Printify's OpenAPI document (operation ids in the comments) and the platform sheet.
Amounts are integer cents without a currency (sheet 8): they are stored as they came, beside the currency that the
connection states or assumes. Fields that were seen in life and are not in the document are columns where they help.

Orders have no time of change: the later fetch wins. Every read is a read of all (there is no filter by time), so what a
proven read does not show is gone.
"""

from __future__ import annotations

from dataclasses import replace

from execution.streams import (
    Children,
    Column,
    Entity,
    HeadPages,
    Kind,
    Lookup,
    PageNumberPages,
    Records,
    Round,
    Stream,
)

LINE_ITEMS = Children(
    table="printify_line_items",
    at="line_items",
    # Seen in life, but not on every line: the place among those without one names the rest (sheet 7).
    key=("id",),
    unique=False,
    columns=(
        Column("status", "status", Kind.LOWER),
        Column("product_platform_id", "product_id", Kind.TEXT),
        Column("variant_id", "variant_id", Kind.TEXT),
        Column("print_provider_id", "print_provider_id", Kind.TEXT),
        Column("sku", "metadata.sku", Kind.TEXT),
        Column("title", "metadata.title", Kind.TEXT),
        Column("variant_title", "metadata.variant_label", Kind.TEXT),
        Column("quantity", "quantity", Kind.INTEGER),
        Column("cost_amount", "cost", Kind.INTEGER),
        Column("shipping_cost_amount", "shipping_cost", Kind.INTEGER),
        Column("retail_amount", "metadata.price", Kind.INTEGER),
        Column("sent_to_production_at", "sent_to_production_at", Kind.ISO_TIME),
        Column("fulfilled_at", "fulfilled_at", Kind.ISO_TIME),
    ),
)

# A shipment has no id: carrier and number name it, and its place among equals.
SHIPMENTS = Children(
    table="printify_shipments",
    at="shipments",
    key=("carrier", "number"),
    unique=False,
    columns=(
        Column("carrier", "carrier", Kind.TEXT),
        Column("tracking_code", "number", Kind.TEXT),
        Column("delivered_at", "delivered_at", Kind.ISO_TIME),
    ),
)

# retrieveAListOfOrders. Data minimisation (sheet 14): of the address country and region are enough.
ORDERS = Stream(
    name="orders",
    path="/shops/{shop_id}/orders.json",
    pages=PageNumberPages(limit=10),
    records_at="data",
    records=Records(
        name="orders",
        table="printify_orders",
        key="id",
        # Never changes, so that of two fetches the later wins.
        updated=("created_at",),
        updated_as=Kind.ISO_TIME,
        leave_out=("printify_connect",),
        keep_of={"address_to": ("country", "region")},
        columns=(
            Column("app_order_id", "app_order_id", Kind.TEXT),
            Column("status", "status", Kind.LOWER),
            Column("order_type", "metadata.order_type", Kind.LOWER),
            Column("shop_order_id", "metadata.shop_order_id", Kind.TEXT),
            Column("shop_order_label", "metadata.shop_order_label", Kind.TEXT),
            Column("is_reprint", "metadata.is_reprint", Kind.BOOLEAN),
            Column("reprinted_order_ids", "metadata.reprinted_order_ids", Kind.TEXTS),
            Column("shipping_method", "shipping_method", Kind.INTEGER),
            Column("is_express", "is_printify_express", Kind.BOOLEAN),
            Column("country", "address_to.country", Kind.TEXT),
            Column("region", "address_to.region", Kind.TEXT),
            Column("retail_amount", "total_price", Kind.INTEGER),
            Column("shipping_amount", "total_shipping", Kind.INTEGER),
            Column("tax_amount", "total_tax", Kind.INTEGER),
            Column("ordered_at", "created_at", Kind.ISO_TIME),
            Column("sent_to_production_at", "sent_to_production_at", Kind.ISO_TIME),
            Column("fulfilled_at", "fulfilled_at", Kind.ISO_TIME),
        ),
        children=(LINE_ITEMS, SHIPMENTS),
    ),
)

# retrieveAListOfProducts. `external` is an object, or a list of one (sheet 7); the docs spell `update_at` too.
PRODUCTS = Stream(
    name="products",
    path="/shops/{shop_id}/products.json",
    pages=PageNumberPages(limit=50),
    records_at="data",
    records=Records(
        name="products",
        table="printify_products",
        key="id",
        updated=("updated_at", "update_at", "created_at"),
        updated_as=Kind.ISO_TIME,
        # Large, and about how it is printed.
        leave_out=("print_areas", "print_details", "views", "images"),
        columns=(
            Column("title", "title", Kind.TEXT),
            Column("tags", "tags", Kind.TEXTS),
            Column("blueprint_id", "blueprint_id", Kind.TEXT),
            Column("print_provider_id", "print_provider_id", Kind.TEXT),
            Column("is_visible", "visible", Kind.BOOLEAN),
            Column("is_locked", "is_locked", Kind.BOOLEAN),
            Column("channel_product_id", "external.id", Kind.TEXT, or_at="external.0.id"),
            Column("channel_url", "external.handle", Kind.TEXT, or_at="external.0.handle"),
            Column("made_at", "created_at", Kind.ISO_TIME),
        ),
        children=(
            Children(
                table="printify_variants",
                at="variants",
                # The id is the catalog's: many products have the same variant.
                key=("id",),
                unique=False,
                parent_column="product_platform_id",
                columns=(
                    Column("variant_id", "id", Kind.TEXT),
                    Column("sku", "sku", Kind.TEXT),
                    Column("title", "title", Kind.TEXT),
                    Column("cost_amount", "cost", Kind.INTEGER),
                    Column("price_amount", "price", Kind.INTEGER),
                    Column("weight_grams", "grams", Kind.INTEGER),
                    Column("is_enabled", "is_enabled", Kind.BOOLEAN),
                    Column("is_default", "is_default", Kind.BOOLEAN),
                    Column("is_available", "is_available", Kind.BOOLEAN),
                ),
            ),
        ),
    ),
)

# The same list, newest first, down to the last round's bound: what was ordered since.
NEW_ORDERS = replace(ORDERS, pages=HeadPages(limit=10))

# No list tells which orders have changed (sheet 11): those that are not at their end are asked for by number, the older
# the more seldom.
OPEN_ORDERS = Lookup(
    name="orders",
    path="/shops/{shop_id}/orders/{id}.json",
    records=ORDERS.records,
    records_at=ORDERS.records_at,
    pending="open_orders",
    single=True,
)

ENTITIES = (
    Entity(
        name="orders",
        table="printify_orders",
        steps=(ORDERS,),
        time_column="ordered_at",
        proofs=("lines",),
        complete_read=True,
        round=Round(steps=(NEW_ORDERS, OPEN_ORDERS)),
    ),
    Entity(name="products", table="printify_products", steps=(PRODUCTS,), complete_read=True),
)
