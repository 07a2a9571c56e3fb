"""The true records of a shop as they stand now, streamed: what a complete copy must equal."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.etsy.front import Front
from sandbox.etsy.shelf import PAID
from sandbox.parts.answer import Doc

_BATCH = 200


def _positions(front: Front) -> Iterator[int]:
    """All receipts in order of creation, a batch at a time."""
    last = (-1, -1)
    sql = "SELECT created, pos FROM receipts WHERE (created, pos) > (?, ?) ORDER BY created, pos LIMIT ?"
    while batch := front.shelf.db.execute(sql, (*last, _BATCH)).fetchall():
        last = batch[-1]
        yield from (pos for _, pos in batch)


def receipts(front: Front, *, paid: bool | None) -> Iterator[Doc]:
    for pos in _positions(front):
        doc = front.shelf.receipt(pos)
        if doc and paid in (None, doc["is_paid"]):
            yield doc


def transactions(front: Front, *, paid: bool | None) -> Iterator[Doc]:
    for receipt in receipts(front, paid=paid):
        yield from receipt["transactions"]


def _parts(front: Front, name: str, *, paid: bool | None) -> Iterator[Doc]:
    for receipt in receipts(front, paid=paid):
        for position, part in enumerate(receipt[name]):
            yield {"receipt_id": receipt["receipt_id"], "position": position, **part}


def refunds(front: Front, *, paid: bool | None) -> Iterator[Doc]:
    return _parts(front, "refunds", paid=paid)


def shipments(front: Front, *, paid: bool | None) -> Iterator[Doc]:
    return _parts(front, "shipments", paid=paid)


def payments(front: Front, *, paid: bool | None) -> Iterator[Doc]:
    for receipt in receipts(front, paid=paid):
        pos = front.shop.ids.receipt_position(receipt["receipt_id"])
        payment = None if pos is None else front.payment(pos)
        if payment:
            yield payment


def ledger(front: Front, *, paid: bool | None) -> Iterator[Doc]:  # noqa: ARG001 - one face for all
    last = 0
    sql = "SELECT * FROM ledger WHERE seq > ? ORDER BY seq LIMIT ?"
    while batch := front.shelf.db.execute(sql, (last, _BATCH)).fetchall():
        last = batch[-1][0]
        yield from (front.entry(row) for row in batch)


def listings(front: Front, *, paid: bool | None) -> Iterator[Doc]:  # noqa: ARG001 - one face for all
    for number in front.listing_numbers():
        doc = front.listing(number)
        if doc:
            yield doc


def customers(front: Front, *, paid: bool | None) -> Iterator[Doc]:  # noqa: ARG001 - one face for all
    """Distinct buyers of paid receipts."""
    sql = (
        "SELECT buyer, count(*), min(created), max(created) FROM receipts"
        " WHERE flags & ? != 0 AND buyer > ? GROUP BY buyer ORDER BY buyer LIMIT ?"
    )
    last = 0
    while batch := front.shelf.db.execute(sql, (PAID, last, 100_000)).fetchall():
        last = batch[-1][0]
        for buyer, orders, first, latest in batch:
            yield {"buyer_user_id": buyer, "orders": orders, "first_created": first, "last_created": latest}


TRUTHS = {
    truth.__name__: truth
    for truth in (receipts, transactions, refunds, shipments, payments, ledger, listings, customers)
}
