"""Products of a shop and their variants: pure functions of the seed, so that 2,048 variants cost nothing."""

from __future__ import annotations

import html
import re
from typing import NamedTuple

from sandbox.parts.money import from_dollar_cents, price_tag
from sandbox.parts.order_times import DAY
from sandbox.parts.sample_text import ADJECTIVES, GIFTS, MOTIFS, PRODUCTS
from sandbox.parts.seeded_random import SeededRandom, hash_pair
from sandbox.shopify.data.ids import MAX_VARIANTS

STATUSES = ("ACTIVE", "ARCHIVED", "DRAFT", "UNLISTED")
_VENDORS = ("Kiln & Co", "Ōmori Works", "Fable Studio", "Atelier Zoé", "Druckerei Groß")
_TAGS = ("handmade", "gift", "sale", "new-in", "bestseller", "Geschenk", "限定")
_SIZES = ("XS", "S", "M", "L", "XL", "2XL", "3XL", "4XL")
_NOT_HANDLE = re.compile(r"[^a-z0-9]+")


class Product(NamedTuple):
    """One product. `gone` ones left orders behind but are no longer there."""

    number: int
    title: str
    vendor: str
    product_type: str
    status: str
    tags: tuple[str, ...]
    price: int
    created: int
    updated: int
    published: int | None
    options: tuple[tuple[str, tuple[str, ...]], ...]
    variants: int
    gift_card: bool
    digital: bool
    gone: bool
    word: str

    @property
    def handle(self) -> str:
        return f"{_NOT_HANDLE.sub('-', self.title.lower()).strip('-') or 'product'}-{self.number}"

    def values(self, variation: int) -> tuple[str, ...]:
        """The value of each option: the last option turns fastest."""
        found: list[str] = []
        for _, values in reversed(self.options):
            variation, which = divmod(variation, len(values))
            found.append(values[which])
        return tuple(reversed(found))

    def variant_title(self, variation: int) -> str:
        return " / ".join(self.values(variation))

    def sku(self, variation: int) -> str | None:
        """One product in eleven was never given stock keeping units."""
        return None if self.number % 11 == 10 else f"{self.word}-{self.number:04d}-{variation}"


def make_product(seed: int, number: int, currency: str, start: int, end: int) -> Product:
    """The fourth has as many variants as Shopify allows; the first four show every status."""
    rng = SeededRandom(f"{seed}:product:{number}")
    kind = PRODUCTS[number % len(PRODUCTS)] if number < len(PRODUCTS) else rng.pick(PRODUCTS)
    title = html.unescape(
        rng.pick(kind.titles).format(motif=rng.pick(MOTIFS), adjective=rng.pick(ADJECTIVES), gift=rng.pick(GIFTS))
    )
    values = tuple(html.unescape(value) for value in kind.values)
    options = _options(rng, number, kind.property_name, values)
    status = STATUSES[number] if number < 4 else STATUSES[(0, 0, 0, 0, 0, 0, 0, 1, 2, 3)[rng.below(10)]]
    created = start - rng.below(15 * DAY) if number < 3 else rng.between(start, end)
    updated = rng.between(created, end)
    variants = 1
    for _, each in options:
        variants *= len(each)
    return Product(
        number=number,
        title=title,
        vendor=rng.pick(_VENDORS),
        product_type=kind.word.capitalize(),
        status=status,
        tags=tuple(sorted({rng.pick(_TAGS) for _ in range(rng.below(4))})),
        price=price_tag(rng.between(*kind.cents), currency),
        created=created,
        updated=updated,
        published=min(created + DAY, end) if status in ("ACTIVE", "UNLISTED") else None,
        options=options,
        variants=min(variants, MAX_VARIANTS),
        gift_card=number >= 4 and rng.chance(15),
        digital=kind.digital,
        gone=number >= 8 and rng.chance(30),
        word=kind.word,
    )


def variant_price(product: Product, variation: int, currency: str) -> int:
    step = from_dollar_cents(150, currency)
    return product.price + variation % 7 * step


def stock(seed: int, product: Product, variation: int, location: int) -> int:
    """Some shelves are oversold: quantities can be negative (sheet section 5)."""
    return hash_pair(seed ^ location, product.number * 4096 + variation) % 60 - 4


def unit_cost(product: Product, variation: int, currency: str) -> int | None:
    """Sellers fill in about three costs of four."""
    if (product.number + variation) % 4 == 3:
        return None
    return variant_price(product, variation, currency) * 38 // 100


def _options(
    rng: SeededRandom, number: int, name: str, values: tuple[str, ...]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if number == 3:
        # 16 x 16 x 8 = 2,048, the maximum since October 2025 (sheet section 5).
        return (
            ("Motif", tuple(f"Motif {n}" for n in range(1, 17))),
            ("Color", tuple(f"Color {n}" for n in range(1, 17))),
            ("Size", _SIZES),
        )
    roll = rng.below(100)
    if roll < 25:
        return (("Title", ("Default Title",)),)
    if roll < 92:
        return ((name, values),)
    colors = tuple(f"Color {n}" for n in range(1, rng.between(3, 20)))
    return ((name, values), ("Shade", colors), ("Fit", _SIZES[: rng.between(2, 8)]))
