"""Lists of REST: filters, `since_id`, and pages that are linked by `page_info` (sheet section 6)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson

from sandbox.parts.answer import Answer, Doc, ok
from sandbox.shopify.answers import Refusal
from sandbox.shopify.context import Context
from sandbox.shopify.filters import read_time
from sandbox.shopify.pages import Listing, both
from sandbox.shopify.search import EVERYTHING, Sql

_LIMIT, _MOST = 50, 250
_BESIDE_PAGE_INFO = frozenset({"page_info", "limit", "fields"})
_STATUS = {
    "open": "closed IS NULL AND cancelled IS NULL",
    "closed": "closed IS NOT NULL AND cancelled IS NULL",
    "cancelled": "cancelled IS NOT NULL",
    "any": "1",
}
_FULFILLMENT = {
    "shipped": "fulfillment = 'FULFILLED'",
    "fulfilled": "fulfillment = 'FULFILLED'",
    "partial": "fulfillment = 'PARTIALLY_FULFILLED'",
    "unshipped": "fulfillment = 'UNFULFILLED'",
    "unfulfilled": "fulfillment IN ('UNFULFILLED', 'PARTIALLY_FULFILLED')",
}

Params = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class RestList:
    """A resource that can be listed: its rows, its envelope, and what it can be filtered by."""

    name: str
    listing: Listing
    scope: str
    write: Callable[[Any, Any], Doc]
    times: dict[str, str]
    texts: dict[str, str]
    # Newest first unless told otherwise; `order=updated_at asc` is accepted (sheet section 6).
    default_order: str = "id desc"


def answer_list(ctx: Context, resource: RestList, params: Params, write: Callable[[Any], Doc], url: str) -> Answer:
    """A page, and where its neighbours are."""
    if "page_info" in params:
        if extra := sorted(set(params) - _BESIDE_PAGE_INFO):
            # The text is ours; that it is a 400 is documented.
            raise Refusal(400, {name: f"{name} cannot be passed with page_info" for name in extra})
        state = _unpack(params["page_info"])
    else:
        state = {"params": {n: v for n, v in params.items() if n not in ("limit", "fields")}}
    limit = min(int(params.get("limit", _LIMIT)), _MOST) if params.get("limit", "50").isdecimal() else _LIMIT
    rows, more, less = _rows(ctx, resource, state, limit)
    records = resource.listing.load(ctx, [row[0] for row in rows])
    docs = [_only(write(record), params.get("fields")) for record in records]
    answer = ok({resource.name: docs})
    links = _links(state, rows, limit, url, more=more, less=less)
    if links:
        answer.headers.append((b"link", ", ".join(links).encode()))
    return answer


def answer_count(ctx: Context, resource: RestList, params: Params) -> Answer:
    where = _where(ctx, resource, params)
    return ok({"count": ctx.front.shelf.count(resource.listing.table, where.text, where.values)})


def _rows(ctx: Context, resource: RestList, state: Doc, limit: int) -> tuple[list[tuple[Any, ...]], bool, bool]:
    """(rows, whether more follow, whether some came before)."""
    params: Params = state["params"]
    column, down = _order(resource, params)
    where, key = _where(ctx, resource, params), resource.listing.key
    backward = "before" in state
    mark = state.get("before") or state.get("after")
    way = "DESC" if down != backward else "ASC"
    if mark:
        sign = "<" if down != backward else ">"
        where = both(where, Sql(f"({column}, {key}) {sign} (?, ?)", mark))
    sql = (
        f"SELECT {key}, {column} FROM {resource.listing.table} WHERE {where.text}"  # noqa: S608 - our own words
        f" ORDER BY {column} {way}, {key} {way} LIMIT ?"
    )
    found = ctx.front.shelf.rows(sql, (*where.values, limit + 1))
    further, rows = len(found) > limit, found[:limit]
    if backward:
        return rows[::-1], True, further
    return rows, further, mark is not None


def _order(resource: RestList, params: Params) -> tuple[str, bool]:
    if "since_id" in params:
        return resource.listing.key, False
    name, _, way = params.get("order", resource.default_order).partition(" ")
    column = {"id": resource.listing.key, **{f"{n}_at": c for n, c in resource.times.items()}}.get(name)
    return column or resource.listing.key, way.lower() != "asc"


def _where(ctx: Context, resource: RestList, params: Params) -> Sql:
    parts: list[Sql] = [resource.listing.also(ctx)]
    for name, value in params.items():
        if name == "since_id" and value.isdecimal():
            parts.append(Sql(f"{resource.listing.key} >= ?", [_above(ctx, resource, int(value))]))
        elif name == "ids":
            keys = [resource.listing.keys(ctx, int(each)) for each in value.split(",") if each.strip().isdecimal()]
            parts.append(Sql(f"{resource.listing.key} IN ({', '.join('?' * len(keys))})", keys))
        elif name[-4:] in ("_min", "_max") and name[:-7] in resource.times:
            parts.append(_bound(ctx, resource.times[name[:-7]], name, value))
        elif name in resource.texts:
            parts.append(Sql(f"lower({resource.texts[name]}) = lower(?)", [value]))
    if resource.name == "orders":
        parts += _order_states(params)
    return both(*parts)


def _above(ctx: Context, resource: RestList, since_id: int) -> int:
    """The first key whose id is above."""
    key = resource.listing.keys(ctx, since_id)
    return key + (resource.listing.ids(ctx, key) <= since_id)


def _bound(ctx: Context, column: str, name: str, value: str) -> Sql:
    found = read_time(value.replace(" ", "+"), ctx.front.shop.offset_minutes)
    if found is None:
        raise Refusal(400, {name: f"invalid time {value}"})
    return Sql(f"{column} >= ?", [found[0]]) if name.endswith("_min") else Sql(f"{column} <= ?", [found[0]])


def _order_states(params: Params) -> list[Sql]:
    """`open` unless told otherwise, and words that are not known count as not told: `Any` is not `any`."""
    parts = [Sql(_STATUS.get(params.get("status", "open"), _STATUS["open"]))]
    if "financial_status" in params:
        words = params["financial_status"].upper().split(",")
        parts.append(Sql(f"financial IN ({', '.join('?' * len(words))})", words))
    if "fulfillment_status" in params:
        # `any` found nothing in life (GH:nozzlegear/ShopifySharp#894).
        parts.append(Sql(_FULFILLMENT.get(params["fulfillment_status"], "0")))
    return [part for part in parts if part is not EVERYTHING]


def _only(doc: Doc, fields: str | None) -> Doc:
    if not fields:
        return doc
    wanted = {name.strip() for name in fields.split(",")}
    return {name: value for name, value in doc.items() if name in wanted}


def _links(state: Doc, rows: list[tuple[Any, ...]], limit: int, url: str, *, more: bool, less: bool) -> list[str]:
    if not rows:
        return []
    links = []
    if less:
        links.append(_link({"params": state["params"], "before": rows[0][::-1]}, limit, url, "previous"))
    if more:
        links.append(_link({"params": state["params"], "after": rows[-1][::-1]}, limit, url, "next"))
    return links


def _link(state: Doc, limit: int, url: str, rel: str) -> str:
    packed = base64.urlsafe_b64encode(orjson.dumps(state)).decode().rstrip("=")
    return f'<{url}?{urlencode({"limit": limit, "page_info": packed})}>; rel="{rel}"'


def _unpack(text: str) -> Doc:
    try:
        state = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error):
        state = None
    if not isinstance(state, dict) or "params" not in state:
        raise Refusal(400, {"page_info": "Invalid value."})
    return state
