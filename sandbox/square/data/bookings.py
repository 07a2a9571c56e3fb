"""Appointments of a salon: past ones, and those to come in the next two months."""

from __future__ import annotations

from sandbox.parts.responses import Doc
from sandbox.parts.seeded_random import SeededRandom
from sandbox.parts.shop import buyer_number
from sandbox.square.data import catalog
from sandbox.square.data.people import TEAM
from sandbox.square.data.shop import Shop
from sandbox.square.data.timestamps import DAY, HOUR, MINUTE, SECOND, plain

AHEAD = 60 * DAY
_PAST = ("ACCEPTED",) * 16 + ("NO_SHOW", "CANCELLED_BY_CUSTOMER", "CANCELLED_BY_SELLER", "DECLINED")
_FUTURE = ("ACCEPTED",) * 7 + ("PENDING", "CANCELLED_BY_CUSTOMER")
_SOURCES = ("FIRST_PARTY_MERCHANT", "FIRST_PARTY_BUYER", "FIRST_PARTY_BUYER", "THIRD_PARTY_BUYER", "API")


def make_booking(shop: Shop, number: int) -> tuple[Doc, int | None, int]:
    """The booking, its customer's number and the millisecond in which it was made."""
    rng = SeededRandom(f"{shop.seed}:booking:{number}")
    span = shop.end_ms + AHEAD - shop.start_ms
    day = (shop.start_ms + (number * span) // max(shop.plan.bookings, 1)) // DAY * DAY
    starts = day + 9 * HOUR + rng.below(36) * 15 * MINUTE
    created = min(starts - rng.between(HOUR, 30 * DAY), shop.end_ms - rng.below(HOUR)) // SECOND * SECOND
    created = max(created, shop.opened_ms)
    updated = min(created + rng.below(max(starts - created, SECOND)), shop.end_ms) // SECOND * SECOND
    customer = buyer_number(rng, number, shop.plan.bookings) if rng.chance(970) else None
    return booking(shop, number, (starts, created, updated), customer, rng), customer, created


def booking(shop: Shop, number: int, times: tuple[int, int, int], customer: int | None, rng: SeededRandom) -> Doc:
    """`times` are its start, its making and its last change."""
    starts, created, updated = times
    open_places = shop.plan.locations - shop.plan.inactive_locations
    doc: Doc = {
        "id": shop.ids.booking(number),
        "version": rng.below(4),
        "status": rng.pick(_PAST if starts < shop.end_ms else _FUTURE),
        "created_at": plain(created),
        "updated_at": plain(updated),
        "start_at": plain(starts),
        "location_id": shop.location_ids[rng.below(open_places)],
        "appointment_segments": [_segment(shop, rng) for _ in range(rng.step((850, 970, 1000)))],
        "transition_time_minutes": rng.pick((0, 0, 10)),
        "all_day": rng.chance(5),
        "location_type": "BUSINESS_LOCATION",
        "source": rng.pick(_SOURCES),
    }
    if customer is not None:
        doc["customer_id"] = shop.ids.customer(customer)
    if doc["source"] == "FIRST_PARTY_MERCHANT" or customer is None:
        member = shop.ids.team_member(rng.below(4))
        doc["creator_details"] = {"creator_type": "TEAM_MEMBER", "team_member_id": member}
    else:
        doc["creator_details"] = {"creator_type": "CUSTOMER", "customer_id": doc["customer_id"]}
    if rng.chance(80):
        doc["customer_note"] = "first visit; please « no perfume »"
    if rng.chance(80):
        doc["seller_note"] = "prefers mornings"
    return doc


def _segment(shop: Shop, rng: SeededRandom) -> Doc:
    services = [variation for variation in shop.variations if variation.minutes] or shop.variations
    service = rng.pick(services)
    key = catalog.variation_id(shop, service.number)
    return {
        "duration_minutes": service.minutes or 30,
        "service_variation_id": key,
        "service_variation_version": catalog.updated_of(shop, "variation", service.number),
        "team_member_id": shop.ids.team_member(rng.between(1, TEAM - 2)),
        "intermission_minutes": rng.pick((0, 0, 0, 15)),
        "any_team_member": rng.chance(300),
    }
