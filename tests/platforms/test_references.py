"""Records that name others keep the name when a platform has forgotten those: every such column is declared so."""

from __future__ import annotations

from collections.abc import Iterator

from execution.catalog import PLATFORMS, steps_of
from execution.streams import Column, shapes

# What a record belongs to lives as long as the record: it is never named by one that outlives it.
OWNERS = {
    # Its lines share ids, so what stands in a line's place is no reference; a product that goes leaves its id there.
    ("printify", "product_platform_id"),
    ("etsy", "order_platform_id"),
    ("etsy", "parent_platform_id"),
    ("shopify", "order_platform_id"),
    # A payout is no record here: entries alone say that there is one.
    ("shopify", "payout_platform_id"),
    ("shopify", "parent_platform_id"),
    ("shopify", "line_item_platform_id"),
    ("shopify", "shipping_line_platform_id"),
    ("shopify", "agreement_platform_id"),
    # Of a sale: a line of its order, or a shipping line of it.
    ("shopify", "line_platform_id"),
    ("shopify", "variants.listing_platform_id"),
    # Nobody deletes a location, a sale, a payment or a payout at Square.
    ("square", "location_platform_id"),
    ("square", "order_platform_id"),
    ("square", "source_order_platform_id"),
    ("square", "payment_platform_id"),
    ("square", "payout_platform_id"),
    # What an item is in, and who sells it to the seller, is taken away on purpose as well.
    ("square", "items.category_platform_id"),
    ("square", "categories.parent_platform_id"),
    ("square", "variations.item_platform_id"),
    ("square", "variations.vendor_platform_id"),
    ("square", "counts.variation_platform_id"),
    ("square", "loyalty_accounts.program_platform_id"),
}


def columns() -> Iterator[tuple[str, str, Column]]:
    """Every column that names another record: of which platform, of which shape."""
    for platform in PLATFORMS:
        for records in shapes(steps_of(platform)):
            for part in (records, *records.children):
                for column in part.columns:
                    if column.name.endswith("_platform_id"):
                        yield platform, records.name, column


def test_what_names_a_record_that_may_be_deleted_first_is_a_reference() -> None:
    found = {(p, s, c.name) for p, s, c in columns() if c.shown_by != (c.path,)}

    assert {(p, n) for p, s, n in found if (p, f"{s}.{n}") not in OWNERS} <= OWNERS
    assert len(list(columns())) > len(found)
