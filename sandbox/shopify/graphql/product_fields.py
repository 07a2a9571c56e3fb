"""How fields of products, variants, inventory and locations are read."""

from __future__ import annotations

from typing import Any

from sandbox.parts.order_times import DAY
from sandbox.parts.responses import Doc
from sandbox.shopify.data.ids import gid, parse_gid
from sandbox.shopify.data.live_shop import InventoryLevel, Variant
from sandbox.shopify.data.money import padded
from sandbox.shopify.data.products import Product, variant_price
from sandbox.shopify.data.shop import Location
from sandbox.shopify.data.timestamps import utc
from sandbox.shopify.graphql.compiler import Resolvers, WithArgs
from sandbox.shopify.graphql.context import Context
from sandbox.shopify.graphql.pagination import slice_page


def _of(name: str) -> Any:
    return lambda v, _ctx: getattr(v, name)


def _description(product: Product) -> str:
    return f"{product.title}. Made with care."


def _prices(product: Product, ctx: Context) -> tuple[int, int]:
    prices = [variant_price(product, n, ctx.live_shop.shop.currency) for n in range(min(product.variants, 7))]
    return min(prices), max(prices)


def _total_inventory(product: Product, ctx: Context) -> int:
    return sum(ctx.live_shop.available(variant) for variant in ctx.live_shop.variants(product))


def _variants(product: Product, ctx: Context, args: dict[str, Any]) -> Any:
    return slice_page(ctx.live_shop.variants(product), args)


PRODUCT: dict[str, Any] = {
    "id": lambda p, ctx: gid("Product", ctx.live_shop.shop.ids.product(p.number)),
    "legacyResourceId": lambda p, ctx: str(ctx.live_shop.shop.ids.product(p.number)),
    "title": _of("title"),
    "handle": _of("handle"),
    "status": _of("status"),
    "vendor": _of("vendor"),
    "productType": _of("product_type"),
    "tags": lambda p, _ctx: sorted(p.tags),
    "description": WithArgs(lambda p, _ctx, args: _description(p)[: args.get("truncateAt")]),
    "descriptionHtml": lambda p, _ctx: f"<p>{_description(p)}</p>",
    "createdAt": lambda p, _ctx: utc(p.created),
    "updatedAt": lambda p, _ctx: utc(p.updated),
    "publishedAt": lambda p, _ctx: utc(p.published),
    "isGiftCard": _of("gift_card"),
    "hasOnlyDefaultVariant": lambda p, _ctx: p.options[0][0] == "Title",
    "totalInventory": _total_inventory,
    "tracksInventory": lambda p, _ctx: not p.digital,
    "priceRangeV2": _prices,
    "options": WithArgs(lambda p, _ctx, args: [(p, n) for n in range(len(p.options))][: args.get("first")]),
    "variants": WithArgs(_variants),
    "variantsCount": lambda p, ctx: (len(ctx.live_shop.variants(p)), "EXACT"),
}
OPTION: dict[str, Any] = {
    "id": lambda v, ctx: gid("ProductOption", ctx.live_shop.shop.ids.product(v[0].number) * 10 + v[1]),
    "name": lambda v, _ctx: v[0].options[v[1]][0],
    "position": lambda v, _ctx: v[1] + 1,
    "values": lambda v, _ctx: list(v[0].options[v[1]][1]),
}


def _price(variant: Variant, ctx: Context) -> str:
    if "price" in variant.edits:
        return str(variant.edits["price"])
    return padded(
        variant_price(variant.product, variant.variation, ctx.live_shop.shop.currency), ctx.live_shop.shop.currency
    )


