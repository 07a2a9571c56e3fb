"""A list, read page by page behind a place; and the ways in which a page can lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from sandbox.parts.faults import Rule
from sandbox.parts.responses import Doc, HttpResponse
from sandbox.square.api.context import Context
from sandbox.square.api.cursors import Cursor, written
from sandbox.square.api_versions import shaped
from sandbox.square.data.shop_store import Listed, Wanted
from sandbox.square.data.timestamps import DAY, SECOND, parsed, precise

YEAR = 365 * DAY
# No id sorts behind it.
_BEHIND_ALL = "\U0010ffff"
Span = tuple[int | None, int | None]


class Window(NamedTuple):
    """A span of a time, both ends inside; `beyond` leaves its start out."""

    column: str
    start: int | None
    end: int | None
    beyond: bool = False


@dataclass(kw_only=True)
class Listing:
    """What a list holds and how it is read. `nested` is the list inside of a record that a fault cuts."""

    kind: str
    rows: str
    sort: str
    limit: int
    cursor: Cursor
    descending: bool = False
    windows: list[Window] = field(default_factory=list)
    among: dict[str, tuple[str, ...]] = field(default_factory=dict)
    terms: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    nested: str = ""
    # What a list that reads a year, or one place, by default would have read.
    year_of: str = ""
    render: Callable[[bytes], bytes] | None = None


class Page(NamedTuple):
    """Rows, and the place behind the last one where more follow."""

    rows: list[Listed]
    more: bool


def answer(ctx: Context, listing: Listing, extra: Callable[[list[bytes]], Doc] | None = None) -> HttpResponse:
    """One page; `extra` are further members, told from its rows. Nothing at all is `{}`."""
    rule = ctx.fault if ctx.fault and ctx.fault.kind in LIST_FAULTS else None
    if rule:
        _mislead(ctx, listing, rule)
    page = _read(ctx, listing)
    after = (page.rows[-1].value, page.rows[-1].id) if page.rows else listing.cursor.after
    rows, following = page.rows, after if page.more else None
    if rule:
        rows, following = _lie(ctx, listing, rule, rows, following)
    docs = [shaped(listing.kind, row.doc, ctx.version) for row in rows]
    if listing.render:
        docs = [listing.render(doc) for doc in docs]
    if rule:
        docs = _bend(listing, rule, docs)
    members = [b'"%b":[%b]' % (listing.rows.encode(), b",".join(docs))] if docs else []
    if following is not None or (rule and rule.kind in ("repeat_page", "endless")):
        members.append(b'"cursor":' + orjson.dumps(_next(ctx, listing, following)))
    if extra:
        members += [orjson.dumps(name) + b":" + orjson.dumps(value) for name, value in extra(docs).items()]
    return HttpResponse(body=b"{%b}" % b",".join(members))


def wanted(listing: Listing) -> Wanted:
    """The question that the index answers."""
    terms = list(listing.terms)
    for column, values in listing.among.items():
        # Several places: the index of all of them is read in order, instead of each place's own and a sort.
        own = f"+{column}" if len(values) > 1 or column != "location" else column
        terms.append((f"{own} IN ({', '.join('?' * len(values))})", values))
    for window in listing.windows:
        if window.start is not None:
            terms.append((f"{window.column} {'>' if window.beyond else '>='} ?", (window.start,)))
        if window.end is not None:
            terms.append((f"{window.column} <= ?", (window.end,)))
    if listing.sort == "other":
        terms.append(("other IS NOT NULL", ()))
    return Wanted(listing.kind, listing.sort, listing.descending, tuple(terms))


def _read(ctx: Context, listing: Listing, after: tuple[Any, str] | None = None) -> Page:
    found = ctx.store.page(wanted(listing), after or listing.cursor.after, listing.limit + 1)
    return Page(found[: listing.limit], len(found) > listing.limit)


def _next(ctx: Context, listing: Listing, after: tuple[Any, str] | None) -> str:
    return written(Cursor(listing.cursor.query, ctx.now, listing.cursor.started, after), ctx.key)


# --- pages that lie ------------------------------------------------------------------------------------------

LIST_FAULTS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "drop_page": {},
    "short_page": {"by": int},
    "repeat_page": {},
    "page_cap": {},
    "dead_cursor": {},
    "empty_page": {},
    "endless": {},
    "reversed_page": {},
    "nested_cut": {"field": str, "keep": int},
    "narrow_window": {"bound": str, "seconds": (int, float)},
    "default_window": {},
    "main_location": {},
    "lost_location": {"location_id": str},
    "old_version": {"by": int},
    "skipped_ties": {},
    "unknown_member": {},
    "lag": {"seconds": (int, float)},
}
LIST_FAULTS_NEED: dict[str, tuple[str, ...]] = {"lost_location": ("location_id",)}


def _mislead(ctx: Context, listing: Listing, rule: Rule) -> None:
    """Another question than the one that was asked."""
    if rule.kind == "narrow_window":
        by, last = int(rule.get("seconds", 0.001) * SECOND), rule.get("bound", "end") == "end"
        listing.windows = [
            window._replace(end=window.end - by)
            if last and window.end is not None
            else window._replace(start=window.start + by)
            if not last and window.start is not None
            else window
            for window in listing.windows
        ]
    if rule.kind == "default_window":
        column = listing.year_of or listing.sort
        listing.windows.append(Window(column, listing.cursor.started - YEAR, listing.cursor.started))
    if rule.kind == "main_location":
        listing.terms.append(("location = ?", (ctx.live_shop.shop.main_location,)))
    if rule.kind == "lag":
        column = "updated" if listing.sort in ("id", "name") else listing.sort
        listing.windows.append(Window(column, None, ctx.now - int(rule.get("seconds", 30) * SECOND)))
    if rule.kind == "lost_location":
        listing.terms.append(("location <> ?", (rule.details["location_id"],)))


def _lie(
    ctx: Context, listing: Listing, rule: Rule, rows: list[Listed], following: tuple[Any, str] | None
) -> tuple[list[Listed], tuple[Any, str] | None]:
    """Other rows than those that were found, or another place to go on from."""
    if rule.kind == "drop_page" and following is not None:
        later = _read(ctx, listing, following)
        return later.rows, (later.rows[-1].value, later.rows[-1].id) if later.more else None
    if rule.kind == "empty_page" and following is not None:
        return [], listing.cursor.after or _before_all(listing)
    lies = {
        "short_page": (rows[: max(len(rows) - rule.get("by", 1), 0)], following),
        "repeat_page": (rows, listing.cursor.after),
        "page_cap": (rows, None),
        "skipped_ties": (rows, following and (following[0], "" if listing.descending else _BEHIND_ALL)),
        "reversed_page": (rows[::-1], following),
    }
    return lies.get(rule.kind, (rows, following))


def _before_all(listing: Listing) -> tuple[Any, str]:
    """A place before the first record."""
    number = -(2**62) if not listing.descending else 2**62
    return (number, "") if listing.sort in ("created", "updated", "other") else ("", "")


def _bend(listing: Listing, rule: Rule, docs: list[bytes]) -> list[bytes]:
    """Records that are not what they were."""
    if rule.kind == "nested_cut":
        name, keep = rule.get("field", listing.nested), rule.get("keep", 1)
        return [orjson.dumps(_cut(orjson.loads(doc), name.split("."), keep)) for doc in docs]
    if rule.kind == "unknown_member":
        return [doc[:-1] + b',"client_hint":{"kind":"NOT_YET_KNOWN"}}' for doc in docs]
    if rule.kind == "old_version":
        return [orjson.dumps(_older(orjson.loads(doc), rule.get("by", 1))) for doc in docs]
    return docs


def _cut(doc: Doc, path: list[str], keep: int) -> Doc:
    holder: Any = doc
    for step in path[:-1]:
        holder = holder.get(step) if isinstance(holder, dict) else None
    if isinstance(holder, dict) and isinstance(holder.get(path[-1]), list):
        holder[path[-1]] = holder[path[-1]][:keep]
    return doc


def _older(doc: Doc, by: int) -> Doc:
    """As it was a day earlier."""
    if "version" in doc:
        doc["version"] = max(doc["version"] - by, 0)
    for name in ("updated_at", "calculated_at"):
        if name in doc:
            doc[name] = precise(parsed(doc[name]) - DAY)
    return doc
