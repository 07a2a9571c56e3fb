"""Receipts and transactions (sheet section 7.1)."""

from __future__ import annotations

import orjson

from sandbox.etsy.live_shop import LiveShop
from sandbox.etsy.params import ASCENDING, BOOL, DIRECTIONS, LIMIT, OFFSET, TIME, Param, Params
from sandbox.etsy.responses import EtsyError, page
from sandbox.etsy.shop_store import CANCELED, DELIVERED, PAID, SHIPPED
from sandbox.etsy.world import Call, World
from sandbox.parts.responses import Doc, HttpResponse, ok

LIST = {
    "min_created": TIME,
    "max_created": TIME,
    "min_last_modified": TIME,
    "max_last_modified": TIME,
    "limit": LIMIT,
    "offset": OFFSET,
    "sort_on": Param(kind="word", default="created", words=("created", "updated", "receipt_id")),
    "sort_order": Param(kind="word", default="desc", words=DIRECTIONS),
    "was_paid": BOOL,
    "was_shipped": BOOL,
    "was_delivered": BOOL,
    "was_canceled": BOOL,
    "legacy": BOOL,
}
PAGED = {"limit": LIMIT, "offset": OFFSET, "legacy": BOOL}
LEGACY = {"legacy": BOOL}

_BOUNDS = (
    ("min_created", "created >= ?"),
    ("max_created", "created <= ?"),
    ("min_last_modified", "updated >= ?"),
    ("max_last_modified", "updated <= ?"),
)
_FLAGS = (("was_paid", PAID), ("was_shipped", SHIPPED), ("was_delivered", DELIVERED), ("was_canceled", CANCELED))
# SQLite must walk the index that gives the order; ties are broken by position, which is that of the ids.
_ORDERS = {"created": ("created", "pos"), "updated": ("updated", "pos"), "receipt_id": ("pos",)}
_INDEXES = {"created": "receipts_by_created", "updated": "receipts_by_updated"}


def list_receipts(_world: World, call: Call) -> HttpResponse:
    params, store = call.params, call.live_shop.store
    where, values = _where(params)
    direction = "ASC" if params["sort_order"] in ASCENDING else "DESC"
    order = "ORDER BY " + ", ".join(f"{column} {direction}" for column in _ORDERS[params["sort_on"]])
    count = store.count("count(*) FROM receipts", where, values)
    places = store.places(where, order, values, params["limit"], params["offset"])
    return page(count, store.bodies(places))


def _where(params: Params) -> tuple[str, list[int]]:
    terms, values = [], []
    for name, term in _BOUNDS:
        if params[name] is not None:
            terms.append(term)
            values.append(params[name])
    mask = want = 0
    for name, flag in _FLAGS:
        if params[name] is not None:
            mask |= flag
            want |= flag if params[name] else 0
    if mask:
        terms.append("(flags & ?) = ?")
        values += [mask, want]
    return ("WHERE " + " AND ".join(terms) if terms else ""), values


def get_receipt(_world: World, call: Call) -> HttpResponse:
    return ok(found_receipt(call)[1])


def found_receipt(call: Call) -> tuple[int, Doc]:
    """The receipt of the path, or the vendor's 404 (#338)."""
    receipt_id, shop = call.ids["receipt_id"], call.live_shop.shop
    pos = shop.ids.receipt_position(receipt_id)
    doc = None if pos is None else call.live_shop.store.receipt(pos)
    if pos is None or doc is None:
        text = (
            f"Could not find a Shop Receipt with receipt_id = {receipt_id} associated with shop_id = {shop.ids.shop}."
        )
        raise EtsyError(404, text)
    return pos, doc


def list_transactions_of_receipt(_world: World, call: Call) -> HttpResponse:
    transactions = found_receipt(call)[1]["transactions"]
    return ok({"count": len(transactions), "results": transactions})


def list_payments_of_receipt(_world: World, call: Call) -> HttpResponse:
    pos, _ = found_receipt(call)
    payment = call.live_shop.payment(pos)
    return ok({"count": int(payment is not None), "results": [payment] if payment else []})


def list_transactions(_world: World, call: Call) -> HttpResponse:
    """Newest first; there is no date filter (#131, #185)."""
    store, limit, offset = call.live_shop.store, call.params["limit"], call.params["offset"]
    results = _transactions(call.live_shop, limit, offset)
    return page(store.count("sum(lines) FROM receipts", "", ()), b"".join(orjson.dumps(t) + b"," for t in results))


def _transactions(live_shop: LiveShop, limit: int, offset: int) -> list[Doc]:
    results: list[Doc] = []
    rows = live_shop.store.db.execute("SELECT pos, lines FROM receipts ORDER BY created DESC, pos DESC")
    for pos, lines in rows:
        if offset >= lines:
            offset -= lines
            continue
        receipt = live_shop.store.receipt(pos)
        results += receipt["transactions"][offset:] if receipt else []
        offset = 0
        if len(results) >= limit:
            break
    rows.close()
    return results[:limit]


def get_transaction(_world: World, call: Call) -> HttpResponse:
    transaction_id = call.ids["transaction_id"]
    place = call.live_shop.shop.ids.transaction_place(transaction_id)
    receipt = call.live_shop.store.receipt(place[0]) if place else None
    for transaction in receipt["transactions"] if receipt else []:
        if transaction["transaction_id"] == transaction_id:
            return ok(transaction)
    raise EtsyError(404, f"Could not find a Transaction with transaction_id = {transaction_id}.")


REVIEWS = {"limit": LIMIT, "offset": OFFSET, "min_created": TIME, "max_created": TIME}
_REVIEW_DELAY = 864_000


def list_reviews(_world: World, call: Call) -> HttpResponse:
    """Every sixth order that was shipped gets a review of its first line ten days after it was placed."""
    params, live_shop = call.params, call.live_shop
    low = (params["min_created"] or 0) - _REVIEW_DELAY
    high = min(params["max_created"] or live_shop.shop.end, live_shop.shop.end) - _REVIEW_DELAY
    where = "WHERE pos % 6 = 0 AND (flags & ?) = ? AND created >= ? AND created <= ?"
    values = (SHIPPED, SHIPPED, low, high)
    places = live_shop.store.places(where, "ORDER BY created DESC, pos DESC", values, params["limit"], params["offset"])
    results = [_review(live_shop, pos) for pos, _, _ in places]
    return ok({"count": live_shop.store.count("count(*) FROM receipts", where, values), "results": results})


def _review(live_shop: LiveShop, pos: int) -> Doc:
    line = (live_shop.store.receipt(pos) or {})["transactions"][0]
    at = line["created_timestamp"] + _REVIEW_DELAY
    return {
        "shop_id": live_shop.shop.ids.shop,
        "listing_id": line["listing_id"] or live_shop.shop.ids.listing(0),
        "transaction_id": line["transaction_id"],
        "buyer_user_id": line["buyer_user_id"],
        "rating": 5 - pos // 6 % 7 // 5,
        "review": "Lovely &amp; well packed. It&#39;s even better than the photos!",
        "language": "en",
        "image_url_fullxfull": None,
        "create_timestamp": at,
        "created_timestamp": at,
        "update_timestamp": at,
        "updated_timestamp": at,
    }
