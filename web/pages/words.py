"""Names and sentences for sellers: no code, no status, no jargon reaches a page but through here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from execution.seller_messages import RECONNECT_HELPS

# In the order in which a seller thinks of them: where things are sold, then who makes them.
TITLES = {"etsy": "Etsy", "shopify": "Shopify", "printify": "Printify", "square": "Square"}

ENTITIES = {
    "orders": "Orders",
    "listings": "Listings",
    "products": "Products",
    "variants": "Variants",
    "payments": "Payments and fees",
    "customers": "Customers",
}

# What each check of a certificate means. A check without words here is one that engineers need, not sellers.
CHECKS = {
    "windows": "Every day of your history was read, from first to last",
    "count": "What we hold is as many as the platform counts",
    "rows": "Everything that was read is stored",
    "newest": "The newest record is here",
    "gaps": "Quiet stretches were asked for again",
    "gone": "What you removed is marked as removed",
    "balance": "The ledger adds up to your balance, to the cent",
    "buyers": "Every buyer of an order is here",
    "line_items": "Every order has all of its items",
    "references": "Every fee is tied to its order",
}

_LIMITS = re.compile(r"\b(dai?ly|day)\b.*\b(used up)\b|\bused up\b.*\b(dai?ly|day)\b|share of backfills", re.IGNORECASE)
_THROTTLES = re.compile(
    r"per second|this second|throttled|this minute|per minute|points|refreshing|bucket", re.IGNORECASE
)
_SETTING = re.compile(r"\b[A-Z]+(?:_[A-Z]+)+\b")


def title(platform: str) -> str:
    return TITLES.get(platform, platform.replace("_", " ").capitalize())


def place(platform: str) -> tuple[int, str]:
    """Where a platform stands among the others on every page."""
    names = list(TITLES)
    return (names.index(platform) if platform in TITLES else len(names), platform)


def entity(name: str) -> str:
    return ENTITIES.get(name, name.replace("_", " ").capitalize())


def why_waiting(platform: str, park_reason: str | None) -> str:
    """Why a job waits, from the reason that was written for engineers."""
    name, reason = title(platform), park_reason or ""
    if _LIMITS.search(reason):
        return f"{name} lets us read only so much a day."
    if _SETTING.search(reason):
        return "Something is wrong on our side, and our engineers have been told."
    if _THROTTLES.search(reason):
        return f"{name} asked us to go slower."
    return f"{name} did not answer as it should, so we try again."


def failure(job: Mapping[str, Any]) -> str:
    """What went wrong with an entity. Every code has a sentence of its own; a new one still says something true."""
    said = job.get("seller_message") or job.get("message") or ""
    if said:
        return str(said)
    if job.get("status") == "quarantined":
        return "We stopped here because the same page kept breaking. Our engineers look at it."
    return "This did not work. You can start it again."


def needs_reconnect(job: Mapping[str, Any]) -> bool:
    """Whether only the seller can help, by connecting again: the access is gone, or too little was allowed."""
    return job["error_code"] in RECONNECT_HELPS


_CONNECT = {
    "declined": "You did not confirm at {title}, so nothing was connected. You can try again.",
    "other_shop": "You connected another {title} shop before, and two shops never mix. Connect that one again, "
    "or use another account here for this one.",
    "scopes_missing": "{title} did not give us every right that we need to read. Connect again, and leave everything "
    "ticked.",
    "refused": "{title} did not accept it. Make sure that it is your own shop, and that everything asked for is "
    "allowed; then try again.",
    "platform_away": "{title} did not answer. Nothing was connected; please try again in a few minutes.",
    "shop_unknown": "This is not the name of a shop at {title}. Write it as it stands before .myshopify.com.",
    "token_refused": "{title} did not accept this token. Make a new one there, and copy the whole of it.",
    "no_token": "This is no token. Copy it once more, from its first to its last character.",
    "no_shop_number": "A shop number has digits alone. Leave it out if you have one shop.",
}


def connect_problem(platform: str, code: str) -> str:
    """Why a shop was not connected; a code without words of its own still says what to do."""
    name = title(platform) if platform in TITLES else "The platform"
    return _CONNECT.get(code, "{title} was not connected. Please try again.").format(title=name)
