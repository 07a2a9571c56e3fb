"""Payments, refunds, payouts and disputes: what leaves a time or a place out gets a year, or the main location."""

from __future__ import annotations

from sandbox.parts.responses import HttpResponse
from sandbox.square.api import lists, single
from sandbox.square.api.context import Context
from sandbox.square.api.lists import YEAR, Listing, Window
from sandbox.square.data.timestamps import precise
from sandbox.square.responses import invalid, not_found

PAGE = 100
DISPUTE_STATES = (
    "INQUIRY_EVIDENCE_REQUIRED", "INQUIRY_PROCESSING", "INQUIRY_CLOSED", "EVIDENCE_REQUIRED", "PROCESSING", "WON",
    "LOST", "ACCEPTED",
)  # fmt: skip
_ORDERS = ("ASC", "DESC")
_SORTS = {"CREATED_AT": "created", "OFFLINE_CREATED_AT": "created", "UPDATED_AT": "updated"}
_SOURCES = ("CARD", "BANK_ACCOUNT", "WALLET", "CASH", "EXTERNAL", "BUY_NOW_PAY_LATER", "SQUARE_ACCOUNT")


def list_payments(ctx: Context) -> HttpResponse:
    """Without a location the main one alone."""
    given = ctx.given
    listing = _by_time(ctx, "payment", "payments", given.ignored("limit", PAGE), ("CREATED_AT", "OFFLINE_CREATED_AT"))
    listing.among["location"] = _place(ctx) or (ctx.live_shop.shop.main_location,)
    listing.nested = "processing_fee"
    for name, path in (
        ("total", "total_money.amount"),
        ("last_4", "card_details.card.last_4"),
        ("card_brand", "card_details.card.card_brand"),
    ):
        value = given.whole(name) if name == "total" else given.text(name)
        if value is not None:
            listing.terms.append((f"json_extract(CAST(doc AS TEXT), '$.{path}') = ?", (value,)))
    _offline(ctx, listing)
    return lists.answer(ctx, listing)


def _offline(ctx: Context, listing: Listing) -> None:
    """Those that a till without a connection took, by the till's own time."""
    told = "json_extract(CAST(doc AS TEXT), '$.offline_payment_details.client_created_at')"
    begin, end = _span(ctx, "offline_begin_time", "offline_end_time")
    if ctx.given.flag("is_offline_payment") or begin is not None or end is not None:
        listing.terms.append((f"{told} IS NOT NULL", ()))
    # Text of one form sorts as time does.
    if begin is not None:
        listing.terms.append((f"{told} >= ?", (precise(begin),)))
    if end is not None:
        listing.terms.append((f"{told} <= ?", (precise(end),)))


def list_refunds(ctx: Context) -> HttpResponse:
    """Without a location all of them."""
    listing = _by_time(ctx, "refund", "refunds", ctx.given.capped("limit", PAGE), ("CREATED_AT",))
    if place := _place(ctx):
        listing.among["location"] = place
    if status := ctx.given.word("status", ("PENDING", "COMPLETED", "REJECTED", "FAILED"), ""):
        listing.among["state"] = (status,)
    if source := ctx.given.word("source_type", _SOURCES, ""):
        listing.among["source"] = (source,)
    return lists.answer(ctx, listing)


def list_payouts(ctx: Context) -> HttpResponse:
    """Without a location the main one alone."""
    cursor = ctx.cursor()
    begin, end = _span(ctx, "begin_time", "end_time")
    listing = Listing(
        kind="payout",
        rows="payouts",
        sort="created",
        descending=ctx.given.word("sort_order", _ORDERS, "DESC") == "DESC",
        limit=ctx.given.ignored("limit", PAGE),
        cursor=cursor,
        among={"location": _place(ctx) or (ctx.live_shop.shop.main_location,)},
    )
    begin = cursor.started - YEAR if begin is None else begin
    listing.windows.append(Window("created", begin, cursor.started if end is None else end))
    if status := ctx.given.word("status", ("SENT", "FAILED", "PAID"), ""):
        listing.among["state"] = (status,)
    return lists.answer(ctx, listing)


def list_payout_entries(ctx: Context) -> HttpResponse:
    key = ctx.ids["payout_id"]
    if ctx.store.raw("payout", key) is None:
        raise not_found(f"Payout `{key}` not found.")
    listing = Listing(
        kind="entry",
        rows="payout_entries",
        sort="created",
        descending=ctx.given.word("sort_order", _ORDERS, "DESC") == "DESC",
        limit=ctx.given.ignored("limit", PAGE),
        cursor=ctx.cursor(),
        among={},
        terms=[("parent = ?", (key,))],
    )
    return lists.answer(ctx, listing)


def list_disputes(ctx: Context) -> HttpResponse:
    listing = Listing(kind="dispute", rows="disputes", sort="created", limit=PAGE, cursor=ctx.cursor())
    if place := _place(ctx):
        listing.among["location"] = place
    if states := ctx.given.texts("states", known=DISPUTE_STATES):
        listing.among["state"] = tuple(states)
    return lists.answer(ctx, listing)


def get_payment(ctx: Context) -> HttpResponse:
    return single.one(ctx, "payment", "payment", ctx.ids["payment_id"])


def get_refund(ctx: Context) -> HttpResponse:
    return single.one(ctx, "refund", "refund", ctx.ids["refund_id"])


def get_payout(ctx: Context) -> HttpResponse:
    return single.one(ctx, "payout", "payout", ctx.ids["payout_id"])


def retrieve_dispute(ctx: Context) -> HttpResponse:
    return single.one(ctx, "dispute", "dispute", ctx.ids["dispute_id"])


def _by_time(ctx: Context, kind: str, rows: str, limit: int, sorts: tuple[str, ...]) -> Listing:
    """By creation within a year that ends now, unless times are told; by changes within the told ones."""
    given, cursor = ctx.given, ctx.cursor()
    field = given.word("sort_field", (*sorts, "UPDATED_AT"), "CREATED_AT")
    begin, end = _span(ctx, "begin_time", "end_time")
    changed, changed_end = _span(ctx, "updated_at_begin_time", "updated_at_end_time")
    listing = Listing(
        kind=kind,
        rows=rows,
        sort=_SORTS[field],
        descending=given.word("sort_order", _ORDERS, "DESC") == "DESC",
        limit=limit,
        cursor=cursor,
        year_of="created",
    )
    by_changes = changed is not None or changed_end is not None
    if begin is None and not (by_changes and ctx.settings.updated_window == "free"):
        begin = cursor.started - YEAR
    listing.windows.append(Window("created", begin, cursor.started if end is None else end))
    if by_changes:
        listing.windows.append(Window("updated", changed, cursor.started if changed_end is None else changed_end))
    return listing


def _span(ctx: Context, first: str, last: str) -> tuple[int | None, int | None]:
    start, end = ctx.given.time(first), ctx.given.time(last)
    if start is not None and end is not None and start > end:
        raise invalid("INVALID_TIME_RANGE", f"{first} must not be after {last}.", first)
    return start, end


def _place(ctx: Context) -> tuple[str, ...]:
    place = ctx.given.text("location_id")
    return ctx.known_locations([place], "location_id") if place else ()
