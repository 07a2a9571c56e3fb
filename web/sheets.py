"""Tables as files for spreadsheets: CSV line by line, XLSX row by row. A text is never taken for a formula. Pure.

A cell is None (unknown: empty), a text, a number, a day, or an `Amount`, which is a number with its currency's digits.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import IO, Any

import xlsxwriter  # type: ignore[import-untyped]

from execution.currencies import digits, major

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# Excel takes a CSV for what its own country writes in, unless this stands before it.
BOM = "\ufeff"
# What a spreadsheet takes for the beginning of a formula, also as East Asian keyboards write it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Excel's own limits of a sheet and of a cell.
MOST_ROWS = 1_048_576
_LONGEST_TEXT = 32_767


@dataclass(frozen=True)
class Amount:
    """Money in the smallest unit of its currency."""

    minor: int
    currency: str

    @property
    def major(self) -> Decimal:
        return major(self.minor, self.currency)


Cell = None | str | int | date | Amount


def csv_line(row: Sequence[Cell]) -> str:
    """A line of RFC 4180."""
    line = io.StringIO()
    csv.writer(line).writerow([_csv_cell(cell) for cell in row])
    return line.getvalue()


def _csv_cell(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, Amount):
        return f"{cell.major:f}"
    if isinstance(cell, str):
        # As people are told to do by OWASP: the quote is seen, and nothing is reckoned.
        return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell
    return str(cell)


class Workbook:
    """An XLSX file that is written row by row; what is written is on disk. A sheet that is full goes on in another."""

    def __init__(self, file: IO[bytes], head: Sequence[str], *, title: str, most_rows: int = MOST_ROWS) -> None:
        self._book = xlsxwriter.Workbook(
            file, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        )
        self._head, self._title, self._most_rows = tuple(head), title, most_rows
        self._bold = self._book.add_format({"bold": True})
        self._formats: dict[str, Any] = {}
        self._sheets = 0
        self._begin()

    def _begin(self) -> None:
        self._sheets += 1
        self._sheet = self._book.add_worksheet(self._title if self._sheets == 1 else f"{self._title} {self._sheets}")
        self._sheet.freeze_panes(1, 0)
        self._sheet.set_column(0, len(self._head) - 1, 16)
        for column, name in enumerate(self._head):
            self._sheet.write_string(0, column, name, self._bold)
        self._next = 1

    def add(self, row: Sequence[Cell]) -> None:
        if self._next == self._most_rows:
            self._begin()
        for column, cell in enumerate(row):
            self._write(column, cell)
        self._next += 1

    def _write(self, column: int, cell: Cell) -> None:
        at = (self._next, column)
        if isinstance(cell, Amount):
            places = digits(cell.currency)
            self._sheet.write_number(*at, cell.major, self._format("#,##0" + ("." + "0" * places if places else "")))
        elif isinstance(cell, str):
            self._sheet.write_string(*at, cell[:_LONGEST_TEXT])
        elif isinstance(cell, int):
            self._sheet.write_number(*at, cell, self._format("#,##0"))
        elif cell is not None:
            self._sheet.write_datetime(*at, cell, self._format("yyyy-mm-dd"))

    def _format(self, text: str) -> Any:
        if text not in self._formats:
            self._formats[text] = self._book.add_format({"num_format": text})
        return self._formats[text]

    def close(self) -> None:
        """Only now the file is whole."""
        self._book.close()
