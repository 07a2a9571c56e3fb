"""What files say that goods cost: as sellers write them, and every row that cannot be read by its place."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from execution.errors import UserError
from execution.goods_costs import ALWAYS, Cost
from execution.goods_files import MOST_ROWS, BadRow, read, read_one

SHOP = {"connection_id": "c1", "shop_id": "30010001", "shop_name": "Little Paper", "currency": "EUR"}
OTHER = {**SHOP, "connection_id": "c2", "shop_id": "2", "shop_name": "Second"}


def said(text: str | bytes, *, shops: Any = (SHOP,), currency: str | None = None) -> list[tuple[Any, ...]]:
    found = read(text.encode() if isinstance(text, str) else text, shops=shops, currency=currency)
    assert found.bad == ()
    return [(one.key, one.cost_amount, one.currency, one.valid_from) for one in found.costs]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_a_table_is_read_however_it_was_saved(separator: str, encoding: str) -> None:
    text = separator.join(("SKU", "Cost", "Currency", "Valid from")) + "\r\n"
    text += separator.join(("TASSE-GRÜN", "12.50", "usd", "2026-03-04")) + "\r\n\r\n"
    text += separator.join((" 0042 ", "3", "", "")) + "\r\n"

    assert said(text.encode(encoding)) == [("TASSE-GRÜN", 1250, "USD", date(2026, 3, 4)), ("0042", 300, "EUR", ALWAYS)]


def test_shopifys_export_is_read_as_it_is() -> None:
    text = "Handle,Title,Variant SKU,Variant Price,Cost per item\nmug,Mug,MUG,28.00,9.90\nmug,,MUG-2,28.00,\n"
    found = read(text.encode(), shops=(SHOP,))

    assert [(one.key, one.cost_amount) for one in found.costs] == [("MUG", 990)]
    assert (found.skipped, found.bad) == (1, ())


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("12,5", "EUR", 1250), ("0", "EUR", 0), ("1200", "JPY", 1200), ("1.234", "KWD", 1234), ("unknown", "EUR", None),
        ("Unknown", "EUR", None), ("999999999", "EUR", 99999999900),
    ],
)  # fmt: skip
def test_an_amount_is_exact_in_its_currency(text: str, currency: str, minor: int | None) -> None:
    assert said(f"sku;cost;currency\nA;{text};{currency}") == [("A", minor, currency, ALWAYS)]


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("A;1,234;EUR;;", "cost"), ("A;1.234.5;EUR;;", "cost"), ("A;-1;EUR;;", "cost"), ("A;$5;USD;;", "cost"),
        ("A;1e3;EUR;;", "cost"), ("A;5.5;JPY;;", "cost"), ("A;5.001;EUR;;", "cost"), ("A;9999999999;EUR;;", "cost"),
        ("A;9999999;USDC;;", "cost"), ("A;5;EUR;20260304;", "valid_from"), ("A;5;EUR;;Little Paper", "shop"),
        ("A;5;EUR;;Nobody", "shop"), ("A;1;234;EUR;;;7", "row"), ('"A\nB";5;EUR;;', "sku"), ("A\ufffd;5;EUR;;", "sku"),
        ('"A;5;EUR;;\nB;6;EUR;;', "row"), ('"A"B;5;EUR;;', "row"), ('"' + "A" * 200_000 + '";5;EUR;;', "row"),
        ("A;5;QQQ;;", "currency"), ("A;5;EUR;04.03.2026;", "valid_from"), ("A;5;EUR;2026-02-30;", "valid_from"),
        (";5;EUR;;", "sku"), (f"{'x' * 201};5;EUR;;", "sku"), ("A;٣;EUR;;", "cost"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_read_is_told_by_its_place(row: str, column: str) -> None:
    found = read(f"sku;cost;currency;valid_from;shop\nGOOD;1;EUR;;\n{row}\n".encode(), shops=(SHOP,))

    assert [(one.row, one.column) for one in found.bad] == [(3, column)]
    assert [one.key for one in found.costs] == ["GOOD"]


def test_what_stands_there_twice_for_a_day_is_told() -> None:
    found = read(b"sku,cost,from\nA,1,\nA,2,\nA,3,2026-03-04\n", shops=(SHOP,))

    assert [(one.row, one.column) for one in found.bad] == [(3, "sku")]


def test_a_listing_is_of_one_shop() -> None:
    text = b"listing,cost,shop\n11,1,Second\n11,2,30010001\n12,3,\n"
    alone = read(b"listing,cost\n11,1\n", shops=(SHOP,))
    found = read(text, shops=(SHOP, OTHER))

    assert [one.connection_id for one in alone.costs] == ["c1"]
    assert [one.connection_id for one in found.costs] == ["c2", "c1"]
    assert [(one.row, one.column) for one in found.bad] == [(4, "shop")]


def test_a_quote_that_is_not_closed_is_told_by_its_row_and_swallows_none() -> None:
    found = read(b'sku,cost\nA,1\n"B,2\nC,3\nD,4\n', shops=(SHOP,))

    assert [(one.row, one.column) for one in found.bad] == [(3, "row")]
    assert [one.key for one in found.costs] == ["A"]


def test_bytes_that_the_encoding_does_not_have_are_told_and_no_sku() -> None:
    found = read("sku,cost\nGRÜN,1\nA".encode("cp1252") + b"\x81,2\n", shops=(SHOP,))

    assert [(one.row, one.column) for one in found.bad] == [(3, "sku")]
    assert [one.key for one in found.costs] == ["GRÜN"]


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("sku,Variant SKU,cost", ("Variant SKU", "sku")), ("sku,Cost,Cost per item", ("Cost per item", "Cost")),
        ("sku,cost,From,valid_from", ("valid_from", "From")),
    ],
)  # fmt: skip
def test_two_columns_of_one_meaning_are_refused_by_both_names(header: str, named: tuple[str, str]) -> None:
    found = read(f"{header}\nA,1,2,3\n".encode(), shops=(SHOP,))

    assert found.costs == ()
    assert [(one.row, one.column) for one in found.bad] == [(1, named[0])]
    assert f"“{named[1]}”" in found.bad[0].reason


def test_what_stands_beside_a_sku_is_not_lost_without_a_word() -> None:
    found = read(b"sku,listing,cost,shop\nA,11,1,\nA,,1,Second\n,11,1,Second\nA,,1,\n", shops=(SHOP, OTHER))

    assert [(one.row, one.column) for one in found.bad] == [(2, "listing"), (3, "shop")]
    assert [(one.kind, one.key) for one in found.costs] == [("listing", "11"), ("sku", "A")]


def test_a_listings_currency_is_that_of_its_own_shop() -> None:
    dollars, untold = {**OTHER, "currency": "USD"}, {**OTHER, "connection_id": "c3", "shop_id": "3", "currency": None}
    text = b"listing,cost,shop\n11,1,30010001\n11,1,2\n11,1,3\n"
    found = read(text, shops=(SHOP, dollars, untold))

    assert [(one.connection_id, one.currency) for one in found.costs] == [("c1", "EUR"), ("c2", "USD")]
    # Nobody says what that shop's currency is, however many others say theirs.
    assert [(one.row, one.column) for one in read(text, shops=(SHOP, untold)).bad] == [(3, "shop"), (4, "currency")]
    assert [one.currency for one in read(text, shops=(SHOP, dollars, untold), currency="GBP").costs] == ["GBP"] * 3


def test_one_cost_is_read_by_the_same_rules() -> None:
    good = read_one({"sku": " A ", "cost": "12.50", "shop": "", "currency": ""}, shops=(SHOP,))
    assert isinstance(good, Cost)
    assert (good.key, good.cost_amount, good.currency) == ("A", 1250, "EUR")
    for cells, column in (
        ({"sku": "", "cost": "1"}, "sku"), ({"sku": "A", "cost": ""}, "cost"), ({"listing": "", "cost": "1"}, "sku"),
        ({"sku": "A", "cost": "1", "currency": "QQ"}, "currency"),
        ({"sku": "A", "cost": "1", "valid_from": "0"}, "valid_from"),
    ):  # fmt: skip
        bad = read_one(cells, shops=(SHOP,))
        assert isinstance(bad, BadRow)
        assert bad.column == column


def test_a_currency_that_nobody_names_is_asked_for() -> None:
    dollars = {**OTHER, "currency": "USD"}

    assert [one.column for one in read(b"sku,cost\nA,1\n", shops=(SHOP, dollars)).bad] == ["currency"]
    assert said("sku,cost\nA,1", shops=(SHOP, dollars), currency="GBP") == [("A", 100, "GBP", ALWAYS)]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "no_cost_columns"), (b"name,price\nA,1\n", "no_cost_columns"), (b"sku,price\nA,1\n", "no_cost_columns"),
        (b"PK\x03\x04rest", "costs_not_csv"), (b"sku,cost\nA\x00,1\n", "costs_not_csv"),
        (b"sku,cost\n" + b"A,1\n" * (MOST_ROWS + 1), "costs_too_large"), (b"x" * 5_000_001, "costs_too_large"),
        (b'"sku,cost\nA,1\n', "costs_not_csv"),
    ],
)  # fmt: skip
def test_what_is_no_such_file_is_refused_in_words(data: bytes, code: str) -> None:
    with pytest.raises(UserError) as refused:
        read(data, shops=(SHOP,))

    assert refused.value.code == code
