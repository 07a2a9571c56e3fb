"""The merchant, locations, team members and vendors."""

from __future__ import annotations

from sandbox.parts.responses import HttpResponse, ok
from sandbox.square.api import lists, single
from sandbox.square.api.context import Context
from sandbox.square.api.lists import Listing
from sandbox.square.data.shop_store import Wanted
from sandbox.square.responses import invalid, not_found

TEAM_STATUSES = ("ACTIVE", "INACTIVE")


def list_merchants(ctx: Context) -> HttpResponse:
    """Exactly one: the token's own."""
    return ok({"merchant": [ctx.live_shop.merchant]})


def retrieve_merchant(ctx: Context) -> HttpResponse:
    if ctx.ids["merchant_id"] not in ("me", ctx.live_shop.shop.ids.merchant):
        raise not_found("Merchant not found.")
    return ok({"merchant": ctx.live_shop.merchant})


def list_locations(ctx: Context) -> HttpResponse:
    """All at once, by name, inactive ones too."""
    found = ctx.store.page(Wanted("location", "name", descending=False), None, 1000)
    if ctx.fault is not None and ctx.fault.kind == "main_location":
        found = [each for each in found if each.id == ctx.live_shop.shop.main_location]
    if ctx.fault is not None and ctx.fault.kind == "lost_location":
        found = [each for each in found if each.id != ctx.fault.details["location_id"]]
    return single.listed(ctx, "location", "locations", (each.doc for each in found))


def retrieve_location(ctx: Context) -> HttpResponse:
    key = ctx.ids["location_id"]
    return single.one(ctx, "location", "location", ctx.live_shop.shop.main_location if key == "main" else key)


def search_team_members(ctx: Context) -> HttpResponse:
    """Without a status those who have left come too."""
    wish = ctx.given.part("query", ("filter",)).part("filter", ("location_ids", "status", "is_owner"))
    listing = Listing(
        kind="team_member",
        rows="team_members",
        sort="created",
        limit=ctx.given.refused("limit", 100, 200),
        cursor=ctx.cursor(),
    )
    if status := wish.word("status", TEAM_STATUSES, ""):
        listing.among["state"] = (status,)
    if wish.has("is_owner"):
        listing.terms.append((f"source IS {'NOT' if wish.flag('is_owner') else ''} NULL", ()))
    if places := ctx.known_locations(wish.texts("location_ids"), "query.filter.location_ids"):
        anywhere = b"ALL_CURRENT_AND_FUTURE_LOCATIONS"
        named = " OR ".join(["instr(doc, ?)"] * (len(places) + 1))
        listing.terms.append((f"({named})", (anywhere, *(place.encode() for place in places))))
    return lists.answer(ctx, listing)


def retrieve_team_member(ctx: Context) -> HttpResponse:
    return single.one(ctx, "team_member", "team_member", ctx.ids["team_member_id"])


def search_vendors(ctx: Context) -> HttpResponse:
    wish = ctx.given.part("filter", ("name", "status"))
    sort = ctx.given.part("sort", ("field", "order"))
    if not ctx.given.has("filter") and not ctx.given.has("sort") and not ctx.given.has("cursor"):
        raise invalid("MISSING_REQUIRED_PARAMETER", "A filter or a sort is required.", "filter")
    listing = Listing(
        kind="vendor",
        rows="vendors",
        sort={"NAME": "name", "CREATED_AT": "created"}[sort.word("field", ("NAME", "CREATED_AT"), "CREATED_AT")],
        descending=sort.word("order", ("ASC", "DESC"), "ASC") == "DESC",
        limit=ctx.settings.vendors_page,
        cursor=ctx.cursor(),
        nested="contacts",
    )
    if statuses := wish.texts("status", known=TEAM_STATUSES):
        listing.among["state"] = tuple(statuses)
    if names := wish.texts("name"):
        listing.among["name"] = tuple(names)
    return lists.answer(ctx, listing)


def bulk_retrieve_vendors(ctx: Context) -> HttpResponse:
    return single.mapped(ctx, "vendor", ("responses", "vendor"), ctx.given.texts("vendor_ids", most=100))


def retrieve_vendor(ctx: Context) -> HttpResponse:
    return single.one(ctx, "vendor", "vendor", ctx.ids["vendor_id"])
