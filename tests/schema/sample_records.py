"""Records made from the streams' own columns: every member that a column is filled from, for every shape there is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from execution.catalog import PLATFORMS, steps_of
from execution.currencies import LISTED
from execution.streams import Children, Column, Kind, Records, shapes

SHAPES = {
    f"{platform}_{shape.name}": (platform, shape) for platform in PLATFORMS for shape in shapes(steps_of(platform))
}
GOOD: dict[Kind, Any] = {
    Kind.TEXT: "7",
    Kind.LOWER: "Paid",
    Kind.HTML: "Cup",
    Kind.INTEGER: 7,
    Kind.BOOLEAN: True,
    Kind.EPOCH: 1_700_000_000,
    Kind.TEXTS: ["a", "b"],
    Kind.ISO_TIME: "2026-01-02T10:00:00Z",
    Kind.GID: "gid://shopify/Thing/7",
    Kind.HUNDREDTHS: 12_00,
    Kind.MAJOR: "12.00",
    Kind.DECIMAL: "7",
    Kind.WHOLE: "7",
}
# Every code that a platform may write, and some that nobody has listed.
CODES = [*sorted(LISTED), "XXX", "XAU", "XDR", "QQQ", "DOGE"]
MONEY = (Kind.MONEY, Kind.DECIMAL_MONEY, Kind.OWN_MONEY, Kind.MAJOR, Kind.HUNDREDTHS)


@dataclass(frozen=True)
class Part:
    """Where a part of a record stands in it, and the columns that it fills."""

    table: str
    at: str
    columns: tuple[Column, ...]
    currency: str
    # What tells a child apart by itself.
    keys: tuple[str, ...] = ()
    # Of a child that stands in a list of another one: where that is, and the columns that are filled from it. They are
    # tried where they stand.
    of: str = ""
    of_columns: tuple[Column, ...] = ()
    # In how many lists of a record such children stand.
    lists: int = 1


def parts(shape: Records) -> Iterator[Part]:
    yield Part(shape.table, "", shape.columns, shape.currency)
    for person in shape.people:
        yield Part(person.table, "", person.columns, "")
    for child in shape.children:
        keys = child.key * child.unique
        if not child.inside:
            yield Part(child.table, f"{child.at}.0", child.columns, child.currency, keys)
            continue
        own = tuple(column for column in child.columns if not column.path.startswith("of."))
        outer = tuple(column for column in child.columns if column.path.startswith("of."))
        at = f"{child.at}.0.{child.inside}.0"
        yield Part(child.table, at, own, child.currency, keys, f"{child.at}.0", outer, 1 + len(child.beside))


def money(kind: Kind, amount: Decimal, code: str) -> Any:
    """An amount as this kind writes it."""
    if kind is Kind.MONEY:
        places = max(0, -int(amount.as_tuple().exponent))
        return {"amount": int(amount.scaleb(places)), "divisor": 10**places, "currency_code": code}
    if kind is Kind.HUNDREDTHS:
        return int(amount * 100)
    return str(amount) if kind is Kind.MAJOR else {"amount": str(amount), "currencyCode": code}


def put(record: Any, path: str, value: Any) -> None:
    """Set a member, and what leads to it; what is an object already stays one."""
    head, _, rest = path.partition(".")
    place: Any = int(head) if isinstance(record, list) else head
    if isinstance(record, list):
        record.extend({} for _ in range(place + 1 - len(record)))
    if not rest:
        record[place] = value
        return
    inner = record[place] if isinstance(record, list) else record.get(place)
    if not isinstance(inner, dict | list):
        record[place] = [] if rest.partition(".")[0].isdigit() else {}
    put(record[place], rest, value)


def at(record: Any, path: str) -> Any:
    for part in path.split(".") if path else ():
        record = record[int(part)] if isinstance(record, list) else record[part]
    return record


def name_child(record: dict[str, Any], child: Children, key: int) -> None:
    """Its key, where no column is filled from it."""
    for path in child.key:
        if not any(column.path == path or path.startswith(f"{column.path}.") for column in child.columns):
            put(record, path, GOOD[Kind.GID] if child.key_is_gid else key)


def fill_outer(record: dict[str, Any], part: Part) -> None:
    """What columns are filled from of the record that the part stands in."""
    for column in part.of_columns:
        outer, path = at(record, part.of), column.path.removeprefix("of.")
        if path not in outer:
            put(outer, path, GOOD[column.kind])


def fill(record: dict[str, Any], part: Part, amount: Decimal, code: str) -> None:
    """What a part's columns are filled from."""
    if part.at:
        put(record, part.at, {})
    inner = at(record, part.at)
    fill_outer(record, part)
    for column in sorted(part.columns, key=lambda c: c.path.count(".")):
        if column.kind in (Kind.SUM, Kind.OWN_SUM):
            # As both of a platform's notations have it: its sum knows the one, a child that is an element the other.
            both = money(Kind.DECIMAL_MONEY, amount, code) | {"currency_code": code}
            put(inner, f"{column.path}.0.{column.each}", both)
        elif column.kind in (Kind.MINOR, Kind.MINOR_SUM):
            where = column.path if column.kind is Kind.MINOR else f"{column.path}.0.{column.each}"
            put(inner, where, {"amount": 1200, "currency": code})
        elif column.kind in MONEY:
            put(inner, column.path, money(column.kind, amount, code))
        elif not column.path.endswith("currencyCode"):
            put(inner, column.path, GOOD[column.kind])
    if part.currency:
        put(inner, part.currency, code)


def sample(shape: Records, amount: Decimal = Decimal("12.00"), code: str = "USD", key: int = 7) -> dict[str, Any]:
    """A record with every member that a column is filled from."""
    record: dict[str, Any] = {}
    for part in parts(shape):
        fill(record, part, amount, code)
    for child in shape.children:
        if not child.inside or child.unique:
            inner = f".{child.inside}.0" if child.inside else ""
            name_child(at(record, f"{child.at}.0{inner}"), child, key)
    for path in shape.updated:
        put(record, path, GOOD[shape.updated_as])
    put(record, shape.key, f"gid://shopify/Thing/{key}" if shape.key_is_gid else key)
    return record
