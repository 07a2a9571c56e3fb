"""Pages as bytes: single records are cut out exactly, personal members go, hostile bodies raise Retriable alone."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from execution.errors import Retriable
from execution.pagination import page_body
from execution.pagination.page_body import Form

BY_ID = Form(key="id")

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**40), 10**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec=None), max_size=12),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.lists(st.dictionaries(st.sampled_from(["id", "name", "a", "b é", 'q"\\']), VALUES, max_size=5), max_size=4)
STYLES = st.sampled_from([(", ", ": "), (",", ":"), (" ,\n\t", "\r\n : ")])


@settings(max_examples=600, deadline=None, derandomize=True)
@given(records=RECORDS, ascii_only=st.booleans(), style=STYLES, front=st.booleans())
def test_records_are_cut_out_byte_for_byte(
    records: list[Any],
    ascii_only: bool,  # noqa: FBT001
    style: tuple[str, str],
    front: bool,  # noqa: FBT001
) -> None:
    texts = [json.dumps(record, ensure_ascii=ascii_only, separators=style) for record in records]
    listed = f' "results" : [ {" , ".join(texts)} ] '
    text = "{" + (f'{listed}, "count": 3' if front else f'"x": {{"results": [1]}}, {listed}') + "}"
    body = text.encode("utf-8", "surrogatepass")

    found = page_body.split(body, BY_ID, records_at="results")

    def text_of(value: Any) -> str:
        return json.dumps(value, ensure_ascii=ascii_only, separators=style)

    # Each member is the bytes that came; between members stands a comma and no more.
    members = [[f"{text_of(name)}{style[1]}{text_of(value)}" for name, value in r.items()] for r in records]
    whole = ["{" + ",".join(of_one) + "}" for of_one in members]
    assert [record.raw for record in found] == [one.encode("utf-8", "surrogatepass") for one in whole]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(records=RECORDS)
def test_personal_members_are_cut_whatever_way_their_names_are_written(records: list[Any]) -> None:
    body = json.dumps({"results": [{**r, "name": "CANARY", "id": 1} for r in records]}).replace(
        '"name"', '"\\u006eame"'
    )

    found = page_body.split(body.encode(), Form(key="id", leave_out=("name",)), records_at="results")

    assert len(found) == len(records)
    assert all(b"CANARY" not in record.raw for record in found)
    assert all("name" not in json.loads(record.raw) for record in found)


BIG = "9" * 5000
HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "null": b"null",
    "list": b"[]",
    "text": b'"results"',
    "no list": b'{"count": 1}',
    "a list that is none": b'{"count": 1, "results": {"a": 1}}',
    "no count": b'{"results": []}',
    "count as text": b'{"count": "3", "results": []}',
    "count below zero": b'{"count": -1, "results": []}',
    "count as truth": b'{"count": true, "results": []}',
    "count in parts": b'{"count": 1.5, "results": []}',
    "byte order mark": b'\xef\xbb\xbf{"count": 0, "results": []}',
    "utf-16": '{"count": 0, "results": []}'.encode("utf-16"),
    "cut": b'{"count": 2, "results": [{"id": 1}, {"id"',
    "two documents": b'{"count": 0, "results": []}{"count": 0, "results": []}',
    "deep lists": b'{"count": 1, "results": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}",
    "deep objects": b'{"count": 1, "results": [' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"]}",
    "html": b"<html></html>",
}
ODD: dict[str, bytes] = {
    "nan": b'{"count": 1, "results": [{"id": 1, "a": NaN}]}',
    "latin-1": b'{"count": 1, "results": [{"id": 1, "a": "caf\xe9"}]}',
    "lone surrogate": b'{"count": 1, "results": [{"id": 1, "a": "\\ud800"}]}',
    "long integer": b'{"count": 1, "results": [{"id": 1, "a": %s}]}' % BIG.encode(),
    "long key": b'{"count": 1, "results": [{"id": %s}]}' % BIG.encode(),
    "key twice": b'{"count": 1, "results": [{"id": 1, "id": 2}]}',
    "no key": b'{"count": 1, "results": [{"a": 2}]}',
    "record that is none": b'{"count": 1, "results": [7]}',
    "surrogate in the key": b'{"count": 1, "results": [{"id": "\\ud800"}]}',
    "deep record": b'{"count": 1, "results": [{"id": 1, "a": ' + b"[" * 5000 + b"]" * 5000 + b"}]}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_body_that_is_no_page_is_retried_and_never_an_end_of_the_list(name: str) -> None:
    with pytest.raises(Retriable):
        page_body.read(HOSTILE[name], BY_ID, records_at="results", count_at="count")


@pytest.mark.parametrize("name", ODD)
def test_an_odd_record_is_one_record_or_a_retry(name: str) -> None:
    try:
        content = page_body.read(ODD[name], BY_ID, records_at="results", count_at="count")
        single = page_body.split(ODD[name], BY_ID, records_at="results")
    except Retriable:
        return

    assert content.count == 1
    assert len(content.keys) == len(single) == 1
    assert content.keys[0].isprintable()


@settings(max_examples=600, deadline=None, derandomize=True)
@given(body=st.binary(max_size=60) | st.text('{}[]":,\\ucount results0123456789', max_size=60).map(str.encode))
def test_no_bytes_raise_anything_but_retriable(body: bytes) -> None:
    with contextlib.suppress(Retriable):
        page_body.read(body, BY_ID, records_at="results", count_at="count")


GRAPHQL = (
    b'{"data": {"orders": {"pageInfo": {"hasNextPage": true, "endCursor": "c"}, "nodes": [{"id": "gid://s/Order/1"},'
    b' {"id": "gid://s/Order/2"}]}, "ordersCount": null}}'
)


def test_records_and_facts_are_found_at_any_depth() -> None:
    """A connection of GraphQL: its nodes by their ids' ends, its page by its own words, absent ones as nothing."""
    asked = ("data.orders.pageInfo.endCursor", "data.orders.pageInfo.hasNextPage", "data.ordersCount.count", "data.x")

    content = page_body.read(
        GRAPHQL, Form(key="id", key_is_gid=True), records_at="data.orders.nodes", count_at=None, facts=asked
    )

    assert content.keys == ("1", "2")
    assert content.facts == dict(zip(asked, ("c", True, None, None), strict=True))


@pytest.mark.parametrize("body", [b'{"data": null}', b'{"data": {"orders": null}}', b'{"errors": []}', b"[]"])
def test_a_page_without_its_list_at_depth_is_no_empty_page(body: bytes) -> None:
    with pytest.raises(Retriable):
        page_body.read(body, BY_ID, records_at="data.orders.nodes", count_at=None)


def test_single_records_keep_of_an_object_only_what_is_needed_of_it() -> None:
    """Whatever else the platform puts into an address is personal too."""
    body = (
        b'{"data": [{"id": "a", "to": {"country": "US", "phone": "1", "new": {"x": []}}, "meta": {"url": "u", "n": 1}},'
        b' {"id": "b", "to": "12 Sample Rd", "meta": null}]}'
    )

    parts = {"to": {"country": {}, "region": {}}}
    found = page_body.split(body, Form(key="id", leave_out=("meta.url",), parts=parts), records_at="data")

    assert [json.loads(record.raw) for record in found] == [
        {"id": "a", "to": {"country": "US"}, "meta": {"n": 1}},
        {"id": "b", "to": {}, "meta": None},
    ]
