"""Products of a shop: a blank, a provider, variants with today's costs, and the listing they were published as."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sandbox.parts.answer import Doc
from sandbox.parts.dice import Dice
from sandbox.printify.goods import BLUEPRINTS, COLOURS, PROVIDERS, SIZES, Blueprint, Provider
from sandbox.printify.tokens import moment
from sandbox.printify.wares import Ware

if TYPE_CHECKING:
    from sandbox.printify.shop import Shop

# One product in so many has many more variants than the channel sells: colours by sizes, most of them disabled.
_WIDE = 9


class Product(NamedTuple):
    """One product: a ware of the channel, the blank that it is printed on, and who prints."""

    ware: Ware
    blank: Blueprint
    provider: Provider
    dearer: int
    created: int

    @property
    def number(self) -> int:
        return self.ware.number

    @property
    def title(self) -> str:
        return self.ware.title


def make_product(seed: int, ware: Ware) -> Product:
    dice = Dice(f"{seed}:product:{ware.number}")
    return Product(
        ware=ware,
        blank=BLUEPRINTS[ware.word],
        provider=dice.pick(PROVIDERS),
        dearer=dice.below(260),
        created=ware.created - dice.between(60, 7200),
    )


def unit_cost(product: Product, variation: int, *, dearer: int | None = None) -> int:
    """What printing one costs in cents: providers differ, larger ones cost more."""
    base = product.blank.base * (1000 + (product.dearer if dearer is None else dearer)) // 1000
    return base + base * 12 * variation // 100 if product.ware.sized else base


def sku(product: Product, variation: int) -> str:
    """The channel's own, which is how sellers keep it."""
    return product.ware.skus[variation]


def variant_id(product: Product, variation: int) -> int:
    return product.blank.number * 100 + variation


def variant_label(product: Product, variation: int) -> str:
    return product.ware.labels[variation]


def render_product(shop: Shop, product: Product) -> Doc:
    """A product (spec product) with the fields seen in life. `print_areas` and `views` are as short as they may be."""
    dice = Dice(f"{shop.seed}:product-doc:{product.number}")
    variants = [_variant(product, index) for index in range(len(product.ware.labels))]
    options: list[Doc] = [_option(product.ware.option, list(product.ware.labels), 1000)]
    if product.number % _WIDE == 0:
        options = [_option("Colors", list(COLOURS), 2000), _option("Sizes", list(SIZES), 3000)]
        variants += _disabled(product, len(variants))
    published = product.ware.published
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
        "updated_at": moment(product.ware.updated),
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
        external: Doc = {"id": str(product.ware.channel_id), "handle": product.ware.url}
        doc["external"] = [{**external, "shipping_template_id": "1"}] if dice.chance(150) else external
    elif dice.chance(500):
        doc["external"] = None
    return doc


def _variant(product: Product, index: int) -> Doc:
    return {
        "id": variant_id(product, index),
        "sku": sku(product, index),
        "cost": unit_cost(product, index),
        "price": product.ware.prices[index],
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
            "sku": f"{product.ware.skus[0]}-x{number}",
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
