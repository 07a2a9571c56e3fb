"""Counts, newest first, and the changes that made them (sheet section 8)."""

from __future__ import annotations

import orjson

from sandbox.parts.responses import HttpResponse, ok
from sandbox.square.api import lists, single
from sandbox.square.api.context import Context
from sandbox.square.api.lists import Listing, Window
from sandbox.square.api_versions import NEW_SHAPES
from sandbox.square.responses import invalid, not_found

STATES = (
    "CUSTOM", "IN_STOCK", "SOLD", "RETURNED_BY_CUSTOMER", "RESERVED_FOR_SALE", "SOLD_ONLINE", "ORDERED_FROM_VENDOR",
    "RECEIVED_FROM_VENDOR", "IN_TRANSIT_TO", "NONE", "WASTE", "UNLINKED_RETURN", "COMPOSED", "DECOMPOSED",
    "SUPPORTED_BY_NEWER_VERSION", "IN_TRANSIT", "UNTRACKED",
)  # fmt: skip
# Asked for as a state of counts, these count as not asked for.
_UNCOUNTED = ("NONE", "SOLD", "UNLINKED_RETURN")
_CHANGES = ("PHYSICAL_COUNT", "ADJUSTMENT")
MOST = 1000
_MOST_IDS = 1000


def retrieve_counts(ctx: Context) -> HttpResponse:
    listing = _listing(ctx, "count", "counts", descending=True)
    if (after := ctx.given.time("updated_after")) is not None:
        listing.windows.append(Window("updated", after, None, beyond=True))
    states = tuple(state for state in ctx.given.texts("states", known=STATES) if state not in _UNCOUNTED)
    if states:
        listing.among["state"] = states
    return lists.answer(ctx, listing)


def retrieve_changes(ctx: Context) -> HttpResponse:
    """By the time at which something happened; the window is that at which Square learned of it."""
    given = ctx.given
    new = ctx.version >= NEW_SHAPES
    for name in ("sort", "reason_ids"):
        if given.has(name) and not new:
            raise invalid("UNKNOWN_BODY_PARAMETER", f"Unknown parameter {name}.", name)
    order = given.part("sort", ("field", "order")).word("order", ("ASC", "DESC"), "ASC")
    listing = _listing(ctx, "change", "changes", descending=order == "DESC")
    after, before = given.time("updated_after"), given.time("updated_before")
    if after is not None:
        listing.windows.append(Window("updated", after, None, beyond=True))
    if before is not None:
        listing.terms.append(("updated < ?", (before,)))
    listing.among["source"] = tuple(given.texts("types", known=(*_CHANGES, "TRANSFER"))) or _CHANGES
    if states := given.texts("states", known=STATES):
        if given.has("reason_ids"):
            raise invalid("CONFLICTING_PARAMETERS", "states and reason_ids cannot both be set.", "reason_ids")
        listing.among["state"] = tuple(states)
    if given.texts("reason_ids"):
        listing.terms.append(("0", ()))
    return lists.answer(ctx, listing)


def retrieve_count(ctx: Context) -> HttpResponse:
    """Those of one object, wherever it lies."""
    places = ctx.known_locations(ctx.given.texts("location_ids"), "location_ids")
    listing = Listing(kind="count", rows="counts", sort="updated", descending=True, limit=100, cursor=ctx.cursor())
    listing.among["parent"] = (ctx.ids["catalog_object_id"],)
    if places:
        listing.among["location"] = places
    return lists.answer(ctx, listing)


def retrieve_adjustment(ctx: Context) -> HttpResponse:
    return _change(ctx, "adjustment", ctx.ids["adjustment_id"])


def retrieve_physical_count(ctx: Context) -> HttpResponse:
    member = "count" if ctx.name == "RetrieveInventoryPhysicalCount" else "physical_count"
    return _change(ctx, "physical_count", ctx.ids["physical_count_id"], member)


def _change(ctx: Context, kind: str, key: str, member: str | None = None) -> HttpResponse:
    response = single.one(ctx, "change", "change", key)
    doc = orjson.loads(response.body)["change"].get(kind)
    if doc is None:
        raise not_found()
    return ok({member or kind: doc})


def _listing(ctx: Context, kind: str, rows: str, *, descending: bool) -> Listing:
    listing = Listing(
        kind=kind,
        rows=rows,
        sort="updated" if kind == "count" else "created",
        descending=descending,
        limit=ctx.given.refused("limit", 100, MOST),
        cursor=ctx.cursor(),
    )
    if objects := ctx.given.texts("catalog_object_ids", most=_MOST_IDS):
        listing.among["parent"] = tuple(objects)
    if places := ctx.known_locations(ctx.given.texts("location_ids"), "location_ids"):
        listing.among["location"] = places
    return listing
