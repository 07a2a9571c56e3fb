"""Customers, team members, vendors, loyalty, and locations that close."""

from __future__ import annotations

from sandbox.parts.responses import Doc
from sandbox.square.data import people
from sandbox.square.data.notices import Notice
from sandbox.square.data.timestamps import plain, precise
from sandbox.square.live_shop import LiveShop
from sandbox.square.mutations.shared import Outcome, location_of, moment, record_of


def new_customer(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    made = people.customer(live.shop, live.next_number(), moment(wanted, now), moment(wanted, now))
    live.store.put("customer", made)
    return {"customer_id": made["id"]}, [Notice("customer.created", made)]


def edit_customer(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    made = record_of(live, "customer", wanted.get("customer_id", "last"))
    made |= wanted.get("fields", {"note": "prefers mornings"})
    made |= {"version": made["version"] + 1, "updated_at": precise(moment(wanted, now))}
    live.store.put("customer", made)
    return {"customer_id": made["id"]}, [Notice("customer.updated", made)]


def delete_customer(live: LiveShop, wanted: Doc, _now: int) -> Outcome:
    """Gone from every list: only a webhook tells."""
    made = record_of(live, "customer", wanted.get("customer_id", "last"))
    live.store.remove("customer", made["id"])
    return {"customer_id": made["id"]}, [Notice("customer.deleted", made)]


def location_status(live: LiveShop, wanted: Doc, _now: int) -> Outcome:
    """INACTIVE or ACTIVE; nothing tells when that was."""
    made = record_of(live, "location", location_of(live, wanted, default="last"))
    made["status"] = str(wanted.get("status", "INACTIVE"))
    if made["status"] not in ("ACTIVE", "INACTIVE"):
        raise ValueError("status must be ACTIVE or INACTIVE")
    live.store.put("location", made)
    return {"location_id": made["id"]}, [Notice("location.updated", made)]


def edit_team_member(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    made = record_of(live, "team_member", wanted.get("team_member_id", "last"))
    made |= wanted.get("fields", {"status": "INACTIVE"})
    made["updated_at"] = plain(moment(wanted, now))
    live.store.put("team_member", made)
    return {"team_member_id": made["id"]}, [Notice("team_member.updated", made)]


def edit_vendor(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    made = record_of(live, "vendor", wanted.get("vendor_id", "last"))
    made |= wanted.get("fields", {"note": "closed in August"})
    made |= {"version": made["version"] + 1, "updated_at": precise(moment(wanted, now))}
    live.store.put("vendor", made)
    return {"vendor_id": made["id"]}, [Notice("vendor.updated", made)]


def earn_points(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    made, at = record_of(live, "loyalty_account", wanted.get("account_id", "last")), moment(wanted, now)
    points = int(wanted.get("points", 10))
    made |= {"balance": made["balance"] + points, "lifetime_points": made["lifetime_points"] + max(points, 0)}
    made["updated_at"] = plain(at)
    live.store.put("loyalty_account", made)
    told = {"loyalty_program_id": made["program_id"], "points": points, "reason": "by hand"}
    event: Doc = {
        "id": live.shop.ids.entry(f"points{live.next_number()}"),
        "type": "ADJUST_POINTS",
        "created_at": plain(at),
    }
    event |= {"adjust_points": told, "loyalty_account_id": made["id"], "source": "SQUARE"}
    live.store.put("loyalty_event", event)
    return {"account_id": made["id"]}, [Notice("loyalty.account.updated", made), Notice("loyalty.event.created", event)]
