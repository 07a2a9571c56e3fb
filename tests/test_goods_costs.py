"""What files say that goods cost: as sellers write them, and every row that cannot be read by its place."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from execution.errors import UserError
from execution.goods_costs import ALWAYS, MOST_ROWS, read

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
        (b'sku,cost\n"' + b"A" * 200_000 + b'",1\n', "costs_not_csv"),
    ],
)  # fmt: skip
def test_what_is_no_such_file_is_refused_in_words(data: bytes, code: str) -> None:
    with pytest.raises(UserError) as refused:
        read(data, shops=(SHOP,))

    assert refused.value.code == code
