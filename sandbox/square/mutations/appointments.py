"""Bookings: new ones, edits and cancellations, each with a higher version."""

from __future__ import annotations

from sandbox.parts.responses import Doc
from sandbox.parts.seeded_random import SeededRandom
from sandbox.square.data.bookings import booking
from sandbox.square.data.notices import Notice
from sandbox.square.data.timestamps import SECOND, parsed, plain
from sandbox.square.live_shop import LiveShop
from sandbox.square.mutations.shared import Outcome, location_of, moment, record_of


def new_booking(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    """At `start_at` (Unix seconds), else tomorrow."""
    number, at = live.next_number(), moment(wanted, now)
    starts = int(wanted.get("start_at", at // SECOND + 86_400)) * SECOND
    rng = SeededRandom(f"{live.shop.seed}:new-booking:{number}")
    made = booking(live.shop, number, (starts, at, at), None, rng)
    made |= {"version": 0, "status": "ACCEPTED", "location_id": location_of(live, wanted)}
    live.store.put("booking", made)
    return {"booking_id": made["id"]}, [Notice("booking.created", made)]


def edit_booking(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    """Fields change, the version rises."""
    made = record_of(live, "booking", wanted.get("booking_id", "last"))
    return _changed_booking(live, made, wanted.get("fields", {"seller_note": "moved"}), moment(wanted, now))


def cancel_booking(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    """By the `SELLER` or the `CUSTOMER`."""
    made = record_of(live, "booking", wanted.get("booking_id", "last"))
    return _changed_booking(live, made, {"status": f"CANCELLED_BY_{wanted.get('by', 'SELLER')}"}, moment(wanted, now))


def _changed_booking(live: LiveShop, made: Doc, fields: Doc, at: int) -> Outcome:
    made |= fields
    made |= {"version": made["version"] + 1, "updated_at": plain(max(at, parsed(made["updated_at"])))}
    live.store.put("booking", made)
    return {"booking_id": made["id"], "version": made["version"]}, [Notice("booking.updated", made)]
