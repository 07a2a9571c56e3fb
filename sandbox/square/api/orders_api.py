"""Orders: a search over at most ten locations, whose order must be that of its filter (sheet section 10)."""

from __future__ import annotations

import orjson

from sandbox.parts.responses import HttpResponse
from sandbox.square.api import lists, single
from sandbox.square.api.context import Context
from sandbox.square.api.given import Given
from sandbox.square.api.lists import Listing, Window
from sandbox.square.responses import invalid

STATES = ("OPEN", "COMPLETED", "CANCELED", "DRAFT")
_CLOSED = {"COMPLETED", "CANCELED"}
_COLUMNS = {"CREATED_AT": "created", "UPDATED_AT": "updated", "CLOSED_AT": "other"}
_FILTERS = ("state_filter", "date_time_filter", "fulfillment_filter", "source_filter", "customer_filter")
MOST_LOCATIONS = 10
PAGE, MOST = 500, 1000
MOST_IDS = 100


def search_orders(ctx: Context) -> HttpResponse:
    given = ctx.given
    ids = given.texts("location_ids", most=MOST_LOCATIONS)
    if not ids:
        raise invalid("MISSING_REQUIRED_PARAMETER", "At least one location ID is required.", "location_ids")
    places = ctx.known_locations(ids, "location_ids")
    query = given.part("query", ("filter", "sort"))
    wish, sort = query.part("filter", _FILTERS), query.part("sort", ("sort_field", "sort_order"))
    field = sort.word("sort_field", tuple(_COLUMNS), "CREATED_AT")
    states = wish.part("state_filter", ("states",)).texts("states", known=STATES)
    listing = Listing(
        kind="order",
        rows="orders",
        sort=_COLUMNS[field],
        descending=sort.word("sort_order", ("ASC", "DESC"), "DESC") == "DESC",
        limit=given.refused("limit", PAGE, MOST),
        cursor=ctx.cursor(),
        among={"location": places},
        nested="line_items",
    )
    _by_time(wish, listing, field)
    if field == "CLOSED_AT" and not (states and set(states) <= _CLOSED):
        detail = "Sorting by CLOSED_AT needs a state filter of COMPLETED or CANCELED."
        raise invalid("BAD_REQUEST", detail, "query.sort.sort_field")
    if states:
        listing.among["state"] = tuple(states)
    if names := wish.part("source_filter", ("source_names",)).texts("source_names", most=10):
        listing.among["source"] = tuple(names)
    if customers := wish.part("customer_filter", ("customer_ids",)).texts("customer_ids", most=10):
        listing.among["customer"] = tuple(customers)
    _by_fulfillment(wish, listing)
    if given.flag("return_entries"):
        listing.rows, listing.render = "order_entries", _entry
    return lists.answer(ctx, listing)


def _by_time(wish: Given, listing: Listing, field: str) -> None:
    """Exactly one time; what is sorted by is that one. An open end is the moment of the first page."""
    times = wish.part("date_time_filter", ("created_at", "updated_at", "closed_at"))
    named = [name for name in ("created_at", "updated_at", "closed_at") if times.has(name)]
    if not wish.has("date_time_filter"):
        return
    if len(named) != 1:
        detail = "Exactly one of created_at, updated_at and closed_at must be set."
        raise invalid("BAD_REQUEST", detail, "query.filter.date_time_filter")
    if named[0].upper() != field:
        detail = f"The sort field must be {named[0].upper()} to filter by {named[0]}."
        raise invalid("BAD_REQUEST", detail, "query.sort.sort_field")
    start, end = times.span(named[0])
    listing.windows.append(Window(_COLUMNS[field], start, listing.cursor.started if end is None else end))


def _by_fulfillment(wish: Given, listing: Listing) -> None:
    told = wish.part("fulfillment_filter", ("fulfillment_types", "fulfillment_states"))
    for name, path in (("fulfillment_types", "type"), ("fulfillment_states", "state")):
        if words := told.texts(name):
            marks = ", ".join("?" * len(words))
            of_any = f"json_extract(each.value, '$.{path}') IN ({marks})"
            rows = "json_each(CAST(doc AS TEXT), '$.fulfillments') AS each"
            listing.terms.append((f"EXISTS (SELECT 1 FROM {rows} WHERE {of_any})", tuple(words)))  # noqa: S608


def _entry(raw: bytes) -> bytes:
    doc = orjson.loads(raw)
    names = {"order_id": "id", "version": "version", "location_id": "location_id"}
    return orjson.dumps({name: doc[path] for name, path in names.items() if path in doc})


def batch_retrieve(ctx: Context) -> HttpResponse:
    """Unknown ids are left out without a word; `location_id` keeps to one place."""
    ids = ctx.given.texts("order_ids", most=MOST_IDS)
    if not ids:
        raise invalid("MISSING_REQUIRED_PARAMETER", "Field must be set.", "order_ids")
    raws = ctx.store.several("order", ids)
    if place := ctx.given.text("location_id"):
        raws = [raw for raw in raws if orjson.loads(raw)["location_id"] == place]
    return single.listed(ctx, "order", "orders", raws)


def retrieve_order(ctx: Context) -> HttpResponse:
    return single.one(ctx, "order", "order", ctx.ids["order_id"])