def _compare_at(variant: Variant, ctx: Context) -> str | None:
    if variant.variation % 5 != 4:
        return None
    price = variant_price(variant.product, variant.variation, ctx.live_shop.shop.currency)
    return padded(price * 5 // 4, ctx.live_shop.shop.currency)


def _sku(variant: Variant, _ctx: Context) -> str | None:
    found = variant.edits.get("sku", variant.product.sku(variant.variation))
    return None if found is None else str(found)


def _quantity(variant: Variant, ctx: Context) -> int | None:
    return None if variant.product.digital else ctx.live_shop.available(variant)


VARIANT: dict[str, Any] = {
    "id": lambda v, ctx: gid("ProductVariant", ctx.live_shop.shop.ids.variant(v.product.number, v.variation)),
    "legacyResourceId": lambda v, ctx: str(ctx.live_shop.shop.ids.variant(v.product.number, v.variation)),
    "title": lambda v, _ctx: v.product.variant_title(v.variation),
    "displayName": lambda v, _ctx: f"{v.product.title} - {v.product.variant_title(v.variation)}",
    "sku": _sku,
    "barcode": lambda v, _ctx: None if v.variation % 3 else f"40{v.product.number:05d}{v.variation:05d}",
    "price": _price,
    "compareAtPrice": _compare_at,
    "position": lambda v, _ctx: v.variation + 1,
    "inventoryQuantity": _quantity,
    "inventoryPolicy": lambda v, _ctx: "CONTINUE" if v.product.digital else "DENY",
    "inventoryItem": lambda v, _ctx: v,
    "selectedOptions": lambda v, _ctx: [
        {"name": name, "value": value}
        for (name, _), value in zip(v.product.options, v.product.values(v.variation), strict=True)
    ],
    "taxable": lambda v, _ctx: not v.product.gift_card,
    "availableForSale": lambda v, ctx: v.product.digital or ctx.live_shop.available(v) > 0,
    "createdAt": lambda v, _ctx: utc(v.product.created),
    "updatedAt": lambda v, _ctx: utc(v.updated),
    "product": lambda v, _ctx: v.product,
}


# --- inventory ------------------------------------------------------------------------------------------


def _unit_cost(variant: Variant, ctx: Context) -> Any:
    """Also needs the staff permission to see costs (sheet section 2.4)."""
    if not ctx.settings.product_costs:
        return None
    cost = ctx.live_shop.unit_cost(variant)
    return None if cost is None else (cost, ctx.live_shop.shop.currency)


def _levels(variant: Variant, ctx: Context, args: dict[str, Any]) -> Any:
    ctx.need("read_inventory", "inventoryLevels")
    return slice_page(ctx.live_shop.levels(variant, inactive=args["includeInactive"]), args)


def _level(variant: Variant, ctx: Context, args: dict[str, Any]) -> InventoryLevel | None:
    ctx.need("read_inventory", "inventoryLevel")
    wanted = parse_gid(args["locationId"])
    number = ctx.live_shop.shop.ids.location_number(wanted[1]) if wanted else -1
    levels = ctx.live_shop.levels(variant, inactive=args["includeInactive"])
    return next((level for level in levels if level.place.number == number), None)


ITEM: dict[str, Any] = {
    "id": lambda v, ctx: gid("InventoryItem", ctx.live_shop.shop.ids.item(v.product.number, v.variation)),
    "legacyResourceId": lambda v, ctx: str(ctx.live_shop.shop.ids.item(v.product.number, v.variation)),
    "sku": _sku,
    "tracked": lambda v, _ctx: not v.product.digital,
    "requiresShipping": lambda v, _ctx: not v.product.digital,
    "unitCost": _unit_cost,
    "countryCodeOfOrigin": lambda _v, ctx: ctx.live_shop.shop.home,
    "harmonizedSystemCode": lambda _v, _ctx: None,
    "duplicateSkuCount": lambda _v, _ctx: 0,
    "createdAt": lambda v, _ctx: utc(v.product.created),
    "updatedAt": lambda v, _ctx: utc(v.item_updated),
    "locationsCount": lambda v, ctx: (len(ctx.live_shop.levels(v, inactive=False)), "EXACT"),
    "variant": lambda v, _ctx: v,
    "variants": WithArgs(lambda v, _ctx, args: slice_page([v], args)),
    "inventoryLevel": WithArgs(_level),
    "inventoryLevels": WithArgs(_levels),
}


def _item_id(level: InventoryLevel, ctx: Context) -> int:
    return ctx.live_shop.shop.ids.item(level.variant.product.number, level.variant.variation)


def level_gid(level: InventoryLevel, ctx: Context) -> str:
    place = ctx.live_shop.shop.ids.location(level.place.number)
    return f"gid://shopify/InventoryLevel/{place}?inventory_item_id={_item_id(level, ctx)}"


def _quantities(level: InventoryLevel, ctx: Context, args: dict[str, Any]) -> list[Doc]:
    """On hand is what can be sold and what is promised."""
    available = ctx.live_shop.quantity(level.variant, level.place)
    committed = (level.variant.product.number + level.variant.variation) % 3
    known = {"available": available, "committed": committed, "on_hand": available + committed}
    place = ctx.live_shop.shop.ids.location(level.place.number)
    return [
        {
            "id": f"gid://shopify/InventoryQuantity/{place}?inventory_item_id={_item_id(level, ctx)}&name={name}",
            "name": name,
            "quantity": known.get(name, 0),
            "updatedAt": utc(level.variant.item_updated),
        }
        for name in args["names"]
    ]


LEVEL: dict[str, Any] = {
    "id": level_gid,
    "location": _of("place"),
    "item": _of("variant"),
    "isActive": lambda v, _ctx: v.place.active,
    "createdAt": lambda v, _ctx: utc(v.variant.product.created),
    "updatedAt": lambda v, _ctx: utc(v.variant.item_updated),
    "quantities": WithArgs(_quantities),
}


def _address(place: Location, ctx: Context) -> Doc:
    return {"city": place.city, "countryCode": ctx.live_shop.shop.home}


LOCATION: dict[str, Any] = {
    "id": lambda p, ctx: gid("Location", ctx.live_shop.shop.ids.location(p.number)),
    "legacyResourceId": lambda p, ctx: str(ctx.live_shop.shop.ids.location(p.number)),
    "name": _of("name"),
    "isActive": _of("active"),
    "isFulfillmentService": _of("legacy"),
    "fulfillsOnlineOrders": _of("active"),
    "shipsInventory": _of("active"),
    "hasActiveInventory": lambda p, _ctx: p.active and not p.legacy,
    "deactivatedAt": lambda p, ctx: None if p.active else utc(ctx.live_shop.shop.start + 90 * DAY),
    "address": _address,
    "createdAt": lambda _p, ctx: utc(ctx.live_shop.shop.opened),
    "updatedAt": lambda _p, ctx: utc(ctx.live_shop.shop.start),
}
_ADDRESS = ("address1", "city", "country", "countryCode", "province", "zip")

FIELDS: Resolvers = {
    "Product": PRODUCT,
    "ProductPriceRangeV2": {
        "minVariantPrice": lambda v, ctx: (v[0], ctx.live_shop.shop.currency),
        "maxVariantPrice": lambda v, ctx: (v[1], ctx.live_shop.shop.currency),
    },
    "ProductOption": OPTION,
    "ProductVariant": VARIANT,
    "SelectedOption": {"name": lambda v, _ctx: v["name"], "value": lambda v, _ctx: v["value"]},
    "InventoryItem": ITEM,
    "InventoryLevel": LEVEL,
    "InventoryQuantity": {
        name: (lambda v, _ctx, name=name: v[name]) for name in ("id", "name", "quantity", "updatedAt")
    },
    "Location": LOCATION,
    "LocationAddress": {
        **{name: (lambda v, _ctx, name=name: v.get(name)) for name in _ADDRESS},
        "formatted": lambda v, _ctx: [v["city"], v["countryCode"]],
    },
}
