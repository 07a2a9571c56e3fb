"""What sellers read, by code: names, why something waits, what failed, what to do. Pages say no sentence of an error
that does not stand here; what engineers and logs read stands where it happens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from execution.catalog import shown
from execution.jobs import OPERATOR_MUST_ACT
from execution.seller_messages import MESSAGES, OTHER, RECONNECT_HELPS

ENTITIES = {
    "orders": "Orders",
    "line_items": "Items of orders",
    "listings": "Listings",
    "products": "Products",
    "variants": "Variants",
    "payments": "Payments and fees",
    "customers": "Customers",
    "locations": "Locations",
    "refunds": "Refunds",
    "payouts": "Payouts",
    "payout_entries": "What payouts are made of",
    "disputes": "Disputes",
    "categories": "Categories",
    "inventory": "Stock",
    "vendors": "Vendors",
    "team_members": "Team",
    "loyalty_accounts": "Loyalty accounts",
    "bookings": "Appointments",
}

# What each check of a certificate means. A check that is not here is one that engineers need, not sellers.
CHECKS = {
    "windows": "Every day of your history was read, from first to last",
    "count": "What we hold is as many as the platform counts",
    "rows": "Everything that was read is stored",
    "newest": "The newest record is here",
    "gaps": "Quiet stretches were asked for again",
    "gone": "What you removed is marked as removed",
    "balance": "The ledger adds up to your balance, to the cent",
    "buyers": "Every buyer of an order is here",
    "order_locations": "Every location was asked for its orders",
    "payment_locations": "Every location was asked for its payments",
    "payout_locations": "Every location was asked for its payouts",
    "payments": "Every payment of an order is here",
    "payout_entries": "What each payout is made of adds up to it, to the cent",
    "variants": "Every item has its variations",
    "line_items": "Every order has all of its items",
    "references": "Every fee is tied to its order",
    "rejects": "Of what came, all but a few records could be read",
}
# The same where not one was kept aside.
ALL_READ = "All that came could be read"

# Why an answer is none (`web.problems`); a problem that has a detail of its own is not here.
PROBLEMS = {
    "bad_request": "This cannot be done as it was asked for.",
    "bodies_take_all": "Too much is being sent at once. Send it again in some seconds.",
    "cut_off": "The body ended before it was whole.",
    "database_away": "The database does not answer. Try again.",
    "figures_take_long": "Your figures take longer than we may keep the database. Ask for a shorter time.",
    "form_in_parts": "Send a form as application/x-www-form-urlencoded.",
    "internal_error": "Something is wrong on our side. Our engineers have been told.",
    "invalid_input": "Part of the request is not as it should be.",
    "keys_away": "Sign-ins cannot be checked now. Try again.",
    "no_public_url": "Connecting is not set up here: PUBLIC_URL is missing.",
    "many_questions": "Many are asking for their figures at once. Try again in some seconds.",
    "not_connected": "This platform is not connected.",
    "unknown_time_zone": "This is no time zone. Write it like Europe/Riga or America/New_York.",
    "time_zone_told": "The platform tells this shop's time zone. It is changed in the shop's own settings.",
    "still_connected": "This shop is still connected. Disconnect it first.",
    "no_such_record": "There is no such order or record, or not any more.",
    "not_signed": "The delivery is not signed as it should be.",
    "not_signed_in": "Sign in, and try again.",
    "bad_cost": "A cost has a SKU, or a listing and its shop, a known currency, an amount of at least 0, and a day.",
    "doubled_cost": "The same SKU or listing stands there twice for one day. Leave one of them.",
    "costs_changed_since": "A later save changed the same, or its shop is gone. Take back the later one first.",
    "no_such_save": "There is no such save, or it is older than ninety days.",
    "wrong_shop_name": "That is not the shop's name. Type it exactly as it is called here.",
    "backfill_is_open": "Its history is being loaded just now. Wait until that has ended.",
    "not_loaded": "Nothing of this shop was loaded yet. Load its history first.",
    "not_open": "That is not being read any more.",
    "unknown_run": "There is no such sync.",
    "already_undone": "That is taken back already.",
    "run_is_open": "That is still being read. Cancel it, or wait until it has ended.",
    "record_is_over": "That is too long ago: what it changed is no longer on record.",
    "changed_nothing": "It changed nothing: there is nothing to take back.",
    "later_runs": "Later syncs changed the same records. Taking this back alone would undo what they found.",
    "entity_is_read": "Some of it is being read just now. Try again when that has ended.",
    "too_many_rows": "That is too much to be taken back at once. Read everything once more instead.",
    "no_such_cost": "There is no such cost, or not any more.",
    "costs_too_large": "That is too much at once. Send it in parts.",
    "no_cost_columns": "The first line has to name the columns: sku (or listing) and cost.",
    "bad_cost_rows": "Some rows cannot be read, so nothing was saved. Mend them and send all again.",
    "no_costs": "There is no row with a cost in it.",
    "costs_not_csv": "This is no table of text. Paste the rows, or save the file as CSV.",
    "other_shop": "This is the access to another shop than the one that was named.",
    "nothing_readable": "With these rights nothing can be read. Make a token that allows everything that is asked for.",
    "platform_not_set_up": "This platform cannot be connected here yet.",
    "refused": "The platform refused the token. Make a fresh one, and allow everything that is asked for.",
    "too_many_lines": "Too many pages are open.",
    "too_many_questions": "Your last questions are not answered yet. Try again in some seconds.",
    "too_slow": "The body did not come in time.",
    "unknown_platform": "There is no such platform.",
    "unknown_user": "There is no such user.",
    "unknown_zone": "There is no such time zone.",
    "wrong_state": "This is not something that you began here, or it is too old. Start again.",
}
# The same codes where the whole, not one platform, is meant.
NO_SHOP_CONNECTED = "No shop is connected."
NO_PASTED_TOKENS = "This platform has no such tokens."

# Headline and sentence of the page of an error, by its status.
ERROR_PAGES = {
    400: ("That did not work", "Part of the request was not as it should be. Go back and try again."),
    401: ("You are signed out", "Nothing was changed. Sign in, then repeat what you did."),
    403: (
        "That came from somewhere else",
        "This page is older than your sign-in. Load it again and repeat what you did.",
    ),
    404: ("There is nothing here", "The page is not there, or it is not yours."),
    405: ("There is nothing here", "The page is not there, or it is not yours."),
    409: ("Something else was quicker", "This has changed in the meantime. Look again before you repeat it."),
    413: ("That was too much", "What was sent is larger than it may be."),
    422: ("That was not understood", "Part of what was sent is not as it should be. Go back and try again."),
    429: ("That was a lot at once", "Wait a little, then try again."),
    502: ("The platform does not answer", "It is not you. Try again in a few minutes."),
    503: (
        "We are not quite there",
        "A part of Keeper does not answer at the moment. Nothing is lost; try again shortly.",
    ),
}
OTHER_ERROR_PAGE = ("Something is wrong on our side", "Our engineers have been told. Nothing of yours is lost.")

# Why a job waits, by the code that it was parked with.
_SLOWER = "{title} asked us to go slower."
_OUR_SIDE = "Something is wrong on our side, and our engineers have been told."
WAITS = {
    **dict.fromkeys(OPERATOR_MUST_ACT, _OUR_SIDE),
    "day_used_up": "{title} lets us read only so much a day.",
    "second_used_up": _SLOWER,
    "throttled": _SLOWER,
    "token_refreshing": _SLOWER,
    "disagrees": "{title} does not show us the same list twice, so we look again later.",
}
_OTHER_WAIT = "{title} did not answer as it should, so we try again."


def platform_title(platform: str) -> str:
    known = shown().get(platform)
    return known.title if known else platform.replace("_", " ").capitalize()


def sort_key(platform: str) -> tuple[int, str]:
    """Platforms stand in the same order on every page."""
    names = list(shown())
    return (names.index(platform) if platform in names else len(names), platform)


def entity_title(name: str) -> str:
    return ENTITIES.get(name, name.replace("_", " ").capitalize())


def why_waiting(platform: str, code: str | None) -> str:
    """Why a job waits; of a code that has no words, as little as is true."""
    return WAITS.get(code or "", _OTHER_WAIT).format(title=platform_title(platform))


def failure(job: Mapping[str, Any]) -> str:
    """What went wrong with an entity: as it was said when the job ended."""
    if message := job.get("seller_message") or job.get("message"):
        return str(message)
    return MESSAGES.get(str(job.get("error_code") or job.get("code")), OTHER)


def needs_reconnect(job: Mapping[str, Any]) -> bool:
    """Whether only the seller can help, by connecting again."""
    return job["error_code"] in RECONNECT_HELPS


# A platform's own texts go before these.
CONNECT_PROBLEMS = {
    "bad_request": "This cannot be done as it was asked for.",
    "bodies_take_all": "Too much is being sent at once. Send it again in some seconds.",
    "cut_off": "The body ended before it was whole.",
    "declined": "You did not confirm at {platform}, so nothing was connected. You can try again.",
    "other_shop": "This is the access to another {platform} shop than the one that you named. Sign in there as its "
    "owner, and connect again.",
    "nothing_readable": "{platform} gave us no right to read anything. Connect again, and leave everything ticked.",
    "refused": "{platform} did not accept it. Make sure that it is your own shop, and that everything asked for is "
    "allowed; then try again.",
    "platform_away": "{platform} did not answer. Nothing was connected; please try again in a few minutes.",
    "shop_unknown": "This is not the name of a shop at {platform}. Write it as it stands there.",
    "token_refused": "{platform} did not accept this token. Make a new one there, and copy the whole of it.",
    "unknown_time_zone": "This is no time zone. Write it like Europe/Riga or America/New_York.",
    "time_zone_told": "{platform} tells your shop's time zone. Change it in the shop's own settings there.",
    "no_token": "This is no token. Copy it once more, from its first to its last character.",
    "no_shop_number": "A shop number has digits alone. Leave it out if you have one shop.",
}


_ZONE_SAID_BY = {
    "platform": "as {platform} says",
    "seller": "as you said",
    "other_shop": "as your other shop's",
    "guess": "a guess: please say which it is",
}


def days_begin(platform: str, zone: str | None, said_by: str | None) -> str:
    """In which zone a shop's days begin, and who says so."""
    if zone is None or said_by is None:
        return "Nobody has said yet: please say which time zone it is"
    return f"{zone.replace('_', ' ')} ({_ZONE_SAID_BY[said_by].format(platform=platform_title(platform))})"


def connect_problem(platform: str, code: str) -> str:
    """Why a shop was not connected; a code without a message of its own still says what to do."""
    known = shown().get(platform)
    own = known.seller_messages.get(code) if known and code in CONNECT_PROBLEMS else None
    text = own or CONNECT_PROBLEMS.get(code, "{platform} was not connected. Please try again.")
    return text.format(platform=known.title if known else "The platform")
