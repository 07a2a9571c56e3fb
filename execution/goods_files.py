"""Files of what a seller's own goods cost: read row by row, each row that cannot be read told by its place."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from execution.currencies import LISTED, digits
from execution.errors import UserError
from execution.goods_costs import ALWAYS, Cost, Kind

Row = Mapping[str, Any]
MOST_BYTES, MOST_ROWS = 5_000_000, 20_000
# What a column may be called, spaces and signs aside: ours, Shopify's export, Etsy's.
_NAMES: Mapping[str, frozenset[str]] = {
    "sku": frozenset({"sku", "variantsku"}),
    "listing": frozenset({"listing", "listingid", "productid"}),
    "cost": frozenset({"cost", "costperitem", "unitcost"}),
    "currency": frozenset({"currency", "currencycode"}),
    "valid_from": frozenset({"validfrom", "from", "since"}),
    "shop": frozenset({"shop", "shopid", "shopname"}),
}
_AMOUNT = re.compile(r"(\d{1,9})(?:([.,])(\d{1,6}))?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOST_AMOUNT = 10**12
_UNKNOWN = "unknown"
# What stands in place of bytes that the file's encoding does not have.
_LOST = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, kw_only=True)
class BadRow:
    """A row that could not be read. `row`: as a spreadsheet counts them, the header being the first. `column`: one of
    ours; of a header its own title; of a row that is no row of cells "row".
    """

    row: int
    column: str
    reason: str

    def as_json(self) -> dict[str, Any]:
        return {"row": self.row, "column": self.column, "reason": self.reason}


@dataclass(frozen=True, kw_only=True)
class Read:
    """What a file says. `skipped`: rows that name no cost."""

    costs: Sequence[Cost] = ()
    bad: Sequence[BadRow] = ()
    skipped: int = 0


@dataclass(kw_only=True)
class _Reading:
    """A file that is being read: for whose shops, and in which currency where a row names none."""

    shops: Sequence[Row]
    currency: str | None
    costs: dict[tuple[str, str, str | None, str], Cost] = field(default_factory=dict)
    bad: list[BadRow] = field(default_factory=list)
    skipped: int = 0

    def row(self, number: int, cells: Mapping[str, str]) -> None:
        if not cells.get("cost"):
            self.skipped += 1
            return
        try:
            cost = self.cost(number, cells)
        except _Wrong as wrong:
            self.bad.append(BadRow(row=number, column=wrong.column, reason=wrong.reason))
            return
        if cost.place in self.costs:
            self.bad.append(BadRow(row=number, column=cost.kind, reason="this stands here twice, for the same day"))
        self.costs[cost.place] = cost

    def cost(self, number: int, cells: Mapping[str, str]) -> Cost:
        for column, cell in cells.items():
            if _LOST in cell:
                raise _Wrong(column, "a sign in it is none of the file's encoding: save the file as CSV in UTF-8")
        kind: Kind = "sku" if cells.get("sku") else "listing"
        key = cells.get(kind, "")
        if not key:
            raise _Wrong("sku", "neither a SKU nor a listing is named")
        if kind == "sku":
            self._is_of_all_shops(cells)
        if len(key) > 200:
            raise _Wrong(kind, "that is longer than 200 characters")
        if any(unicodedata.category(sign) == "Cc" for sign in key):
            raise _Wrong(kind, "there is a line break or a tab in it: is a quote missing?")
        shop = self._shop(cells.get("shop", "")) if kind == "listing" else None
        currency = self._currency(cells.get("currency", ""), shop)
        return Cost(
            kind=kind,
            key=key,
            connection_id=str(shop["connection_id"]) if shop else None,
            valid_from=_day(cells.get("valid_from", "")),
            currency=currency,
            cost_amount=_amount(cells.get("cost", ""), currency),
            row=number,
        )

    @staticmethod
    def _is_of_all_shops(cells: Mapping[str, str]) -> None:
        """What a row says beside its SKU must not be lost without a word."""
        if cells.get("shop"):
            raise _Wrong(
                "shop", "a SKU is that of all shops: leave this empty, or name the listing in place of the SKU"
            )
        if cells.get("listing"):
            raise _Wrong("listing", "a cost is of a SKU or of a listing: leave one of them empty")

    def _shop(self, named: str) -> Row:
        found = [one for one in self.shops if named in ("", one["shop_id"], one["shop_name"], one["connection_id"])]
        if not self.shops:
            raise _Wrong("shop", "no shop is connected that has listings")
        if len(found) == 1:
            return found[0]
        if found and named:
            raise _Wrong("shop", "several of your shops are called so: name its id")
        raise _Wrong("shop", "whose listing is it? Name one of your shops")

    def _currency(self, named: str, shop: Row | None) -> str:
        """That of the row, or that of the whole file; else of the listing's shop, or of all shops where they agree."""
        said = {one.get("currency") for one in ([shop] if shop else self.shops)} - {None}
        currency = (named or self.currency or (said.pop() if len(said) == 1 else None) or "").upper()
        if currency not in LISTED:
            raise _Wrong("currency", "no such currency" if currency else "no currency is named")
        return currency


class _Wrong(Exception):
    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column, self.reason = column, reason


