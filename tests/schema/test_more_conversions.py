"""Times of ISO 8601, money as decimal text, GraphQL ids: exactly what they say, or the record is rejected."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from execution.pagination import page_body
from execution.schema.mapping import map_function
from execution.streams import Column, Kind
from tests.schema.test_conversions import DIGITS, units, value

many = settings(
    max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
COLUMNS = (
    Column("at", "at", Kind.ISO_TIME),
    Column("money", "money", Kind.DECIMAL_MONEY),
    Column("link", "link", Kind.GID),
    Column("outer_id", "external.id", Kind.TEXT, or_at="external.0.id"),
)


@pytest.fixture
def mapped(db):
    """The generated mapping of one record with a column of each kind."""
    db.execute("drop function if exists private.map_try(jsonb)")
    db.execute(map_function("map_try", COLUMNS, "currencyCode"))
    yield lambda column, record: value(db, f"(select {column} from private.map_try(%s::jsonb))", json.dumps(record))
    db.execute("drop function private.map_try(jsonb)")


@many
@given(
    seconds=st.integers(0, 4 * 10**9),
    offset=st.integers(-14 * 60, 14 * 60),
    space=st.booleans(),
)
def test_a_time_is_the_moment_that_it_says(mapped, seconds, offset, space):
    at = datetime.fromtimestamp(seconds, timezone(timedelta(minutes=offset)))
    text = at.isoformat(sep=" " if space else "T")

    assert mapped("at", {"at": text}) == at


@pytest.mark.parametrize("text", ["2026-01-02 10:00:00+00:00", "2026-01-02T10:00:00Z", "2026-01-02T11:00:00+0100"])
def test_each_way_of_writing_a_time_is_read(mapped, text):
    assert mapped("at", {"at": text}) == datetime(2026, 1, 2, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "wrong",
    ["now", "infinity", "today", "2026-01-02", "2026-01-02 10:00:00", "10:00:00Z", "", "2026-13-45T99:00:00Z", 5],
)
def test_what_is_no_moment_is_refused(mapped, wrong):
    """A time without its offset would mean another moment in another session."""
    found = mapped("at", {"at": wrong})

    assert isinstance(found, str)
    assert found.startswith(("PT422", "22"))


@many
@given(amount=st.decimals(-(10**9), 10**9, places=4), currency=st.sampled_from(list(DIGITS)), named=st.booleans())
def test_decimal_money_becomes_its_smallest_units_or_nothing(mapped, amount, currency, named):
    """The scale is not padded: 55.0 and 231.1 are dollars."""
    plain = format(amount.normalize(), "f")
    money = {"amount": plain if "." in plain else f"{plain}.0"} | ({"currencyCode": currency} if named else {})

    found = mapped("money", {"money": money, "currencyCode": currency})

    expected = units(Fraction(amount), currency)
    assert found == expected if expected is not None else found.startswith("PT422")


@pytest.mark.parametrize(
    "money",
    [{"amount": "1.0", "currencyCode": "EUR"}, {"amount": ""}, {"currencyCode": "USD"}, 5, "5.0",
     {"amount": "1e400"}, {"amount": "0.001"}],
)  # fmt: skip
def test_what_is_no_money_of_the_record_is_refused(mapped, money):
    found = mapped("money", {"money": money, "currencyCode": "USD"})

    assert isinstance(found, str), found
    assert found.startswith(("PT422", "22"))


def test_nothing_stays_nothing(mapped):
    for column in ("at", "money", "link", "outer_id"):
        assert mapped(column, {"currencyCode": "USD"}) is None
        assert mapped(column, {column: None, "external": None, "currencyCode": "USD"}) is None


GIDS = {
    "gid://shopify/Order/6100000000101": "6100000000101",
    "gid://shopify/InventoryLevel/7?inventory_item_id=9": "7",
    "gid://shopify/Order/": None,
    "6100000000101": None,
    "http://shopify/Order/1": None,
}


@pytest.mark.parametrize("gid", GIDS)
def test_a_gid_ends_with_the_key_that_the_walk_and_the_table_call_it(db, mapped, gid):
    """Postgres and the reader of pages agree: else the audit would name keys that no row has."""
    (record,) = page_body.split(
        json.dumps({"r": [{"id": gid}]}).encode(), page_body.Form(key="id", key_is_gid=True), records_at="r"
    )

    assert record.key == GIDS[gid]
    assert value(db, "private.gid_tail(%s)", gid) == GIDS[gid]
    if GIDS[gid] is None:
        assert mapped("link", {"link": gid, "currencyCode": "USD"}).startswith("PT422")


def test_a_value_is_read_elsewhere_where_it_has_nothing(mapped):
    assert mapped("outer_id", {"external": {"id": "7"}, "currencyCode": "USD"}) == "7"
    assert mapped("outer_id", {"external": [{"id": "8"}], "currencyCode": "USD"}) == "8"
    assert mapped("outer_id", {"external": [], "currencyCode": "USD"}) is None
