"""What a channel sells that has to be printed, whichever channel it is."""

from __future__ import annotations

from html import unescape
from typing import NamedTuple

from sandbox.etsy.listings import Listing, variation_price
from sandbox.shopify.data.products import Product as ShopifyProduct
from sandbox.shopify.data.products import variant_price

# Printify sells at most a hundred variants of a product; this shop enables fewer.
_MOST_VARIANTS = 12


class ChannelProduct(NamedTuple):
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


def from_etsy_listing(listing: Listing, number: int, channel_id: int, url: str) -> ChannelProduct:
    values = listing.product.values
    return ChannelProduct(
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


def from_shopify_product(
    product: ShopifyProduct, number: int, channel_id: int, url: str, currency: str
) -> ChannelProduct:
    count = min(product.variants, _MOST_VARIANTS)
    return ChannelProduct(
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