def _amount(text: str, currency: str) -> int | None:
    """An amount as people write it, 12.50 or 12,50, in the smallest unit; None for "unknown"."""
    if text.strip().lower() == _UNKNOWN:
        return None
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise _Wrong("cost", "write it like 12.50, without a thousands separator or a sign, or “unknown”")
    whole, point, parts = match.groups(default="")
    if point == "," and len(parts) == 3:
        raise _Wrong("cost", "is that a thousand? Write it without a separator, or with a point")
    if len(parts) > digits(currency):
        raise _Wrong("cost", f"{currency} has {digits(currency)} digits after the point")
    found = int(Decimal(f"{whole}.{parts or 0}").scaleb(digits(currency)))
    if found > _MOST_AMOUNT:
        raise _Wrong("cost", "that is more than a piece may cost")
    return found


def _day(text: str) -> date:
    if not text:
        return ALWAYS
    try:
        return date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        raise _Wrong("valid_from", "this is no day: write it like 2026-03-04") from None


def read(data: bytes, *, shops: Sequence[Row], currency: str | None = None) -> Read:
    """A CSV file's costs, and each row that is none with its reason.

    Columns by their names: `sku` or `listing`, `cost` ("unknown" ends the one before, an empty cell is skipped), and
    where wanted `currency` (else `currency`, else that of the listing's shop, or of all shops), `valid_from` (else
    always) and `shop` of a listing. `shops`: {connection_id, shop_id, shop_name, currency}. Raises UserError where it
    is no such file.
    """
    if len(data) > MOST_BYTES:
        raise UserError("The file is larger than 5 MB.", hint="Send it in parts.", code="costs_too_large")
    rows = _rows(_text(data))
    titles = next(rows, (0, []))[1]
    if isinstance(titles, _Wrong):
        raise UserError(f"The first line is no row: {titles.reason}.", code="costs_not_csv")
    header = {place: _named(name) for place, name in enumerate(titles)}
    columns = {name for name in header.values() if name}
    if "cost" not in columns or not columns & {"sku", "listing"}:
        raise UserError(
            "The first line names no columns of costs.",
            hint="Name them “sku” (or “listing”) and “cost”; “currency”, “valid_from” and “shop” where wanted.",
            code="no_cost_columns",
        )
    if doubled := _doubled(titles, header):
        return Read(bad=doubled)
    reading = _Reading(shops=shops, currency=currency)
    for number, cells in rows:
        if number > MOST_ROWS + 1:
            raise UserError("The file has more than 20,000 rows.", hint="Send it in parts.", code="costs_too_large")
        if isinstance(cells, _Wrong):
            reading.bad.append(BadRow(row=number, column=cells.column, reason=cells.reason))
            continue
        if any(cell.strip() for cell in cells[len(titles) :]):
            reason = "it has more cells than there are columns: is a comma in one that needs quotes?"
            reading.bad.append(BadRow(row=number, column="row", reason=reason))
            continue
        named = {header[place]: cell.strip() for place, cell in enumerate(cells) if header.get(place)}
        if any(named.values()):
            reading.row(number, named)
    return Read(costs=tuple(reading.costs.values()), bad=tuple(reading.bad), skipped=reading.skipped)


def read_one(cells: Mapping[str, str], *, shops: Sequence[Row]) -> Cost | BadRow:
    """One cost, said in a form: by the same names, under the same rules. A cost has to be there."""
    try:
        return _Reading(shops=shops, currency=None).cost(0, {name: cell.strip() for name, cell in cells.items()})
    except _Wrong as wrong:
        return BadRow(row=0, column=wrong.column, reason=wrong.reason)


def _text(data: bytes) -> str:
    if data[:2] == b"PK":
        raise UserError("This is a workbook.", hint="Save it as CSV first.", code="costs_not_csv")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # What Excel writes for Western Europe. Bytes that it does not have make their row a bad one.
        text = data.decode("cp1252", errors="replace")
    if "\0" in text:
        raise UserError("This is no text.", hint="Save it as CSV, in UTF-8.", code="costs_not_csv")
    return text


def _rows(text: str) -> Iterator[tuple[int, list[str] | _Wrong]]:
    """Each row with its number. A quote in the wrong place would make one cell of all rows behind it: there it ends."""
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count)
    found = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    number = 0
    try:
        for cells in found:
            number += 1
            yield number, cells
    except csv.Error:
        reason = "a quote in it is not closed, or not doubled, so nothing behind it can be read"
        yield number + 1, _Wrong("row", reason)


def _doubled(titles: Sequence[str], header: Mapping[int, str]) -> list[BadRow]:
    """Columns that mean what one before them does: which of them counts, nobody said."""
    first: dict[str, str] = {}
    bad = []
    for place, name in header.items():
        title = titles[place].strip()[:80]
        if name in first:
            bad.append(BadRow(row=1, column=title, reason=f"means the same as “{first[name]}”: leave one of them"))
        elif name:
            first[name] = title
    return bad


def _named(title: str) -> str:
    known = re.sub(r"[^a-z]", "", title.lower())
    return next((name for name, titles in _NAMES.items() if known in titles), "")
