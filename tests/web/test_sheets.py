"""Files for spreadsheets: texts are never formulas, numbers are numbers, of whatever currency."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import date
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.sheets import BOM, Amount, Workbook, csv_line

_NS = {"s": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
_ROW = (
    "=1+1",
    -5,
    Amount(-1234, "USD"),
    Amount(1234, "JPY"),
    Amount(1, "KWD"),
    None,
    date(2026, 3, 4),
    "http://a.b",
    "ä",
)


def sheets(data: bytes) -> list[list[tuple[str, str]]]:
    """Every cell of every sheet as it is typed: (type, value)."""
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        names = sorted(name for name in book.namelist() if name.startswith("xl/worksheets/sheet"))
        found = []
        for name in names:
            root = ET.fromstring(book.read(name))  # noqa: S314  written by ourselves
            assert not root.findall(".//s:f", _NS)
            assert not root.findall(".//s:hyperlink", _NS)
            found.append([(cell.get("t", "n"), "".join(cell.itertext())) for cell in root.findall(".//s:c", _NS)])
    return found


def workbook(*rows: tuple, most_rows: int = 1000) -> bytes:
    file = io.BytesIO()
    book = Workbook(file, [str(n) for n in range(len(rows[0]))], title="Sheet", most_rows=most_rows)
    for row in rows:
        book.add(row)
    book.close()
    return file.getvalue()


def test_a_csv_says_what_it_is_and_reckons_nothing() -> None:
    text = BOM + csv_line(_ROW)

    assert text.startswith(BOM)
    assert next(csv.reader(io.StringIO(text.removeprefix(BOM)))) == [
        "'=1+1", "-5", "-12.34", "1234", "0.001", "", "2026-03-04", "http://a.b", "ä",
    ]  # fmt: skip


@given(
    st.sampled_from(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", " =", "  @")), st.text(max_size=5)
)
def test_no_text_begins_as_a_formula_does(sign: str, rest: str) -> None:
    (cell,) = next(csv.reader(io.StringIO(csv_line([sign + rest]), newline="")))

    assert cell == f"'{sign}{rest}"


def test_a_workbook_has_numbers_with_their_digits_and_texts_as_they_are() -> None:
    data = workbook(_ROW)

    (cells,) = sheets(data)
    assert cells[len(_ROW):] == [
        ("inlineStr", "=1+1"), ("n", "-5"), ("n", "-12.34"), ("n", "1234"), ("n", "0.001"), ("n", "46085"),
        ("inlineStr", "http://a.b"), ("inlineStr", "ä"),
    ]  # fmt: skip
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        styles = book.read("xl/styles.xml").decode()
    assert all(f'formatCode="{code}"' in styles for code in ("#,##0.000", "yyyy-mm-dd"))


def test_a_sheet_that_is_full_goes_on_in_another() -> None:
    first, second, third = sheets(workbook(*((n,) for n in range(5)), most_rows=3))

    assert [[value for _, value in sheet] for sheet in (first, second, third)] == [
        ["0", "0", "1"], ["0", "2", "3"], ["0", "4"],
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["\x00\x01", "a" * 40_000, "\ud7ff\ufffd", "_x0041_"])
def test_whatever_a_title_holds_can_be_written(text: str) -> None:
    assert len(sheets(workbook((text,)))[0]) == 2
