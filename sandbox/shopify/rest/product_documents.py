"""Products, inventory, locations and the shop as REST writes them (sheet section 6)."""

from __future__ import annotations

from sandbox.parts.responses import Doc
from sandbox.shopify.data.ids import gid
from sandbox.shopify.data.live_shop import InventoryLevel, Variant
from sandbox.shopify.data.money import padded
from sandbox.shopify.data.products import Product, variant_price
from sandbox.shopify.data.shop import Location
from sandbox.shopify.rest.documents import Writer

# REST never learned of more than a hundred variants of a product (sheet section 5, Product).
MOST_VARIANTS = 100


def product_doc(writer: Writer, product: Product) -> Doc:
    number = writer.shop.ids.product(product.number)
    variants = writer.live_shop.variants(product)[:MOST_VARIANTS]
    return {
        "id": number,
        "admin_graphql_api_id": gid("Product", number),
        "title": product.title,
        "body_html": f"<p>{product.title}. Made with care.</p>",
        "handle": product.handle,
        "status": product.status.lower(),
        "vendor": product.vendor,
        "product_type": product.product_type,
        "tags": ", ".join(sorted(product.tags)),
        "created_at": writer.time(product.created),
        "updated_at": writer.time(product.updated),
        "published_at": writer.time(product.published),
        "published_scope": "web",
        "template_suffix": None,
        "options": [
            {"id": number * 10 + n, "product_id": number, "name": name, "position": n + 1, "values": list(values)}
            for n, (name, values) in enumerate(product.options)
        ],
        "variants": [variant_doc(writer, variant) for variant in variants],
        "images": [],
        "image": None,
    }


def variant_doc(writer: Writer, variant: Variant) -> Doc:
    ids, product = writer.shop.ids, variant.product
    number = ids.variant(product.number, variant.variation)
    values = [*product.values(variant.variation), None, None]
    price = padded(variant_price(product, variant.variation, writer.shop.currency), writer.shop.currency)
    available = 0 if product.digital else writer.live_shop.available(variant)
    return {
        "id": number,
        "admin_graphql_api_id": gid("ProductVariant", number),
        "product_id": ids.product(product.number),
        "inventory_item_id": ids.item(product.number, variant.variation),
        "title": product.variant_title(variant.variation),
        "sku": variant.edits.get("sku", product.sku(variant.variation)),
        "barcode": None,
        "price": variant.edits.get("price", price),
        "compare_at_price": None,
        "position": variant.variation + 1,
        "option1": values[0],
        "option2": values[1],
        "option3": values[2],
        "inventory_quantity": available,
        "old_inventory_quantity": available,
        "inventory_policy": "continue" if product.digital else "deny",
        "inventory_management": None if product.digital else "shopify",
        "fulfillment_service": "manual",
        "grams": 0,
        "weight": 0.0,
        "weight_unit": "kg",
        "requires_shipping": not product.digital,
        "taxable": not product.gift_card,
        "image_id": None,
        "created_at": writer.time(product.created),
        "updated_at": writer.time(variant.updated),
    }


def item_doc(writer: Writer, variant: Variant) -> Doc:
    number = writer.shop.ids.item(variant.product.number, variant.variation)
    cost = writer.live_shop.unit_cost(variant)
    return {
        "id": number,
        "admin_graphql_api_id": gid("InventoryItem", number),
        "sku": variant.edits.get("sku", variant.product.sku(variant.variation)),
        "cost": None if cost is None else padded(cost, writer.shop.currency),
        "tracked": not variant.product.digital,
        "requires_shipping": not variant.product.digital,
        "country_code_of_origin": writer.shop.home,
        "province_code_of_origin": None,
        "harmonized_system_code": None,
        "country_harmonized_system_codes": [],
        "created_at": writer.time(variant.product.created),
        "updated_at": writer.time(variant.item_updated),
    }


def level_doc(writer: Writer, level: InventoryLevel) -> Doc:
    ids, variant = writer.shop.ids, level.variant
    item, place = ids.item(variant.product.number, variant.variation), ids.location(level.place.number)
    return {
        "inventory_item_id": item,
        "location_id": place,
        "available": writer.live_shop.quantity(variant, level.place),
        "updated_at": writer.time(variant.item_updated),
        "admin_graphql_api_id": f"gid://shopify/InventoryLevel/{place}?inventory_item_id={item}",
    }


def location_doc(writer: Writer, place: Location) -> Doc:
    number = writer.shop.ids.location(place.number)
    return {
        "id": number,
        "admin_graphql_api_id": gid("Location", number),
        "name": place.name,
        "active": place.active,
        "legacy": place.legacy,
        "address1": None,
        "address2": None,
        "city": place.city,
        "zip": None,
        "province": None,
        "country": writer.shop.home,
        "country_code": writer.shop.home,
        "phone": None,
        "created_at": writer.time(writer.shop.opened),
        "updated_at": writer.time(writer.shop.start),
    }


def shop_doc(writer: Writer) -> Doc:
    shop = writer.shop
    return {
        "id": shop.ids.shop,
        "name": shop.name,
        "email": f"owner@{shop.domain}",
        "domain": shop.domain,
        "myshopify_domain": shop.domain,
        "currency": shop.currency,
        "iana_timezone": shop.zone,
        "plan_name": shop.plan.plan,
        "plan_display_name": shop.plan.plan.capitalize(),
        "shop_owner": shop.plan.owner,
        "taxes_included": shop.taxes_included,
        "country_code": shop.home,
        "created_at": writer.time(shop.opened),
        "updated_at": writer.time(shop.end),
    }
