"""Products of a shop: a blank, a provider, variants with today's costs, and the listing they were published as."""

from __future__ import annotations

from typing import NamedTuple

from sandbox.parts.seeded_random import SeededRandom
from sandbox.printify.catalog import BLUEPRINTS, PROVIDERS, Blueprint, Provider
from sandbox.printify.channel_products import ChannelProduct


class Product(NamedTuple):
    """One product: what the channel sells, the blueprint that it is printed on, and who prints."""

    channel_product: ChannelProduct
    blueprint: Blueprint
    provider: Provider
    surcharge: int
    created: int

    @property
    def number(self) -> int:
        return self.channel_product.number

    @property
    def title(self) -> str:
        return self.channel_product.title


def make_product(seed: int, channel_product: ChannelProduct) -> Product:
    rng = SeededRandom(f"{seed}:product:{channel_product.number}")
    return Product(
        channel_product=channel_product,
        blueprint=BLUEPRINTS[channel_product.word],
        provider=rng.pick(PROVIDERS),
        surcharge=rng.below(260),
        created=channel_product.created - rng.between(60, 7200),
    )


def unit_cost(product: Product, variation: int, *, surcharge: int | None = None) -> int:
    """What printing one costs in cents: providers differ, larger ones cost more."""
    base = product.blueprint.base * (1000 + (product.surcharge if surcharge is None else surcharge)) // 1000
    return base + base * 12 * variation // 100 if product.channel_product.sized else base


def sku(product: Product, variation: int) -> str:
    """The channel's own, which is how sellers keep it."""
    return product.channel_product.skus[variation]


def variant_id(product: Product, variation: int) -> int:
    return product.blueprint.number * 100 + variation


def variant_label(product: Product, variation: int) -> str:
    return product.channel_product.labels[variation]
