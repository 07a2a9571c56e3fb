"""Bookings: a window of at most 31 days over when they start; there is no search (sheet section 5)."""

from __future__ import annotations

import orjson

from sandbox.parts.responses import HttpResponse
from sandbox.square.api import lists, single
from sandbox.square.api.context import Context
from sandbox.square.api.lists import Listing, Window
from sandbox.square.data.timestamps import DAY
from sandbox.square.responses import invalid, not_found

WINDOW = 31 * DAY
MOST = 10_000
MOST_IDS = 100
SELLER_LEVEL = "APPOINTMENTS_ALL_READ"


def sees_all(ctx: Context) -> bool:
    """Whether all bookings are visible, or only those that the application itself made."""
    return SELLER_LEVEL in ctx.scopes and ctx.settings.appointments_plan == "plus"


def list_bookings(ctx: Context) -> HttpResponse:
    given, cursor = ctx.given, ctx.cursor()
    first, last = given.time("start_at_min"), given.time("start_at_max")
    start = cursor.started if first is None else first
    end = start + WINDOW if last is None else last
    if end < start or end - start > WINDOW:
        detail = "The time range must be from start_at_min to at most 31 days later."
        raise invalid("INVALID_TIME_RANGE", detail, "start_at_max")
    listing = Listing(
        kind="booking",
        rows="bookings",
        sort="other",
        limit=given.refused("limit", ctx.settings.bookings_page, MOST),
        cursor=cursor,
        windows=[Window("other", start, end)],
        nested="appointment_segments",
    )
    if place := given.text("location_id"):
        listing.among["location"] = ctx.known_locations([place], "location_id")
    if customer := given.text("customer_id"):
        listing.among["customer"] = (customer,)
    if member := given.text("team_member_id"):
        named = b'"team_member_id":"%b"' % member.encode()
        listing.terms.append(("instr(doc, ?)", (named,)))
    if not sees_all(ctx):
        listing.terms.append(("source = 'API'", ()))
        listing.render = _buyers_view
    return lists.answer(ctx, listing)


def bulk_retrieve(ctx: Context) -> HttpResponse:
    ids = ctx.given.texts("booking_ids", most=MOST_IDS)
    if not ids:
        raise invalid("MISSING_REQUIRED_PARAMETER", "Field must be set.", "booking_ids")
    response = single.mapped(ctx, "booking", ("bookings", "booking"), ids)
    if sees_all(ctx):
        return response
    told = orjson.loads(response.body)["bookings"]
    for key, each in told.items():
        if "booking" in each:
            mine = each["booking"]["source"] == "API"
            missing = not_found(f"Could not find booking with ID {key}.").error
            told[key] = (
                {"booking": orjson.loads(_buyers_view(orjson.dumps(each["booking"])))}
                if mine
                else {"errors": [missing]}
            )
    return HttpResponse(body=orjson.dumps({"bookings": told}))


def retrieve_booking(ctx: Context) -> HttpResponse:
    response = single.one(ctx, "booking", "booking", ctx.ids["booking_id"])
    if sees_all(ctx):
        return response
    booking = orjson.loads(response.body)["booking"]
    if booking["source"] != "API":
        raise not_found(f"Could not find booking with ID {booking['id']}.")
    return HttpResponse(body=b'{"booking":%b}' % _buyers_view(orjson.dumps(booking)))


def _buyers_view(raw: bytes) -> bytes:
    """Who made it and from where is told at the seller's level alone."""
    doc = orjson.loads(raw)
    doc.pop("source", None)
    doc.pop("creator_details", None)
    doc.pop("seller_note", None)
    return orjson.dumps(doc)
