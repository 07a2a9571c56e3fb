"""What moves the balance besides sales: disputes and payouts."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.parts.responses import Doc
from sandbox.parts.seeded_random import SeededRandom
from sandbox.square.data import payments as paying
from sandbox.square.data import payouts
from sandbox.square.data.notices import Notice
from sandbox.square.data.timestamps import precise
from sandbox.square.live_shop import LiveShop
from sandbox.square.mutations.shared import Outcome, location_of, moment, record_of


def open_dispute(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    """The bank takes a card payment back."""
    payment = record_of(live, "payment", wanted.get("payment_id", "last"))
    if not paying.is_paid_out(payment) or payment["status"] != "COMPLETED":
        raise ValueError("only a card payment that was completed can be disputed")
    rng = SeededRandom(f"{live.shop.seed}:{payment['id']}")
    made = paying.dispute(live.shop, payment, moment(wanted, now), str(wanted.get("state", "EVIDENCE_REQUIRED")), rng)
    live.store.put("dispute", made)
    return {"dispute_id": made["id"]}, [Notice("dispute.created", made)]


def close_dispute(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    made = record_of(live, "dispute", wanted.get("dispute_id", "last"))
    made |= {"state": str(wanted.get("state", "WON")), "updated_at": precise(moment(wanted, now))}
    made["version"] += 1
    live.store.put("dispute", made)
    return {"dispute_id": made["id"]}, [Notice("dispute.state.updated", made)]


def new_payout(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    """Pay out what a location has earned and not been paid yet."""
    place, at = location_of(live, wanted), moment(wanted, now)
    known = {_of_entry(entry) for entry in live.store.all("entry")}
    found = [each for each in _activities(live, place) if _of_activity(each) not in known and each.at <= at]
    payout, entries = payouts.payout(live.shop, f"new{live.next_number()}", place, at, found)
    live.store.put("payout", payout)
    for entry in entries:
        live.store.put("entry", entry)
    return {"payout_id": payout["id"], "entries": len(entries)}, [Notice("payout.sent", payout)]


def _activities(live: LiveShop, place: str) -> Iterable[payouts.Activity]:
    for payment in live.store.all("payment"):
        if payment["location_id"] == place:
            yield from payouts.of_payment(payment)
    for refund in live.store.all("refund"):
        paid = live.store.get("payment", refund["payment_id"])
        if refund["location_id"] == place and paid is not None:
            yield from payouts.of_refund(refund, paid)
    for dispute in live.store.all("dispute"):
        if dispute["location_id"] == place:
            yield from payouts.of_dispute(dispute)


def _of_activity(activity: payouts.Activity) -> tuple[str, str, str]:
    return activity.kind, precise(activity.at), str(sorted(activity.details.items()))


def _of_entry(entry: Doc) -> tuple[str, str, str]:
    details = entry[f"type_{entry['type'].lower()}_details"]
    return entry["type"], entry["effective_at"], str(sorted(details.items()))
