"""The entity `changes`: made of the streams' own records, asked for by id, whatever shape the answer has."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest

from execution.catalog import CATALOG, PLATFORMS, Catalog, entity_of_streams
from execution.errors import Retriable
from execution.http.messages import Response
from execution.pagination import page_body
from execution.platforms.changed_objects import kinds
from execution.slices.lookup_step import as_list
from execution.streams import Lookup, Stream


def lookup_of(platform, name):
    return next(step for step in CATALOG.find(platform, "changes").steps if step.name == name)


def answer(document):
    return Response(status=200, body=orjson.dumps(document), headers={}, fetched_at=datetime.now(UTC))


def keys_of(lookup, document):
    return page_body.read_records(
        as_list(lookup, ("1",), answer(document)).body, lookup.records_at, lookup.records
    ).keys


@pytest.mark.parametrize("platform", ["etsy", "printify", "shopify", "square"])
def test_its_records_are_those_of_the_streams(platform):
    """So they are mapped as the backfill maps them, and refused where they are older."""
    streams = {step.name: step for entity in CATALOG.of(platform) for step in entity.steps if isinstance(step, Stream)}
    steps = CATALOG.find(platform, "changes").steps
    changed = [step for step in steps if isinstance(step, Lookup) and step.pending]

    assert changed
    assert all(step.records == streams[step.name].records for step in changed)
    assert not any(isinstance(step, Stream) for step in steps)


def test_a_products_variants_are_asked_for_in_stretches_of_ids():
    lookup = lookup_of("shopify", "variants")

    asked = orjson.loads(lookup.request(lookup, ["77:00000044000000000701"]).body)

    assert asked["variables"] == {"query": "product_id:77 id:>44000000000701"}
    assert lookup.batch == 1


def test_it_is_no_part_of_a_backfill():
    for platform in PLATFORMS:
        assert "changes" not in [entity.name for entity in CATALOG.of(platform)]


def test_a_receipt_that_comes_alone_is_a_page_of_one():
    assert keys_of(lookup_of("etsy", "receipts"), {"receipt_id": 33, "transactions": []}) == ("33",)


def test_an_answer_that_is_no_record_is_no_empty_page():
    with pytest.raises(Retriable):
        keys_of(lookup_of("etsy", "receipts"), ["not", "a", "record"])


def test_nodes_that_are_gone_are_left_out():
    lookup = lookup_of("shopify", "orders")
    node = {"id": "gid://shopify/Order/7"}

    assert keys_of(lookup, {"data": {"nodes": [None, node, None]}}) == ("7",)
    assert keys_of(lookup, {"data": {"nodes": [None]}}) == ()
    assert keys_of(lookup, {"data": {"nodes": [{**node, "note": None}]}}) == ("7",)


def test_nodes_are_asked_for_by_their_own_type():
    asked = orjson.loads(lookup_of("shopify", "customers").request(lookup_of("shopify", "customers"), ["4", "5"]).body)

    assert asked["variables"] == {"ids": ["gid://shopify/Customer/4", "gid://shopify/Customer/5"]}
    assert "... on Customer {" in asked["query"]


def test_records_that_can_be_asked_for_by_id_are_those_that_webhooks_name():
    """By the stream that is read now: what was rejected of another stream is no record of this one."""
    assert kinds(CATALOG.find("etsy", "changes")) == {"receipts": "receipts"}
    assert kinds(CATALOG.find("printify", "changes")) == {"orders": "orders", "products": "products"}
    assert kinds(CATALOG.find("shopify", "changes")) == {name: name for name in ("orders", "products", "customers")}
    rest = Catalog(readings={"shopify": "rest"}).find("shopify", "changes")
    assert kinds(rest).items() >= {"rest_orders": "orders", "rest_customers": "customers"}.items()


@pytest.mark.parametrize("platform", PLATFORMS)
def test_each_kind_of_record_is_of_an_entity_that_can_be_read_anew(platform):
    entities = {entity.name for entity in CATALOG.of(platform)}
    found = entity_of_streams(platform)

    assert set(kinds(CATALOG.find(platform, "changes"))) <= set(found)
    assert set(found.values()) <= entities
