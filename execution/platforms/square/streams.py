"""Square: its lists, how each is asked for, and the entities that they make up (sheet, sections 3 and 15).

Whatever a default would cut is said: the first moment, every location, both ends, the order that fits the filter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from execution.http.messages import Request
from execution.platforms.square import records
from execution.platforms.square.api import LOCATIONS_PATH
from execution.platforms.square.cursors import BookingPages, CursorPages
from execution.platforms.square.pages import Asked, OnePage, rfc3339
from execution.platforms.square.payout_entries import PayoutEntryPages
from execution.platforms.square.timed import TimedPages
from execution.streams import Derivation, Entity, Lookup, Round, Stream, Window

# Nobody sold by Square before. Where the seller's own beginning is known to be later, nothing is older than that.
_SINCE_2009 = 1_230_768_000
_ORDERS_A_CALL = 10


def _order(asked: Asked) -> str:
    return "DESC" if asked.newest_first else "ASC"


def _created(time: str = "created_at", *, from_shop_creation: bool = False) -> Window:
    return Window(
        min_param="begin_time",
        max_param="end_time",
        time_at=time,
        earliest=_SINCE_2009,
        from_shop_creation=from_shop_creation,
    )


def _catalog(kind: str) -> Callable[[Asked], Mapping[str, Any]]:
    """Kinds are always named: which ones come by default changes with the version."""
    return lambda _: {"object_types": [kind], "include_deleted_objects": False, "include_related_objects": False}


def _search_orders(time: str) -> Callable[[Asked], Mapping[str, Any]]:
    """The order must be that of the time that is filtered by. All states: a sale may stay open for weeks."""

    def query(asked: Asked) -> Mapping[str, Any]:
        return {
            "location_ids": list(asked.locations),
            "query": {
                "filter": {"date_time_filter": {time: {"start_at": asked.start, "end_at": asked.end}}},
                "sort": {"sort_field": time.upper(), "sort_order": _order(asked)},
            },
            "return_entries": False,
        }

    return query


def _refunds(asked: Asked) -> Mapping[str, Any]:
    """Of all locations, as this list alone shows them where none is named."""
    return {"begin_time": asked.start, "end_time": asked.end, "sort_field": "CREATED_AT", "sort_order": _order(asked)}


def _changed_refunds(asked: Asked) -> Mapping[str, Any]:
    """Both pairs: whether one year of creation is cut where only changes are asked for is not confirmed (sheet 11)."""
    fields = {
        "updated_at_begin_time": asked.start,
        "updated_at_end_time": asked.end,
        "begin_time": rfc3339(_SINCE_2009),
    }
    return {**fields, "end_time": asked.end, "sort_field": "UPDATED_AT", "sort_order": _order(asked)}


def _payments(asked: Asked) -> Mapping[str, Any]:
    return {**_refunds(asked), "location_id": asked.locations[0]}


def _changed_payments(asked: Asked) -> Mapping[str, Any]:
    return {**_changed_refunds(asked), "location_id": asked.locations[0]}


def _payouts(asked: Asked) -> Mapping[str, Any]:
    fields = {"begin_time": asked.start, "end_time": asked.end, "sort_order": _order(asked)}
    return {**fields, "location_id": asked.locations[0]}


def _customers(asked: Asked) -> Mapping[str, Any]:
    return {
        "query": {
            "filter": {"created_at": {"start_at": asked.start, "end_at": asked.end}},
            "sort": {"field": "CREATED_AT", "order": _order(asked)},
        }
    }


def _vendors(asked: Asked) -> Mapping[str, Any]:
    # Whether the filter may be left out is not confirmed (sheet 9).
    return {"filter": {"status": ["ACTIVE", "INACTIVE"]}, "sort": {"field": "CREATED_AT", "order": _order(asked)}}


LOCATIONS = Stream(
    name="locations",
    path=LOCATIONS_PATH,
    pages=OnePage(root="locations"),
    records_at="locations",
    records=records.LOCATIONS,
)

ORDERS = Stream(
    name="orders",
    path="/v2/orders/search",
    pages=TimedPages(
        root="orders", method="POST", query=_search_orders("created_at"), limit=1000, locations=_ORDERS_A_CALL
    ),
    records_at="orders",
    window=_created(),
    records=records.ORDERS,
)

# Orders that a payment or a refund names, and that no search has shown.
NAMED_ORDERS = Lookup(
    name="named_orders",
    path="/v2/orders/batch-retrieve",
    batch=100,
    fallback=25,
    records_at="orders",
    records=records.ORDERS,
    omits_empty=True,
    request=lambda lookup, ids: Request(path=lookup.path, method="POST", body=orjson.dumps({"order_ids": list(ids)})),
)

PAYMENTS = Stream(
    name="payments",
    path="/v2/payments",
    pages=TimedPages(root="payments", query=_payments, locations=1),
    records_at="payments",
    window=_created(),
    records=records.PAYMENTS,
)

REFUNDS = Stream(
    name="refunds",
    path="/v2/refunds",
    pages=TimedPages(root="refunds", query=_refunds),
    records_at="refunds",
    window=_created(),
    records=records.REFUNDS,
)

PAYOUTS = Stream(
    name="payouts",
    path="/v2/payouts",
    pages=TimedPages(root="payouts", query=_payouts, locations=1),
    records_at="payouts",
    window=_created(),
    records=records.PAYOUTS,
)

PAYOUT_ENTRIES = Stream(
    name="payout_entries",
    path="/v2/payouts/{id}/payout-entries",
    pages=PayoutEntryPages(root="payout_entries", payouts=PAYOUTS, locations=1),
    records_at="payout_entries",
    window=_created("effective_at"),
    records=records.PAYOUT_ENTRIES,
)

# No size, no filter by time and no order: the second reading shows whether it is whole.
DISPUTES = Stream(
    name="disputes",
    path="/v2/disputes",
    pages=CursorPages(root="disputes", limit=None, page=50, twice=True),
    records_at="disputes",
    records=records.DISPUTES,
)

CATEGORIES = Stream(
    name="categories",
    path="/v2/catalog/search",
    pages=CursorPages(root="objects", method="POST", query=_catalog("CATEGORY"), limit=1000, twice=True),
    records_at="objects",
    records=records.CATEGORIES,
)

# Variations come embedded as well: only their own list shows each with its own version.
ITEMS = Stream(
    name="items",
    path="/v2/catalog/search",
    pages=CursorPages(root="objects", method="POST", query=_catalog("ITEM"), limit=1000, twice=True),
    records_at="objects",
    records=records.ITEMS,
)

VARIATIONS = Stream(
    name="variations",
    path="/v2/catalog/search",
    pages=CursorPages(root="objects", method="POST", query=_catalog("ITEM_VARIATION"), limit=1000, twice=True),
    records_at="objects",
    records=records.VARIATIONS,
)

# Which item a line of an order is of: it names the variation alone.
LINE_LISTINGS = Derivation(name="line_listings")

COUNTS = Stream(
    name="counts",
    path="/v2/inventory/counts/batch-retrieve",
    pages=CursorPages(
        root="counts", method="POST", limit=1000, made_of=("catalog_object_id", "location_id", "state"), twice=True
    ),
    records_at="counts",
    records=records.COUNTS,
)

VENDORS = Stream(
    name="vendors",
    path="/v2/vendors/search",
    pages=CursorPages(root="vendors", method="POST", query=_vendors, limit=None, twice=True),
    records_at="vendors",
    records=records.VENDORS,
)

# Without a filter: what a search's own would hide is counted here.
_CENSUS = Request(
    path="/v2/customers",
    params={"sort_field": "CREATED_AT", "sort_order": "DESC", "limit": 100, "count": True},
)
CUSTOMERS = Stream(
    name="customers",
    path="/v2/customers/search",
    pages=TimedPages(root="customers", method="POST", query=_customers, census=_CENSUS),
    records_at="customers",
    window=_created(),
    records=records.CUSTOMERS,
)

# Without a status, the inactive ones come too.
TEAM_MEMBERS = Stream(
    name="team_members",
    path="/v2/team-members/search",
    pages=CursorPages(root="team_members", method="POST", query=lambda _: {"query": {}}, limit=200, twice=True),
    records_at="team_members",
    records=records.TEAM_MEMBERS,
)

LOYALTY_ACCOUNTS = Stream(
    name="loyalty_accounts",
    path="/v2/loyalty/accounts/search",
    pages=CursorPages(root="loyalty_accounts", method="POST", query=lambda _: {"query": {}}, limit=200, twice=True),
    records_at="loyalty_accounts",
    records=records.LOYALTY_ACCOUNTS,
)

BOOKINGS = Stream(
    name="bookings",
    path="/v2/bookings",
    pages=BookingPages(
        root="bookings", query=lambda asked: {"start_at_min": asked.start, "start_at_max": asked.end}, limit=1000
    ),
    records_at="bookings",
    window=Window(
        min_param="start_at_min",
        max_param="start_at_max",
        time_at="start_at",
        earliest=_SINCE_2009,
        from_shop_creation=True,
    ),
    records=records.BOOKINGS,
)


def _listed(name: str, stream: Stream, *steps: Derivation, proofs: Sequence[str] = ()) -> Entity:
    """What a list shows whole: what it does not show any more is gone."""
    return Entity(
        name=name, table=stream.records.table, steps=(stream, *steps), proofs=tuple(proofs), complete_read=True
    )


_CHANGED = Window(
    min_param="updated_at_begin_time", max_param="updated_at_end_time", time_at="updated_at", earliest=_SINCE_2009
)


def _changed(stream: Stream, query: Callable[[Asked], Mapping[str, Any]]) -> Stream:
    """What changed of a list by time since the last round."""
    if not isinstance(stream.pages, TimedPages):
        raise TypeError(f"{stream.name} is no list by time")
    pages = replace(stream.pages, time="updated_at", query=query, asks_end=False, census=None)
    return replace(stream, pages=pages, window=_CHANGED)


# Not to be put in the order of changes: followed by its cursor.
CHANGED_CUSTOMERS = replace(
    CUSTOMERS,
    pages=CursorPages(
        root="customers",
        method="POST",
        query=lambda asked: {"query": {"filter": {"updated_at": {"start_at": asked.start, "end_at": asked.end}}}},
    ),
    window=_CHANGED,
)
# Newest first: what changes while it is read comes in front, and is the next round's as well.
CHANGED_COUNTS = replace(
    COUNTS,
    pages=replace(COUNTS.pages, query=lambda asked: {"updated_after": asked.start}, twice=False),  # type: ignore[call-arg]  # of CursorPages
    window=_CHANGED,
)
# An appointment says when it was changed, and cannot be asked for by it.
NEAR_BOOKINGS = replace(
    BOOKINGS,
    pages=replace(BOOKINGS.pages, back=31 * 86_400, ahead=93 * 86_400),  # type: ignore[call-arg]  # of BookingPages
    window=_CHANGED,
)


def _new(stream: Stream) -> Stream:
    """What was created since the last round, of a list that does not tell changes."""
    if isinstance(stream.pages, TimedPages):
        return replace(stream, pages=replace(stream.pages, asks_end=False))
    return stream


ENTITIES = (
    _listed("locations", LOCATIONS),
    Entity(
        name="orders",
        table="orders",
        # Of items that are here already: after a reading of the catalog, or where the orders come later.
        steps=(ORDERS, LINE_LISTINGS),
        time_column="ordered_at",
        proofs=("order_locations",),
        round=Round(steps=(_changed(ORDERS, _search_orders("updated_at")), LINE_LISTINGS)),
    ),
    Entity(
        name="payments",
        table="order_payments",
        steps=(PAYMENTS, NAMED_ORDERS),
        time_column="paid_at",
        proofs=("payment_locations", "payments"),
        # Fees come later, and with them the time of change.
        round=Round(steps=(_changed(PAYMENTS, _changed_payments), NAMED_ORDERS)),
    ),
    Entity(
        name="refunds",
        table="payment_refunds",
        steps=(REFUNDS,),
        time_column="refunded_at",
        proofs=("refunds",),
        round=Round(steps=(_changed(REFUNDS, _changed_refunds),)),
    ),
    Entity(
        name="payouts",
        table="payouts",
        steps=(PAYOUTS,),
        time_column="paid_out_at",
        proofs=("payout_locations",),
        round=Round(steps=(_new(PAYOUTS),)),
    ),
    Entity(
        name="payout_entries",
        table="payout_entries",
        steps=(PAYOUT_ENTRIES,),
        time_column="effective_at",
        proofs=("payout_entries",),
        round=Round(steps=(PAYOUT_ENTRIES,)),
    ),
    Entity(name="disputes", table="payment_disputes", steps=(DISPUTES,)),
    _listed("categories", CATEGORIES),
    _listed("listings", ITEMS, proofs=("categories",)),
    _listed("variants", VARIATIONS, LINE_LISTINGS, proofs=("variants",)),
    _listed("vendors", VENDORS),
    replace(_listed("inventory", COUNTS, proofs=("counts",)), round=Round(steps=(CHANGED_COUNTS,))),
    replace(_listed("customers", CUSTOMERS), created_at=("created_at",), round=Round(steps=(CHANGED_CUSTOMERS,))),
    _listed("team_members", TEAM_MEMBERS),
    _listed("loyalty_accounts", LOYALTY_ACCOUNTS),
    Entity(
        name="bookings",
        table="bookings",
        steps=(BOOKINGS,),
        time_column="starts_at",
        round=Round(steps=(NEAR_BOOKINGS,)),
    ),
)
