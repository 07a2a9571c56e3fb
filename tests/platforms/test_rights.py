"""Every stream declares the rights that it needs, and asks for them when a shop is connected."""

from __future__ import annotations

import pytest

from execution.catalog import PLATFORMS, Catalog
from execution.platforms.changed_objects import NAME as CHANGES
from execution.platforms.platform import Platform
from execution.platforms.rights import missing_rights
from execution.platforms.shopify.platform import SHOPIFY
from execution.platforms.shopify.rights import PAYMENTS
from execution.streams import Derivation, Entity

READINGS = [(platform, reading) for platform in PLATFORMS.values() for reading in platform.readings]


def entities(platform: Platform, reading: str) -> tuple[Entity, ...]:
    catalog = Catalog(readings={platform.name: reading})
    loaded = catalog.of(platform.name)
    return (*loaded, *(entity.for_round() for entity in loaded), catalog.find(platform.name, CHANGES))


@pytest.mark.parametrize("platform", PLATFORMS.values(), ids=lambda platform: platform.name)
def test_every_stream_and_lookup_declares_what_it_needs(platform: Platform) -> None:
    steps = {
        step.name
        for reading in platform.readings
        for entity in entities(platform, reading)
        for step in entity.steps
        if not isinstance(step, Derivation)
    }

    assert steps == set(platform.rights.needs)
    assert all(platform.rights.needs.values())


@pytest.mark.parametrize(("platform", "reading"), READINGS, ids=lambda part: getattr(part, "name", part))
def test_connecting_asks_for_every_right_that_is_used(platform: Platform, reading: str) -> None:
    asked = platform.consent and frozenset(platform.consent.scopes)
    used = {right for entity in entities(platform, reading) for right in platform.rights.used_by(entity)}

    assert missing_rights(used, asked) == []


def test_a_right_to_write_holds_the_one_to_read() -> None:
    orders, missing = SHOPIFY.rights.as_granted(
        SHOPIFY.entities()[0], frozenset({"write_orders", "write_customers", "write_products", *PAYMENTS})
    )

    assert (orders, missing) == (SHOPIFY.entities()[0], ())


@pytest.mark.parametrize("granted", [frozenset({"read_orders"}), frozenset({"read_orders", PAYMENTS[0]}), None])
def test_what_is_optional_is_not_asked_for_where_it_is_not_granted(granted: frozenset[str] | None) -> None:
    """And nothing is missing without it: not even where nobody says what was granted."""
    orders = SHOPIFY.entities()[0]
    for entity in (orders, orders.for_round()):
        read, missing = SHOPIFY.rights.as_granted(entity, granted)
        assert missing == ()
        assert {step.name for step in entity.steps} - {step.name for step in read.steps} == {
            step.name for step in entity.steps if step.name.startswith("balance")
        }
    assert not set(PAYMENTS) & set(SHOPIFY.rights.used_by(orders))


def test_what_an_order_names_and_we_may_not_see_is_not_asked_for() -> None:
    """One member that may not be read fails the whole query."""
    for entity in entities(SHOPIFY, "graphql"):
        read, _ = SHOPIFY.rights.as_granted(entity, frozenset({"read_orders"}))
        said = repr(read.steps)
        assert "customer { id }" not in said
        assert "product { id } variant { id }" not in said
        assert "News(" not in said


def test_of_what_webhooks_named_only_that_is_left_out_which_may_not_be_read() -> None:
    changes = Catalog().find("shopify", CHANGES)

    read, missing = SHOPIFY.rights.as_granted(changes, frozenset({"read_products"}))

    assert missing == ()
    assert [step.name for step in read.steps] == ["products", "variants", "gone_variants"]
