"""Customers and their loyalty accounts (sheet section 12)."""

from __future__ import annotations

from sandbox.parts.responses import HttpResponse, ok
from sandbox.square.api import lists, single
from sandbox.square.api.context import Context
from sandbox.square.api.given import Given
from sandbox.square.api.lists import Listing, Window
from sandbox.square.responses import invalid, not_found

PAGE = 100
ACCOUNTS, MOST_ACCOUNTS = 30, 200
EVENTS = 30
_ORDERS = ("ASC", "DESC")
_FILTERS = (
    "creation_source", "created_at", "updated_at", "email_address", "phone_number", "reference_id", "group_ids",
    "custom_attribute", "segment_ids",
)  # fmt: skip
_TEXTS = ("email_address", "phone_number", "reference_id")


def list_customers(ctx: Context) -> HttpResponse:
    listing = _listing(ctx, ctx.given.word("sort_field", ("DEFAULT", "CREATED_AT"), "DEFAULT"))
    listing.descending = ctx.given.word("sort_order", _ORDERS, "ASC") == "DESC"
    return _counted(ctx, listing)


def search_customers(ctx: Context) -> HttpResponse:
    query = ctx.given.part("query", ("filter", "sort"))
    wish, sort = query.part("filter", _FILTERS), query.part("sort", ("field", "order"))
    listing = _listing(ctx, sort.word("field", ("DEFAULT", "CREATED_AT"), "DEFAULT"))
    listing.descending = sort.word("order", _ORDERS, "ASC") == "DESC"
    for name in ("created_at", "updated_at"):
        if wish.has(name):
            listing.windows.append(Window(name.removesuffix("_at"), *wish.span(name)))
    for name in _TEXTS:
        told = wish.part(name, ("exact", "fuzzy"))
        column = f"json_extract(CAST(doc AS TEXT), '$.{name}')"
        if exact := told.text("exact"):
            listing.terms.append((f"{column} = ?", (exact,)))
        if fuzzy := told.text("fuzzy"):
            listing.terms.append((f"instr(lower({column}), lower(?))", (fuzzy,)))
    source = wish.part("creation_source", ("values", "rule"))
    if values := source.texts("values"):
        negated = "NOT" if source.word("rule", ("INCLUDE", "EXCLUDE"), "INCLUDE") == "EXCLUDE" else ""
        listing.terms.append((f"source {negated} IN ({', '.join('?' * len(values))})", tuple(values)))
    for name in ("group_ids", "custom_attribute", "segment_ids"):
        if wish.has(name):
            raise invalid("INVALID_VALUE", f"The sandbox does not filter by {name}.", f"query.filter.{name}")
    return _counted(ctx, listing)


def bulk_retrieve_customers(ctx: Context) -> HttpResponse:
    return single.mapped(ctx, "customer", ("responses", "customer"), ctx.given.texts("customer_ids", most=100))


def retrieve_customer(ctx: Context) -> HttpResponse:
    return single.one(ctx, "customer", "customer", ctx.ids["customer_id"])


def _listing(ctx: Context, field: str) -> Listing:
    return Listing(
        kind="customer",
        rows="customers",
        sort="name" if field == "DEFAULT" else "created",
        limit=ctx.given.refused("limit", PAGE, PAGE),
        cursor=ctx.cursor(),
        year_of="created",
    )


def _counted(ctx: Context, listing: Listing) -> HttpResponse:
    """The total, where it is asked for, of all that match."""
    if not ctx.given.flag("count"):
        return lists.answer(ctx, listing)
    return lists.answer(ctx, listing, lambda _docs: {"count": ctx.store.count(lists.wanted(listing))})


def search_loyalty_accounts(ctx: Context) -> HttpResponse:
    """Without a query every account, the oldest first."""
    query = ctx.given.part("query", ("mappings", "customer_ids"))
    listing = Listing(
        kind="loyalty_account",
        rows="loyalty_accounts",
        sort="created",
        limit=ctx.given.refused("limit", ACCOUNTS, MOST_ACCOUNTS),
        cursor=ctx.cursor(),
    )
    customers = query.texts("customer_ids", most=ACCOUNTS)
    mappings = query.fields.get("mappings") or []
    if customers and mappings:
        raise invalid("CONFLICTING_PARAMETERS", "Only one of mappings and customer_ids can be set.", "query")
    if customers:
        listing.among["customer"] = tuple(customers)
    if mappings:
        phones = [
            Given(each, "query.mappings").text("phone_number") or "" for each in mappings if isinstance(each, dict)
        ]
        listing.among["name"] = tuple(phones)
    return lists.answer(ctx, listing)


def retrieve_loyalty_account(ctx: Context) -> HttpResponse:
    return single.one(ctx, "loyalty_account", "loyalty_account", ctx.ids["account_id"])


def retrieve_loyalty_program(ctx: Context) -> HttpResponse:
    if ctx.ids["program_id"] not in ("main", ctx.live_shop.program["id"]):
        raise not_found("Loyalty program not found.")
    return ok({"program": ctx.live_shop.program})


def search_loyalty_events(ctx: Context) -> HttpResponse:
    """The newest first."""
    names = ("loyalty_account_filter", "type_filter", "date_time_filter", "location_filter", "order_filter")
    wish = ctx.given.part("query", ("filter",)).part("filter", names)
    listing = Listing(
        kind="loyalty_event",
        rows="events",
        sort="created",
        descending=True,
        limit=ctx.given.refused("limit", EVENTS, EVENTS),
        cursor=ctx.cursor(),
    )
    if account := wish.part("loyalty_account_filter", ("loyalty_account_id",)).text("loyalty_account_id"):
        listing.among["parent"] = (account,)
    if types := wish.part("type_filter", ("types",)).texts("types"):
        listing.among["state"] = tuple(types)
    if places := wish.part("location_filter", ("location_ids",)).texts("location_ids"):
        listing.among["location"] = ctx.known_locations(places, "query.filter.location_filter.location_ids")
    if wish.has("date_time_filter"):
        listing.windows.append(Window("created", *wish.part("date_time_filter", ("created_at",)).span("created_at")))
    return lists.answer(ctx, listing)
