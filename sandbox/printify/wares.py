"""What a channel sells that has to be printed, whichever channel it is."""

from __future__ import annotations

from html import unescape
from typing import NamedTuple

from sandbox.etsy.catalog import Listing, variation_price
from sandbox.shopify.goods import Product as ShopifyProduct
from sandbox.shopify.goods import variant_price

# Printify sells at most a hundred variants of a product; this shop enables fewer.
_MOST_VARIANTS = 12


class Ware(NamedTuple):
    """A listing of Etsy or a product of Shopify. Text is plain; `number` is unique in the Printify shop."""

    number: int
    title: str
    word: str
    option: str
    labels: tuple[str, ...]
    skus: tuple[str, ...]
    prices: tuple[int, ...]
    sized: bool
    published: bool
    created: int
    updated: int
    channel_id: int
    url: str


def etsy_ware(listing: Listing, number: int, channel_id: int, url: str) -> Ware:
    values = listing.product.values
    return Ware(
        number=number,
        title=unescape(listing.title),
        word=listing.product.word,
        option=listing.product.property_name,
        labels=tuple(unescape(value) for value in values),
        skus=tuple(f"{listing.sku}-{index}" for index in range(len(values))),
        prices=tuple(variation_price(listing, index) for index in range(len(values))),
        sized=listing.product.property_id == 100,
        published=listing.state in ("active", "sold_out", "expired"),
        created=listing.created,
        updated=listing.updated,
        channel_id=channel_id,
        url=url,
    )


def shopify_ware(product: ShopifyProduct, number: int, channel_id: int, url: str, currency: str) -> Ware:
    count = min(product.variants, _MOST_VARIANTS)
    return Ware(
        number=number,
        title=product.title,
        word=product.word,
        option=product.options[-1][0],
        labels=tuple(product.variant_title(index) for index in range(count)),
        skus=tuple(product.sku(index) or f"PFY-{number}-{index}" for index in range(count)),
        prices=tuple(variant_price(product, index, currency) for index in range(count)),
        sized=product.options[-1][0] in ("Size", "Fit"),
        published=product.published is not None,
        created=product.created,
        updated=product.updated,
        channel_id=channel_id,
        url=url,
    )
