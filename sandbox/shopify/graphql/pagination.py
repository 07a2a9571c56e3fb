"""Connections: rows after or before a cursor, in the order of a sort key.

A cursor is base64 of {"last_id": …, "last_value": …}, as was captured in life: pages stay when rows come or go.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from sandbox.shopify.graphql.context import Context
from sandbox.shopify.graphql.errors import FieldError, bad_request
from sandbox.shopify.graphql.search import EVERYTHING, Search, Sql, TermReader, UnsupportedFilter

CHUNK = 250
# More than any customer has orders.
_WHOLE = 1_000_000


@dataclass(kw_only=True)
class Page:
    """What a connection resolves to."""

    nodes: Sequence[Any]
    has_next: bool = False
    has_previous: bool = False
    cursors: Callable[[int], str]

    def cursor(self, number: int) -> str:
        return self.cursors(number)


@dataclass(frozen=True, kw_only=True)
class RecordTable:
    """A table that connections read: its key, its sort columns, its search fields, and how a row becomes a record."""

    name: str
    key: str
    sorts: dict[str, str]
    fields: Callable[[Any], dict[str, TermReader]]
    known: frozenset[str]
    load: Callable[[Context, list[int]], list[Any]]
    # Times are milliseconds in cursors.
    times: frozenset[str] = frozenset()
    # From keys to ids and back; an id that has no row has the key where it would stand.
    ids: Callable[[Context, int], int]
    keys: Callable[[Context, int], int]
    also: Callable[[Context], Sql] = lambda _ctx: EVERYTHING


def search(ctx: Context, table: RecordTable, text: str | None, path: tuple[Any, ...]) -> Sql:
    """The condition of a query string; what it ignores is told in `extensions.search`."""
    if not text or not text.strip():
        return EVERYTHING
    reader = Search(text, table.fields(ctx.live_shop.shop), table.known)
    try:
        condition = reader.sql()
    except UnsupportedFilter as error:
        raise FieldError(f"this sandbox does not hold the filter `{error}`", "SANDBOX_UNSUPPORTED") from error
    if reader.warnings:
        names = [part for part in path if isinstance(part, str)]
        ctx.searches.append({"path": names, "query": text, "parsed": {"query": text}, "warnings": reader.warnings})
    return condition


def both(*conditions: Sql) -> Sql:
    parts = [condition for condition in conditions if condition is not EVERYTHING]
    if not parts:
        return EVERYTHING
    return Sql(" AND ".join(f"({part.text})" for part in parts), [value for part in parts for value in part.values])


def read_page(ctx: Context, table: RecordTable, args: dict[str, Any], extra: Sql = EVERYTHING) -> Page:
    """One page; a limit of 25,000 rows is as far as paging goes (sheet section 3.1)."""
    where = both(search(ctx, table, args.get("query"), args["_path"]), table.also(ctx), extra)
    column = _column(table, args)
    backward = args.get("first") is None and args.get("last") is not None
    down = bool(args.get("reverse")) != backward
    size = args["last"] if backward else args.get("first") or (_WHOLE if ctx.unpaged else CHUNK)
    mark = args.get("before") if backward else args.get("after")
    bound = args.get("after") if backward else args.get("before")
    limits = [_beyond(ctx, table, column, mark, down=down)] if mark else []
    limits += [_beyond(ctx, table, column, bound, down=not down)] if bound else []
    rows = _rows(ctx, table, column, both(where, *limits), size + 1, down=down)
    more = len(rows) > size
    rows = rows[:size]
    if mark and not backward:
        rows, more = _within_limit(ctx, table, where, limits[0], rows, more=more)
    if backward:
        rows.reverse()
    return Page(
        nodes=table.load(ctx, [row[0] for row in rows]),
        has_next=bool(mark) if backward else more,
        has_previous=more if backward else bool(mark),
        cursors=lambda number: cursor_of(ctx, table, column, rows[number]),
    )


def read_all(ctx: Context, table: RecordTable, args: dict[str, Any], extra: Sql = EVERYTHING) -> Iterator[Any]:
    """Every record, a chunk at a time: what bulk operations read."""
    where = both(search(ctx, table, args.get("query"), args["_path"]), table.also(ctx), extra)
    column, down = _column(table, args), bool(args.get("reverse"))
    limit = EVERYTHING
    while rows := _rows(ctx, table, column, both(where, limit), CHUNK, down=down):
        yield from table.load(ctx, [row[0] for row in rows])
        limit = _after(table, column, rows[-1], down=down)


def count(ctx: Context, table: RecordTable, args: dict[str, Any]) -> tuple[int, str]:
    """(count, precision): exact up to the limit, 10,000 unless told (sheet section 3.1)."""
    where = both(search(ctx, table, args.get("query"), args["_path"]), table.also(ctx))
    limit = args.get("limit")
    store = ctx.live_shop.store
    if limit is None:
        return store.count(table.name, where.text, where.values), "EXACT"
    found = store.count(table.name, where.text, where.values, limit + 1)
    return min(found, limit), "AT_LEAST" if found > limit else "EXACT"


def slice_page(records: Sequence[Any], args: dict[str, Any]) -> Page:
    """A page of a list that is held whole: line items of one order, variants of a product."""
    numbers: Sequence[int] = range(len(records))
    if args.get("reverse"):
        numbers = range(len(records) - 1, -1, -1)
    if args.get("after") is not None:
        numbers = numbers[numbers.index(_place(args["after"], numbers)) + 1 :]
    if args.get("before") is not None:
        numbers = numbers[: numbers.index(_place(args["before"], numbers))]
    whole = len(numbers)
    if args.get("first") is not None:
        shown = numbers[: args["first"]]
        return Page(
            nodes=[records[n] for n in shown],
            has_next=whole > len(shown),
            has_previous=args.get("after") is not None,
            cursors=lambda n: _pack({"last_id": shown[n], "last_value": str(shown[n])}),
        )
    kept = numbers[max(whole - (args.get("last") or whole), 0) :]
    return Page(
        nodes=[records[n] for n in kept],
        has_next=args.get("before") is not None,
        has_previous=whole > len(kept),
        cursors=lambda n: _pack({"last_id": kept[n], "last_value": str(kept[n])}),
    )


def cursor_of(ctx: Context, table: RecordTable, column: str, row: tuple[Any, ...]) -> str:
    key, value = row
    if column == table.key:
        value = table.ids(ctx, key)
    elif column in table.times and value is not None:
        value = value * 1000
    return _pack({"last_id": table.ids(ctx, key), "last_value": value if column in table.times else str(value)})


def _column(table: RecordTable, args: dict[str, Any]) -> str:
    wanted = args.get("sortKey") or "ID"
    column = table.sorts.get(wanted)
    if column is None:
        raise FieldError(f"this sandbox does not sort by {wanted}", "SANDBOX_UNSUPPORTED")
    return column


def _rows(ctx: Context, table: RecordTable, column: str, where: Sql, size: int, *, down: bool) -> list[tuple[Any, ...]]:
    way = "DESC" if down else "ASC"
    order = f"{table.key} {way}" if column == table.key else f"{column} {way}, {table.key} {way}"
    sql = f"SELECT {table.key}, {column} FROM {table.name} WHERE {where.text} ORDER BY {order} LIMIT ?"  # noqa: S608
    return ctx.live_shop.store.rows(sql, (*where.values, size))


def _beyond(ctx: Context, table: RecordTable, column: str, cursor: str, *, down: bool) -> Sql:
    return _after(table, column, _row_of(ctx, table, column, cursor), down=down)


def _after(table: RecordTable, column: str, row: tuple[Any, ...], *, down: bool) -> Sql:
    sign = "<" if down else ">"
    if column == table.key:
        return Sql(f"{table.key} {sign} ?", [row[0]])
    return Sql(f"({column}, {table.key}) {sign} (?, ?)", [row[1], row[0]])


def _row_of(ctx: Context, table: RecordTable, column: str, cursor: str) -> tuple[Any, ...]:
    try:
        doc = orjson.loads(base64.b64decode(cursor, validate=True))
        key, value = table.keys(ctx, int(doc["last_id"])), doc["last_value"]
        return key, value // 1000 if column in table.times and value is not None else value
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise bad_request(f"Invalid cursor for current pagination sort: {cursor}", [table.name]) from error


def _within_limit(
    ctx: Context, table: RecordTable, where: Sql, after: Sql, rows: list[tuple[Any, ...]], *, more: bool
) -> tuple[list[tuple[Any, ...]], bool]:
    most = ctx.settings.most_paged
    before = Sql(f"NOT ({after.text})", after.values)
    condition = both(where, before)
    seen = ctx.live_shop.store.count(table.name, condition.text, condition.values, most)
    if seen + len(rows) < most:
        return rows, more
    if seen >= most and ctx.settings.past_most_paged == "error":
        raise bad_request(f"Pagination is limited to {most} objects.", [table.name])
    return rows[: max(most - seen, 0)], False


def _place(cursor: str, numbers: Sequence[int]) -> int:
    """The number that the cursor means; one that is not there any more means the end."""
    try:
        found = int(orjson.loads(base64.b64decode(cursor, validate=True))["last_id"])
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise bad_request(f"Invalid cursor for current pagination sort: {cursor}", []) from error
    if found not in numbers:
        raise bad_request(f"Invalid cursor for current pagination sort: {cursor}", [])
    return found


def _pack(doc: dict[str, Any]) -> str:
    return base64.b64encode(orjson.dumps(doc)).decode()
