"""Lists of REST: filters, `since_id`, and pages that are linked by `page_info` (sheet section 6)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson

from sandbox.parts.responses import Doc, HttpResponse, ok
from sandbox.shopify.graphql.context import Context
from sandbox.shopify.graphql.filters import read_time
from sandbox.shopify.graphql.pagination import RecordTable, both
from sandbox.shopify.graphql.search import EVERYTHING, Sql
from sandbox.shopify.responses import ShopifyError

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
    table: RecordTable
    scope: str
    write: Callable[[Any, Any], Doc]
    times: dict[str, str]
    texts: dict[str, str]
    # Newest first unless told otherwise; `order=updated_at asc` is accepted (sheet section 6).
    default_order: str = "id desc"


def list_response(
    ctx: Context, resource: RestList, params: Params, write: Callable[[Any], Doc], url: str
) -> HttpResponse:
    """A page, and where its neighbours are."""
    if "page_info" in params:
        if extra := sorted(set(params) - _BESIDE_PAGE_INFO):
            # The text is ours; that it is a 400 is documented.
            raise ShopifyError(400, {name: f"{name} cannot be passed with page_info" for name in extra})
        state = _unpack(params["page_info"])
    else:
        state = {"params": {n: v for n, v in params.items() if n not in ("limit", "fields")}}
    limit = min(int(params.get("limit", _LIMIT)), _MOST) if params.get("limit", "50").isdecimal() else _LIMIT
    rows, more, less = _rows(ctx, resource, state, limit)
    records = resource.table.load(ctx, [row[0] for row in rows])
    docs = [_only(write(record), params.get("fields")) for record in records]
    response = ok({resource.name: docs})
    links = _links(state, rows, limit, url, more=more, less=less)
    if links:
        response.headers.append((b"link", ", ".join(links).encode()))
    return response


def count_response(ctx: Context, resource: RestList, params: Params) -> HttpResponse:
    where = _where(ctx, resource, params)
    return ok({"count": ctx.live_shop.store.count(resource.table.name, where.text, where.values)})


def _rows(ctx: Context, resource: RestList, state: Doc, limit: int) -> tuple[list[tuple[Any, ...]], bool, bool]:
    """(rows, whether more follow, whether some came before)."""
    params: Params = state["params"]
    column, down = _order(resource, params)
    where, key = _where(ctx, resource, params), resource.table.key
    backward = "before" in state
    mark = state.get("before") or state.get("after")
    way = "DESC" if down != backward else "ASC"
    if mark:
        sign = "<" if down != backward else ">"
        where = both(where, Sql(f"({column}, {key}) {sign} (?, ?)", mark))
    sql = (
        f"SELECT {key}, {column} FROM {resource.table.name} WHERE {where.text}"  # noqa: S608 - our own words
        f" ORDER BY {column} {way}, {key} {way} LIMIT ?"
    )
    found = ctx.live_shop.store.rows(sql, (*where.values, limit + 1))
    further, rows = len(found) > limit, found[:limit]
    if backward:
        return rows[::-1], True, further
    return rows, further, mark is not None


def _order(resource: RestList, params: Params) -> tuple[str, bool]:
    if "since_id" in params:
        return resource.table.key, False
    name, _, way = params.get("order", resource.default_order).partition(" ")
    column = {"id": resource.table.key, **{f"{n}_at": c for n, c in resource.times.items()}}.get(name)
    return column or resource.table.key, way.lower() != "asc"


def _where(ctx: Context, resource: RestList, params: Params) -> Sql:
    parts: list[Sql] = [resource.table.also(ctx)]
    for name, value in params.items():
        if name == "since_id" and value.isdecimal():
            parts.append(Sql(f"{resource.table.key} >= ?", [_above(ctx, resource, int(value))]))
        elif name == "ids":
            keys = [resource.table.keys(ctx, int(each)) for each in value.split(",") if each.strip().isdecimal()]
            parts.append(Sql(f"{resource.table.key} IN ({', '.join('?' * len(keys))})", keys))
        elif name[-4:] in ("_min", "_max") and name[:-7] in resource.times:
            parts.append(_bound(ctx, resource.times[name[:-7]], name, value))
        elif name in resource.texts:
            parts.append(Sql(f"lower({resource.texts[name]}) = lower(?)", [value]))
    if resource.name == "orders":
        parts += _order_states(params)
    return both(*parts)


def _above(ctx: Context, resource: RestList, since_id: int) -> int:
    """The first key whose id is above."""
    key = resource.table.keys(ctx, since_id)
    return key + (resource.table.ids(ctx, key) <= since_id)


def _bound(ctx: Context, column: str, name: str, value: str) -> Sql:
    found = read_time(value.replace(" ", "+"), ctx.live_shop.shop.offset_minutes)
    if found is None:
        raise ShopifyError(400, {name: f"invalid time {value}"})
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
        raise ShopifyError(400, {"page_info": "Invalid value."})
    return state
