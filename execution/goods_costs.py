"""What a seller's own goods cost: by SKU in all shops, or by a shop's listing, from a day on; read from a file, listed,
saved as a whole and taken back (docs/decisions/041). SQL: goods_costs.sql.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from execution.currencies import LISTED, digits
from execution.errors import StoreError, UserError
from execution.store import Rpc

Row = Mapping[str, Any]
Kind = Literal["sku", "listing"]
# Since ever: what is said without a day.
ALWAYS = date.min
MOST_BYTES, MOST_ROWS = 5_000_000, 20_000
_PAGE = 1000
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
_UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a piece costs from a day of its shop on, in the currency's smallest unit; None: it is not known from then
    on.
    """

    kind: Kind
    key: str
    connection_id: str | None = None
    valid_from: date = ALWAYS
    currency: str
    cost_amount: int | None

    @property
    def place(self) -> tuple[str, str, str | None, str]:
        return self.kind, self.key, self.connection_id, self.valid_from.isoformat()

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "key": self.key,
            "connection_id": self.connection_id,
            "valid_from": self.valid_from.isoformat(),
            "currency": self.currency,
            "cost_amount": self.cost_amount,
        }


@dataclass(frozen=True, kw_only=True)
class BadRow:
    """A row that could not be read. `row`: as a spreadsheet counts them, the header being the first."""

    row: int
    column: str
    reason: str


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
            cost = self._cost(cells)
        except _Wrong as wrong:
            self.bad.append(BadRow(row=number, column=wrong.column, reason=wrong.reason))
            return
        if cost.place in self.costs:
            self.bad.append(BadRow(row=number, column=cost.kind, reason="this stands here twice, for the same day"))
        self.costs[cost.place] = cost

    def _cost(self, cells: Mapping[str, str]) -> Cost:
        kind: Kind = "sku" if cells.get("sku") else "listing"
        key = cells.get(kind, "")
        if not key:
            raise _Wrong("sku", "neither a SKU nor a listing is named")
        if len(key) > 200:
            raise _Wrong(kind, "that is longer than 200 characters")
        currency = (cells.get("currency") or self.currency or "").upper()
        if currency not in LISTED:
            raise _Wrong("currency", "no such currency" if currency else "no currency is named")
        return Cost(
            kind=kind,
            key=key,
            connection_id=self._shop(cells.get("shop", "")) if kind == "listing" else None,
            valid_from=_day(cells.get("valid_from", "")),
            currency=currency,
            cost_amount=amount_of(cells["cost"], currency),
        )

    def _shop(self, named: str) -> str:
        found = [one for one in self.shops if named in ("", one["shop_id"], one["shop_name"], one["connection_id"])]
        if len(found) != 1:
            raise _Wrong("shop", "whose listing is it? Name one of your shops" if not found or not named else "several")
        return str(found[0]["connection_id"])


class _Wrong(Exception):
    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column, self.reason = column, reason


def amount_of(text: str, currency: str) -> int | None:
    """An amount as people write it, 12.50 or 12,50, in the smallest unit; None for "unknown". Raises _Wrong."""
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
    return int(Decimal(f"{whole}.{parts or 0}").scaleb(digits(currency)))


def _day(text: str) -> date:
    if not text:
        return ALWAYS
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _Wrong("valid_from", "this is no day: write it like 2026-03-04") from None


def read(data: bytes, *, shops: Sequence[Row], currency: str | None = None) -> Read:
    """A CSV file's costs, and each row that is none with its reason.

    Columns by their names: `sku` or `listing`, `cost` ("unknown" ends the one before, an empty cell is skipped), and
    where wanted `currency` (else `currency`, else that of all shops), `valid_from` (else always) and `shop` of a
    listing. `shops`: {connection_id, shop_id, shop_name, currency}. Raises UserError where it is no such file.
    """
    if len(data) > MOST_BYTES:
        raise UserError("The file is larger than 5 MB.", hint="Send it in parts.", code="costs_too_large")
    rows = _rows(_text(data))
    header = {place: _named(name) for place, name in enumerate(next(rows, (0, []))[1])}
    columns = {name for name in header.values() if name}
    if "cost" not in columns or not columns & {"sku", "listing"}:
        raise UserError(
            "The first line names no columns of costs.",
            hint="Name them “sku” (or “listing”) and “cost”; “currency”, “valid_from” and “shop” where wanted.",
            code="no_cost_columns",
        )
    said = {one.get("currency") for one in shops} - {None}
    reading = _Reading(shops=shops, currency=currency or (said.pop() if len(said) == 1 else None))
    for number, cells in rows:
        if number > MOST_ROWS + 1:
            raise UserError("The file has more than 20,000 rows.", hint="Send it in parts.", code="costs_too_large")
        named = {header[place]: cell.strip() for place, cell in enumerate(cells) if header.get(place)}
        if any(named.values()):
            reading.row(number, named)
    return Read(costs=tuple(reading.costs.values()), bad=tuple(reading.bad), skipped=reading.skipped)


