"""Every document that is sent to Shopify is valid against the vendor's own schema of the pinned version."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

from execution.http.messages import Request
from execution.pagination.paginator import Bounds
from execution.platforms.shopify import api as shopify_api
from execution.platforms.shopify import bulk, history
from execution.platforms.shopify.api import API_VERSION
from execution.platforms.shopify.bulk import BulkPaginator
from execution.platforms.shopify.streams import CUSTOMERS, ENTITIES, ORDERS, PRODUCTS, VARIANTS
from execution.streams import Lookup, Stream

SDL = Path(__file__).parents[3] / "../shared/specs/shopify" / f"admin-{API_VERSION}.graphql"
BOUNDS = Bounds(start=1_700_000_000, end=1_760_000_000)
STREAMS = {stream.name: stream for stream in (ORDERS, PRODUCTS, VARIANTS, CUSTOMERS)}
LOOKUPS = {step.name: step for entity in ENTITIES for step in entity.steps if isinstance(step, Lookup)}


@cache
def schema() -> GraphQLSchema:
    if not SDL.exists():
        pytest.skip(f"no schema at {SDL.name}: the vendors' documents are not there")
    return build_schema(SDL.read_text(), assume_valid=True)


class Asked(Exception):
    """Stands in the way of an answer: only the question is wanted."""


def question(call: Callable[..., Any], *args: Any) -> Request:
    asked: list[Request] = []

    def send(request: Request) -> Any:
        asked.append(request)
        raise Asked

    caller = type("Caller", (), {"send": staticmethod(send)})()
    with pytest.raises(Asked):
        call(caller if args else send, *args) if args else call(send)
    return asked[0]


def documents() -> Iterator[tuple[str, str]]:
    """(what for, the GraphQL document)."""
    for name, stream in STREAMS.items():
        paginator: BulkPaginator = BulkPaginator(stream)
        position = paginator.begin(BOUNDS)
        yield f"{name}: first page", text(paginator.page(position, 250))
        yield f"{name}: later page", text(paginator.page(replace(position, pages=1, since=7), 250))
        yield f"{name}: probe", text(question(lambda send, paginator=paginator: paginator.probe_newest(send, BOUNDS)))
        yield f"{name}: look", text(question(paginator.fetch, replace(position, stage="look")))
        yield f"{name}: export", paginator._export(position)
    for name, lookup in LOOKUPS.items():
        yield f"lookup {name}", text(lookup.request(lookup, ["1", "2"]))
    yield "start of an export", bulk._START
    yield "poll of an export", bulk._POLL
    yield "scopes", history._SCOPES
    yield "identify", shopify_api._IDENTIFY


def text(request: Request) -> str:
    document: str = json.loads(request.body or b"{}")["query"]
    return document


@pytest.mark.parametrize(("what", "document"), list(documents()), ids=lambda value: value if len(value) < 40 else "")
def test_every_document_is_valid(what: str, document: str) -> None:
    errors = validate(schema(), parse(document))

    assert errors == [], what


@pytest.mark.parametrize("stream", STREAMS.values(), ids=lambda stream: stream.name)
def test_a_page_of_the_full_size_fits_the_most_that_a_query_may_cost(stream: Stream) -> None:
    """1,000 points, judged on what is asked for, by the formula of the sheet's addendum."""
    paginator: BulkPaginator = BulkPaginator(stream)

    assert 0 < paginator.page(paginator.begin(BOUNDS), paginator.pages.limit).points <= 1000


def test_times_in_a_search_are_quoted() -> None:
    """Without quotes a time breaks at its colon, and the filter matches nearly everything (addendum)."""
    paginator: BulkPaginator = BulkPaginator(ORDERS)

    body = json.loads(paginator.page(replace(paginator.begin(BOUNDS), since=41, pages=1), 250).body or b"")

    assert body["variables"]["query"] == (
        "created_at:>='2023-11-14T22:13:20Z' created_at:<='2025-10-09T08:53:20Z' id:>41"
    )
