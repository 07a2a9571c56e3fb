"""A cursor comes back as it was saved, and what cannot be read is never guessed at."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from execution.errors import CursorTooNew, CursorUnreadable
from execution.pagination.offset import OffsetPosition
from execution.pagination.page_number import PageNumberPosition
from execution.pagination.paginator import ReadWindow
from execution.platforms.shopify.bulk import BulkPosition
from execution.slices.cursor import VERSION, Cursor

NUMBERS = st.integers(0, 2**53)
WINDOWS = st.builds(
    ReadWindow,
    part=NUMBERS,
    start=st.none() | NUMBERS,
    end=st.none() | NUMBERS,
    passes=NUMBERS,
    provider_count=NUMBERS,
)
POSITIONS = st.one_of(
    st.builds(OffsetPosition, offset=NUMBERS, ends=st.lists(NUMBERS, max_size=3).map(tuple), last_key=st.text()),
    st.builds(PageNumberPosition, page=NUMBERS, before=st.none() | st.tuples(NUMBERS, NUMBERS), anchor=st.text()),
    st.builds(
        BulkPosition, since=NUMBERS, stage=st.sampled_from(["look", "rows"]), gone=st.just(("gid://1", "gid://2"))
    ),
)
CURSORS = st.builds(
    Cursor,
    step=NUMBERS,
    round=NUMBERS,
    waits=NUMBERS,
    reason=st.text(),
    rereads=st.lists(WINDOWS, max_size=3).map(tuple),
    position=st.none() | POSITIONS.map(lambda position: position.dump()),
    after=st.text(),
    batch=st.none() | NUMBERS,
    gone=st.lists(st.text(), max_size=3).map(tuple),
    again=st.booleans(),
    shown=st.dictionaries(st.text(), st.lists(st.dictionaries(st.text(), st.text()), max_size=1), max_size=2),
    known=st.dictionaries(st.text(), st.fixed_dictionaries({"rest": st.dictionaries(st.text(), NUMBERS)})),
)


def through_json(value: dict[str, Any]) -> dict[str, Any]:
    back: dict[str, Any] = orjson.loads(orjson.dumps(value))
    return back


@settings(max_examples=200, deadline=None, derandomize=True)
@given(cursor=CURSORS)
def test_a_cursor_comes_back_as_it_was_saved(cursor: Cursor) -> None:
    assert Cursor.load(through_json(cursor.dump())) == cursor


@settings(max_examples=200, deadline=None, derandomize=True)
@given(position=POSITIONS)
def test_a_position_comes_back_as_it_was_saved(position: Any) -> None:
    assert type(position).load(through_json(position.dump())) == position


def test_a_job_that_has_not_begun_stands_at_its_first_step() -> None:
    assert Cursor.load({}) == Cursor()


def test_a_saved_cursor_names_its_version_and_no_more_than_it_must() -> None:
    assert Cursor(step=2, round=1).dump() == {"version": 1, "step": 2, "round": 1}


def test_only_a_cursor_that_older_code_cannot_read_says_so() -> None:
    """During a deploy an older worker goes on with every job that it understands."""
    cursor = Cursor(step=2).knowing({"proof lines": {"rest": {"next": "7"}}})

    smaller = cursor.at(OffsetPosition(limit=50))

    assert smaller.dump()["version"] == VERSION == 3
    assert "limit" not in (cursor.at(OffsetPosition()).dump()["position"])
    assert cursor.dump()["version"] == 2
    assert Cursor.load(through_json(cursor.dump())) == cursor
    assert cursor.next_step().dump()["version"] == 1
    assert cursor.showing({"things": []}).dump()["version"] == VERSION == 3


@pytest.mark.parametrize(
    "saved",
    [
        {"step": 1},
        {"version": 0, "step": 1},
        {"version": "1", "step": 1},
        {"version": VERSION, "step": "first"},
        {"version": VERSION, "hops": []},
        {"version": VERSION, "rereads": [[0, 1, 2, 1]]},
        {"version": VERSION, "position": 7},
    ],
    ids=str,
)
def test_what_cannot_be_read_is_no_cursor(saved: dict[str, Any]) -> None:
    with pytest.raises(CursorUnreadable) as refused:
        Cursor.load(saved)
    assert not isinstance(refused.value, CursorTooNew)


def test_a_newer_version_is_told_from_one_that_cannot_be_read() -> None:
    with pytest.raises(CursorTooNew, match=f"version {VERSION + 1}"):
        Cursor.load({"version": VERSION + 1, "stage": "new"})


@pytest.mark.parametrize("saved", [{"offset": "7"}, {"page": 1}, {"ends": 5}], ids=str)
def test_a_position_of_another_form_is_none(saved: dict[str, Any]) -> None:
    with pytest.raises(CursorUnreadable):
        OffsetPosition.load(saved)


def test_the_last_reread_leads_to_the_next_step() -> None:
    windows = tuple(ReadWindow(part=0, start=n, end=n, passes=1) for n in (1, 2))
    cursor = Cursor(step=3, round=2, reason="counts", rereads=windows, position={"offset": 4})

    once = cursor.reread_done()

    assert once == Cursor(step=3, round=2, reason="counts", rereads=windows[1:])
    assert once.reread_done() == Cursor(step=4, round=2)


def test_what_a_call_showed_is_known_until_the_job_ends() -> None:
    """Whatever steps, readings and proofs come in between."""
    cursor = Cursor(rereads=(ReadWindow(part=0, start=1, end=1, passes=1),)).showing({"things": [{"id": "7"}]})

    assert cursor.reread_done().next_step().past("9").knowing({}).later().shown == {"things": [{"id": "7"}]}
