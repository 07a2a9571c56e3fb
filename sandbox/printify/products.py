"""Products of a shop: a blank, a provider, variants with today's costs, and the listing they were published as."""

from __future__ import annotations

from html import unescape
from typing import TYPE_CHECKING, NamedTuple

from sandbox.etsy.catalog import Listing, variation_price
from sandbox.parts.answer import Doc
from sandbox.parts.dice import Dice
from sandbox.printify.goods import BLUEPRINTS, COLOURS, PROVIDERS, SIZES, Blueprint, Provider
from sandbox.printify.tokens import moment

if TYPE_CHECKING:
    from sandbox.printify.shop import Shop

# One product in so many has many more variants than the channel sells: colours by sizes, most of them disabled.
_WIDE = 9


class Product(NamedTuple):
    """One product. `number` is that of the channel's listing."""

    number: int
    listing: Listing
    blank: Blueprint
    provider: Provider
    dearer: int
    created: int
    updated: int

    @property
    def title(self) -> str:
        return unescape(self.listing.title)


def make_product(seed: int, listing: Listing) -> Product:
    dice = Dice(f"{seed}:product:{listing.number}")
    return Product(
        number=listing.number,
        listing=listing,
        blank=BLUEPRINTS[listing.product.word],
        provider=dice.pick(PROVIDERS),
        dearer=dice.below(260),
        created=listing.created - dice.between(60, 7200),
        updated=listing.updated,
    )


def unit_cost(product: Product, variation: int, *, dearer: int | None = None) -> int:
    """What printing one costs in cents: providers differ, larger ones cost more."""
    base = product.blank.base * (1000 + (product.dearer if dearer is None else dearer)) // 1000
    return base + base * 12 * variation // 100 if product.listing.product.property_id == 100 else base


def sku(product: Product, variation: int) -> str:
    """The channel's own, which is how sellers keep it."""
    return f"{product.listing.sku}-{variation}"


def variant_id(product: Product, variation: int) -> int:
    return product.blank.number * 100 + variation


def variant_label(product: Product, variation: int) -> str:
    return unescape(product.listing.product.values[variation])


def render_product(shop: Shop, product: Product) -> Doc:
    """A product (spec product) with the fields seen in life. `print_areas` and `views` are as short as they may be."""
    dice = Dice(f"{shop.seed}:product-doc:{product.number}")
    variants = [_variant(product, index) for index in range(len(product.listing.product.values))]
    option = product.listing.product.property_name
    options: list[Doc] = [_option(option, [unescape(value) for value in product.listing.product.values], 1000)]
    if product.number % _WIDE == 0:
        options = [_option("Colors", list(COLOURS), 2000), _option("Sizes", list(SIZES), 3000)]
        variants += _disabled(product, len(variants))
    published = product.listing.state in ("active", "sold_out", "expired")
    doc: Doc = {
        "id": shop.ids.product(product.number),
        "title": product.title,
        "description": f"{product.title}. Printed when you order it." if dice.chance(900) else None,
        "safety_information": None,
        "tags": [product.blank.title, "Home & Living"],
        "options": options,
        "variants": variants,
        "images": [_image(shop, product, [variant["id"] for variant in variants[:1]])],
        "created_at": moment(product.created),
        "updated_at": moment(product.updated),
        "visible": published,
        "is_locked": False,
        "is_printify_express_eligible": product.blank.number in (6, 68),
        "is_printify_express_enabled": False,
        "is_economy_shipping_eligible": product.blank.number == 358,
        "is_economy_shipping_enabled": False,
        "blueprint_id": product.blank.number,
        "user_id": shop.plan.account_id,
        "shop_id": shop.ids.shop,
        "print_provider_id": product.provider.number,
        "print_areas": [],
        "views": [],
        "sales_channel_properties": dice.pick(([], [], {}, None)),
    }
    if published:
        external: Doc = {"id": str(shop.channel.listing_id(product.number))}
        external["handle"] = shop.channel.product_url(product.number)
        doc["external"] = [{**external, "shipping_template_id": "1"}] if dice.chance(150) else external
    elif dice.chance(500):
        doc["external"] = None
    return doc


def _variant(product: Product, index: int) -> Doc:
    return {
        "id": variant_id(product, index),
        "sku": sku(product, index),
        "cost": unit_cost(product, index),
        "price": variation_price(product.listing, index),
        "title": variant_label(product, index),
        "grams": product.blank.grams,
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
            "sku": f"{product.listing.sku}-x{number}",
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
