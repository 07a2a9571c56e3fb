"""Listings of a shop: what is sold, at which price, in which state."""

from __future__ import annotations

from typing import NamedTuple

from sandbox.etsy.ids import Ids
from sandbox.etsy.money import money
from sandbox.parts.money import price_tag
from sandbox.parts.order_times import DAY
from sandbox.parts.responses import Doc
from sandbox.parts.sample_text import ADJECTIVES, GIFTS, MOTIFS, PRODUCTS, TAGS, Product
from sandbox.parts.seeded_random import SeededRandom

STATES = ("active", "inactive", "sold_out", "draft", "expired")
LIFE = 120 * DAY


class Listing(NamedTuple):
    """One listing. `gone` ones left orders behind but are no longer there: their ids in orders are null."""

    number: int
    title: str
    product: Product
    price: int
    state: str
    created: int
    updated: int
    quantity: int
    gone: bool
    processing: tuple[int, int]

    @property
    def sku(self) -> str:
        return f"{self.product.word}-{self.number:04d}"


def make_listing(seed: int, number: int, currency: str, start: int, end: int) -> Listing:
    rng = SeededRandom(f"{seed}:listing:{number}")
    product = PRODUCTS[number % len(PRODUCTS)] if number < len(PRODUCTS) else rng.pick(PRODUCTS)
    title = rng.pick(product.titles).format(
        motif=rng.pick(MOTIFS), adjective=rng.pick(ADJECTIVES), gift=rng.pick(GIFTS)
    )
    # The first five listings show every state, so that the smallest shop has all of them.
    state = STATES[number] if number < len(STATES) else _state(rng)
    created = start - rng.below(15 * DAY) if number < 3 else rng.between(start, end)
    return Listing(
        number=number,
        title=title,
        product=product,
        price=price_tag(rng.between(*product.cents), currency),
        state=state,
        created=created,
        updated=rng.between(created, end),
        quantity=0 if state == "sold_out" else 999 if product.digital else rng.between(1, 40),
        gone=number >= len(STATES) and rng.chance(30),
        processing=(1, 3) if rng.chance(600) else (3, 7),
    )


def _state(rng: SeededRandom) -> str:
    roll = rng.below(100)
    return STATES[0 if roll < 62 else 1 if roll < 70 else 2 if roll < 82 else 3 if roll < 86 else 4]


def variation_price(listing: Listing, variation: int) -> int:
    """Sizes cost more the larger they are; colours cost the same."""
    if listing.product.property_id != 100:
        return listing.price
    step = max(listing.price // 10, 1)
    return listing.price + variation * step


def render_listing(listing: Listing, ids: Ids, currency: str, shop_url: str) -> Doc:
    """A ShopListing with the `skus` that an owner sees (spec ShopListingWithAssociations)."""
    product = listing.product
    listing_id = ids.listing(listing.number)
    physical = not product.digital
    return {
        "listing_id": listing_id,
        "user_id": ids.user,
        "shop_id": ids.shop,
        "title": listing.title,
        "description": f"{listing.title}\n\nMade to order &amp; packed with care. Don&#39;t hesitate to write.",
        "rich_description": None,
        "state": listing.state,
        "creation_timestamp": listing.created,
        "created_timestamp": listing.created,
        "ending_timestamp": listing.created + (listing.updated - listing.created) // LIFE * LIFE + LIFE,
        "original_creation_timestamp": listing.created,
        "last_modified_timestamp": listing.updated,
        "updated_timestamp": listing.updated,
        "state_timestamp": listing.updated,
        "quantity": listing.quantity,
        "shop_section_id": 41_000_000 + ids.seed * 10 + listing.number % 4,
        "featured_rank": -1,
        "url": f"{shop_url}/listing/{listing_id}",
        "num_favorers": listing.number * 37 % 240,
        "non_taxable": False,
        "is_taxable": True,
        "is_customizable": False,
        "is_personalizable": listing.number % 5 == 0,
        "listing_type": "physical" if physical else "download",
        "tags": [TAGS[(listing.number + step) % len(TAGS)] for step in range(4)],
        "materials": list(product.materials),
        "shipping_profile_id": 90_000_001 + ids.seed if physical else None,
        "return_policy_id": 1_000_000_001 + ids.seed if physical else None,
        "processing_min": listing.processing[0] if physical else None,
        "processing_max": listing.processing[1] if physical else None,
        "who_made": "i_did",
        "when_made": "made_to_order",
        "is_supply": False,
        "item_weight": 12.5 if physical else None,
        "item_weight_unit": "oz" if physical else None,
        "item_length": None,
        "item_width": None,
        "item_height": None,
        "item_dimensions_unit": None,
        "is_private": False,
        "style": [],
        "file_data": "" if physical else "1 PDF",
        "has_variations": True,
        "should_auto_renew": listing.number % 3 != 0,
        "language": "en-US",
        "price": money(listing.price, currency),
        "converted_price": None,
        "taxonomy_id": 1000 + listing.number % 50,
        "readiness_state_id": None,
        "suggested_title": None,
        "skus": [f"{listing.sku}-{index}" for index in range(len(product.values))],
        "views": listing.number * 911 % 5000,
    }


def render_inventory(listing: Listing, ids: Ids, currency: str) -> Doc:
    """A ListingInventory: one product for each value of the listing's property."""
    product = listing.product
    varies = [product.property_id] if product.property_id == 100 else []
    return {
        "products": [_product(listing, ids, currency, index) for index in range(len(product.values))],
        "price_on_property": varies,
        "quantity_on_property": [],
        "sku_on_property": [product.property_id],
        "readiness_state_on_property": [],
    }


def _product(listing: Listing, ids: Ids, currency: str, index: int) -> Doc:
    product = listing.product
    return {
        "product_id": ids.product(listing.number, index),
        "sku": f"{listing.sku}-{index}",
        "is_deleted": False,
        "offerings": [
            {
                "offering_id": ids.offering(listing.number, index),
                "quantity": listing.quantity,
                "is_enabled": True,
                "is_deleted": False,
                "price": money(variation_price(listing, index), currency),
                "readiness_state_id": None,
            }
        ],
        "property_values": [property_value(product, index)],
    }


def property_value(product: Product, index: int) -> Doc:
    """A ListingPropertyValue, as inventory and order lines carry it."""
    return {
        "property_id": product.property_id,
        "property_name": product.property_name,
        "scale_id": None,
        "scale_name": None,
        "value_ids": [1000 + product.property_id + index],
        "values": [product.values[index]],
    }
