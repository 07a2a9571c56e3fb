"""Products as Printify writes them (spec product), with the fields seen in life."""

from __future__ import annotations

from sandbox.parts.responses import Doc
from sandbox.parts.seeded_random import SeededRandom
from sandbox.printify.catalog import COLOURS, SIZES
from sandbox.printify.products import Product, sku, unit_cost, variant_id, variant_label
from sandbox.printify.shop import Shop
from sandbox.printify.timestamps import timestamp

# One product in so many has many more variants than the channel sells: colours by sizes, most of them disabled.
_WIDE = 9


def render_product(shop: Shop, product: Product) -> Doc:
    """A product (spec product) with the fields seen in life. `print_areas` and `views` are as short as they may be."""
    rng = SeededRandom(f"{shop.seed}:product-doc:{product.number}")
    variants = [_variant(product, index) for index in range(len(product.channel_product.labels))]
    options: list[Doc] = [_option(product.channel_product.option, list(product.channel_product.labels), 1000)]
    if product.number % _WIDE == 0:
        options = [_option("Colors", list(COLOURS), 2000), _option("Sizes", list(SIZES), 3000)]
        variants += _disabled(product, len(variants))
    published = product.channel_product.published
    doc: Doc = {
        "id": shop.ids.product(product.number),
        "title": product.title,
        "description": f"{product.title}. Printed when you order it." if rng.chance(900) else None,
        "safety_information": None,
        "tags": [product.blueprint.title, "Home & Living"],
        "options": options,
        "variants": variants,
        "images": [_image(shop, product, [variant["id"] for variant in variants[:1]])],
        "created_at": timestamp(product.created),
        "updated_at": timestamp(product.channel_product.updated),
        "visible": published,
        "is_locked": False,
        "is_printify_express_eligible": product.blueprint.number in (6, 68),
        "is_printify_express_enabled": False,
        "is_economy_shipping_eligible": product.blueprint.number == 358,
        "is_economy_shipping_enabled": False,
        "blueprint_id": product.blueprint.number,
        "user_id": shop.plan.account_id,
        "shop_id": shop.ids.shop,
        "print_provider_id": product.provider.number,
        "print_areas": [],
        "views": [],
        "sales_channel_properties": rng.pick(([], [], {}, None)),
    }
    if published:
        external: Doc = {"id": str(product.channel_product.channel_id), "handle": product.channel_product.url}
        doc["external"] = [{**external, "shipping_template_id": "1"}] if rng.chance(150) else external
    elif rng.chance(500):
        doc["external"] = None
    return doc


def _variant(product: Product, index: int) -> Doc:
    return {
        "id": variant_id(product, index),
        "sku": sku(product, index),
        "cost": unit_cost(product, index),
        "price": product.channel_product.prices[index],
        "title": variant_label(product, index),
        "grams": product.blueprint.grams,
        "is_enabled": True,
        "is_default": index == 0,
        "is_available": index < 3 or product.number % 7 != 0,
        "is_printify_express_eligible": False,
        "options": [1000 + index],
    }


def _disabled(product: Product, start: int) -> list[Doc]:
    """Variants that the printer has and the seller does not sell."""
    pairs = [(c, s) for c in range(len(COLOURS)) for s in range(len(SIZES))]
    return [
        {
            **_variant(product, 0),
            "id": variant_id(product, start + number),
            "sku": f"{product.channel_product.skus[0]}-x{number}",
            "title": f"{COLOURS[colour]} / {SIZES[size]}",
            "is_enabled": False,
            "is_default": False,
            "options": [2000 + colour, 3000 + size],
        }
        for number, (colour, size) in enumerate(pairs)
    ]


def _option(name: str, values: list[str], first: int) -> Doc:
    listed: list[Doc] = [{"id": first + n, "title": title} for n, title in enumerate(values)]
    return {"name": name, "type": name.lower().rstrip("s"), "values": listed}


def _image(shop: Shop, product: Product, variant_ids: list[int]) -> Doc:
    src = f"https://images.example.com/mockup/{shop.ids.product(product.number)}/1.jpg"
    return {"src": src, "variant_ids": variant_ids, "position": "front", "is_default": True}
