"""The true records of a shop as they stand now, streamed: what a complete copy must equal."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.etsy.live_shop import LiveShop
from sandbox.etsy.shop_store import PAID
from sandbox.parts.responses import Doc

_BATCH = 200


def _positions(live_shop: LiveShop) -> Iterator[int]:
    """All receipts in order of creation, a batch at a time."""
    last = (-1, -1)
    sql = "SELECT created, pos FROM receipts WHERE (created, pos) > (?, ?) ORDER BY created, pos LIMIT ?"
    while batch := live_shop.store.db.execute(sql, (*last, _BATCH)).fetchall():
        last = batch[-1]
        yield from (pos for _, pos in batch)


def receipts(live_shop: LiveShop, *, paid: bool | None) -> Iterator[Doc]:
    for pos in _positions(live_shop):
        doc = live_shop.store.receipt(pos)
        if doc and paid in (None, doc["is_paid"]):
            yield doc


def transactions(live_shop: LiveShop, *, paid: bool | None) -> Iterator[Doc]:
    for receipt in receipts(live_shop, paid=paid):
        yield from receipt["transactions"]


def _parts(live_shop: LiveShop, name: str, *, paid: bool | None) -> Iterator[Doc]:
    for receipt in receipts(live_shop, paid=paid):
        for position, part in enumerate(receipt[name]):
            yield {"receipt_id": receipt["receipt_id"], "position": position, **part}


def refunds(live_shop: LiveShop, *, paid: bool | None) -> Iterator[Doc]:
    return _parts(live_shop, "refunds", paid=paid)


def shipments(live_shop: LiveShop, *, paid: bool | None) -> Iterator[Doc]:
    return _parts(live_shop, "shipments", paid=paid)


def payments(live_shop: LiveShop, *, paid: bool | None) -> Iterator[Doc]:
    for receipt in receipts(live_shop, paid=paid):
        pos = live_shop.shop.ids.receipt_position(receipt["receipt_id"])
        payment = None if pos is None else live_shop.payment(pos)
        if payment:
            yield payment


def ledger(live_shop: LiveShop, *, paid: bool | None) -> Iterator[Doc]:  # noqa: ARG001 - one face for all
    last = 0
    sql = "SELECT * FROM ledger WHERE seq > ? ORDER BY seq LIMIT ?"
    while batch := live_shop.store.db.execute(sql, (last, _BATCH)).fetchall():
        last = batch[-1][0]
        yield from (live_shop.entry(row) for row in batch)


def listings(live_shop: LiveShop, *, paid: bool | None) -> Iterator[Doc]:  # noqa: ARG001 - one face for all
    for number in live_shop.listing_numbers():
        doc = live_shop.listing(number)
        if doc:
            yield doc


def customers(live_shop: LiveShop, *, paid: bool | None) -> Iterator[Doc]:  # noqa: ARG001 - one face for all
    """Distinct buyers of paid receipts."""
    sql = (
        "SELECT buyer, count(*), min(created), max(created) FROM receipts"
        " WHERE flags & ? != 0 AND buyer > ? GROUP BY buyer ORDER BY buyer LIMIT ?"
    )
    last = 0
    while batch := live_shop.store.db.execute(sql, (PAID, last, 100_000)).fetchall():
        last = batch[-1][0]
        for buyer, orders, first, latest in batch:
            yield {"buyer_user_id": buyer, "orders": orders, "first_created": first, "last_created": latest}


GROUND_TRUTHS = {
    truth.__name__: truth
    for truth in (receipts, transactions, refunds, shipments, payments, ledger, listings, customers)
}