def _text(data: bytes) -> str:
    if data[:2] == b"PK":
        raise UserError("This is a workbook.", hint="Save it as CSV first.", code="costs_not_csv")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # What Excel writes for Western Europe; every byte is some character of it, or one that no file has.
        text = data.decode("cp1252", errors="replace")
    if "\0" in text:
        raise UserError("This is no text.", hint="Save it as CSV, in UTF-8.", code="costs_not_csv")
    return text


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count)
    try:
        yield from enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=separator), 1)
    except csv.Error as error:
        raise UserError(f"This is no CSV: {error}.", code="costs_not_csv") from None


def _named(title: str) -> str:
    known = re.sub(r"[^a-z]", "", title.lower())
    return next((name for name, titles in _NAMES.items() if known in titles), "")


def listed(store: Rpc, user_id: str, *, search: str = "", after: int = 0, limit: int = 100) -> list[dict[str, Any]]:
    """A page of a user's own costs, by their ids."""
    found: list[dict[str, Any]] = store.rpc(
        "goods_costs_of", p_user_id=user_id, p_search=search or None, p_after=after, p_limit=limit
    )
    return found


def compare(store: Rpc, user_id: str, costs: Sequence[Cost]) -> dict[str, int]:
    """What saving these would do: {created, changed, unchanged}. Nothing is written."""
    there: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    after = 0
    while page := listed(store, user_id, after=after, limit=_PAGE):
        for one in page:
            place = one["kind"], one["key"], one["connection_id"], one["valid_from"]
            there[place] = one["currency"], one["cost_amount"]
        after = page[-1]["id"]
    said = [there.get(cost.place) == (cost.currency, cost.cost_amount) for cost in costs if cost.place in there]
    return {"created": len(costs) - len(said), "changed": said.count(False), "unchanged": said.count(True)}


def save(store: Rpc, user_id: str, costs: Sequence[Cost], *, by: str) -> dict[str, Any]:
    """All or nothing: {created, changed, unchanged, save_id}. The days are rolled up anew by the clock."""
    saved: dict[str, Any] = _done(
        store, "save_goods_costs", p_user_id=user_id, p_by=by, p_rows=[cost.as_json() for cost in costs]
    )
    return saved


def remove(store: Rpc, user_id: str, ids: Sequence[int], *, by: str) -> dict[str, Any]:
    """As if they had never been said: {removed, save_id}."""
    removed: dict[str, Any] = _done(store, "remove_goods_costs", p_user_id=user_id, p_by=by, p_ids=list(ids))
    return removed


def undo(store: Rpc, user_id: str, save_id: str) -> dict[str, Any]:
    """What a save or a removal changed is as before: {undone, save_id}. Raises UserError under a later one."""
    undone: dict[str, Any] = _done(store, "undo_goods_costs", p_user_id=user_id, p_save_id=save_id)
    return undone


# What the database refuses, in words.
_REFUSALS = {
    "bad_cost": (
        "One of these is no cost.",
        "It has a SKU, or a listing and its shop, a known currency, an amount of at least 0, and a day.",
    ),
    "doubled_cost": ("The same SKU or listing stands there twice for one day.", "Leave one of them."),
    "costs_changed_since": ("A later save changed the same.", "Take back the later one first."),
    "no_such_save": ("There is no such save.", "One can be taken back for ninety days."),
    "unknown_user": ("There is no such user.", "See `keeper user find`."),
}


def _done(store: Rpc, function: str, **arguments: Any) -> Any:
    try:
        return store.rpc(function, **arguments)
    except StoreError as error:
        if error.code not in _REFUSALS:
            raise
        text, hint = _REFUSALS[error.code]
        raise UserError(text, hint=hint, code=error.code) from None
