"""Who buys and who works there, and where they are."""

from __future__ import annotations

from html import unescape

from sandbox.parts.responses import Doc
from sandbox.parts.sample_people import ABROAD, COUNTRIES, NAMES
from sandbox.parts.seeded_random import SeededRandom
from sandbox.square.data.shop import ZONES, Shop
from sandbox.square.data.timestamps import DAY, SECOND, plain, precise

TEAM = 8
_SOURCES = ("INSTANT_PROFILE", "INSTANT_PROFILE", "DIRECTORY", "ONLINE_STORE", "APPOINTMENTS", "LOYALTY", "IMPORT")


def customer(shop: Shop, number: int, created: int, updated: int) -> Doc:
    """At least one public field is there: without any, Square shows no profile."""
    rng = SeededRandom(f"{shop.seed}:customer:{number}")
    iso = shop.home if rng.chance(900) else rng.pick(ABROAD)
    country = COUNTRIES[iso]
    given, family, _ = NAMES["emoji" if rng.chance(33) else country.script]
    doc: Doc = {
        "id": shop.ids.customer(number),
        "created_at": precise(created),
        "updated_at": precise(updated),
        "given_name": unescape(rng.pick(given)),
        "preferences": {"email_unsubscribed": rng.chance(100)},
        "creation_source": rng.pick(_SOURCES),
        "segment_ids": [f"{shop.ids.merchant}.REACHABLE"],
        "version": 1 + rng.below(5),
    }
    if rng.chance(800):
        doc["family_name"] = unescape(rng.pick(family))
    if rng.chance(700):
        doc["email_address"] = f"buyer{number}.{shop.seed}@example.com"
    if rng.chance(700):
        doc["phone_number"] = phone(shop, number)
    if rng.chance(250):
        doc["address"] = address(rng, iso)
    if rng.chance(60):
        doc["birthday"] = f"{'0000' if rng.chance(300) else '1984'}-{rng.between(1, 12):02d}-{rng.between(1, 28):02d}"
    if rng.chance(30):
        doc["company_name"] = "Example & Sons"
    return doc


def phone(shop: Shop, number: int) -> str:
    return f"+1415{(shop.seed * 37 + number) % 10_000_000:07d}"


def address(rng: SeededRandom, iso: str) -> Doc:
    country = COUNTRIES[iso]
    city, state, postcode = rng.pick(country.cities)
    doc = {
        "address_line_1": f"{rng.between(1, 240)} {unescape(rng.pick(country.streets))}",
        "locality": unescape(city),
        "postal_code": postcode,
        "country": iso,
    }
    if state:
        doc["administrative_district_level_1"] = state
    return doc


def location(shop: Shop, number: int) -> Doc:
    rng = SeededRandom(f"{shop.seed}:location:{number}")
    zones = ZONES[shop.home]
    inactive = number >= shop.plan.locations - shop.plan.inactive_locations
    capabilities = ["CREDIT_CARD_PROCESSING"] if not inactive else []
    return {
        "id": shop.location_ids[number],
        "name": f"{unescape(rng.pick(COUNTRIES[shop.home].cities)[0])} {number + 1}",
        "address": address(rng, shop.home),
        "timezone": zones[number % len(zones)],
        "capabilities": [*capabilities, "AUTOMATIC_TRANSFERS"] if capabilities else [],
        "status": "INACTIVE" if inactive else "ACTIVE",
        "created_at": plain(shop.opened_ms + number * DAY),
        "merchant_id": shop.ids.merchant,
        "country": shop.home,
        "language_code": {"JP": "ja-JP", "DE": "de-DE", "GB": "en-GB", "AU": "en-AU"}.get(shop.home, "en-US"),
        "currency": shop.currency,
        "business_name": shop.name,
        "type": "PHYSICAL",
        "mcc": "7230" if shop.salon else "5947",
        "business_hours": {
            "periods": [
                {"day_of_week": day, "start_local_time": "09:00:00", "end_local_time": "18:00:00"}
                for day in ("MON", "TUE", "WED", "THU", "FRI", "SAT")
            ]
        },
    }


def merchant(shop: Shop) -> Doc:
    return {
        "id": shop.ids.merchant,
        "business_name": shop.name,
        "country": shop.home,
        "language_code": "ja-JP" if shop.home == "JP" else "en-US",
        "currency": shop.currency,
        "status": "ACTIVE",
        "main_location_id": shop.main_location,
        "created_at": plain(shop.opened_ms),
    }


def team_member(shop: Shop, number: int) -> Doc:
    """Number 0 is the owner; the last has left."""
    rng = SeededRandom(f"{shop.seed}:team:{number}")
    given, family, _ = NAMES["english"]
    everywhere = number == 0 or rng.chance(400)
    created = shop.opened_ms + number * DAY
    assigned: Doc = {"assignment_type": "ALL_CURRENT_AND_FUTURE_LOCATIONS"}
    if not everywhere:
        assigned = {"assignment_type": "EXPLICIT_LOCATIONS", "location_ids": [rng.pick(shop.location_ids)]}
    return {
        "id": shop.ids.team_member(number),
        "is_owner": number == 0,
        "status": "INACTIVE" if number == TEAM - 1 else "ACTIVE",
        "given_name": unescape(rng.pick(given)),
        "family_name": unescape(rng.pick(family)),
        "email_address": f"team{number}.{shop.seed}@example.com",
        "created_at": plain(created),
        "updated_at": plain(created + rng.below(max(shop.end_ms - created, SECOND))),
        "assigned_locations": assigned,
    }


def vendor(shop: Shop, number: int) -> Doc:
    rng = SeededRandom(f"{shop.seed}:vendor:{number}")
    created = shop.opened_ms + number * DAY
    return {
        "id": shop.ids.vendor(number),
        "created_at": precise(created),
        "updated_at": precise(created + rng.below(max(shop.end_ms - created, SECOND))),
        "name": f"{('North', 'South', 'Old', 'New', 'Great', 'Little')[number % 6]} Supply {number}",
        "account_number": f"{4400 + number}",
        "contacts": [
            {
                "id": shop.ids.vendor_contact(number),
                "name": "Jo Example",
                "email_address": f"vendor{number}@example.com",
                "ordinal": 1,
            }
        ],
        "version": 1 + rng.below(4),
        "status": "INACTIVE" if number == 5 else "ACTIVE",
    }
