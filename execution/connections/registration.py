"""Where this service hears webhooks: the address that a platform is given, and what deliveries are signed with."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

from execution.catalog import PLATFORMS
from execution.platforms.platform import Platform
from execution.platforms.subscriptions import Registration
from execution.settings import Settings
from execution.store import Rpc

_MARK = b"keeper webhook secret v1"


def registration_of(settings: Settings, platform: Platform) -> Registration | None:
    """None where PUBLIC_URL is not set, or nothing could prove a delivery: one that is not proven is refused."""
    if platform.webhooks is None or platform.webhooks.subscriptions is None:
        return None
    secrets = settings.webhook_secrets(platform.name)
    if settings.public_url is None or not secrets:
        return None
    address = f"{settings.public_url.rstrip('/')}/webhooks/{platform.name}"
    if not platform.webhooks.subscriptions.signs_each:
        return Registration(address=address)
    return Registration(address=address, secret=secrets[0], mark=mark_of(secrets[0]))


def mark_of(secret: str) -> str:
    """By which a secret is known again; it tells nothing of it."""
    return hmac.digest(secret.encode(), _MARK, hashlib.sha256).hex()[:16]


def registrable(settings: Settings) -> list[str]:
    """The platforms whose webhooks this process can ask for."""
    return sorted(name for name, platform in PLATFORMS.items() if registration_of(settings, platform) is not None)


# How the webhooks of a shop stand, as people read it.
WORDS: Mapping[str, str] = {
    "working": "working",
    "right_missing": "in part: not granted",
    "refused": "refused by the platform",
    "not_set_up": "not set up here: PUBLIC_URL or the platform's webhook secret is missing",
    "unknown": "not looked at yet, or not for two days",
    "by_hand": "made by hand",
    "disconnected": "not connected",
}


def standings(store: Rpc, user_id: str, shops: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """By connection: how the webhooks of these shops of the user's stand, where their platform has any."""
    found = store.rpc("webhook_standings", p_user_id=user_id)
    return {
        shop["connection_id"]: _standing(shop, found.get(shop["connection_id"]))
        for shop in shops
        if shop["platform"] in PLATFORMS and PLATFORMS[shop["platform"]].webhooks is not None
    }


def _standing(shop: Mapping[str, Any], found: Mapping[str, Any] | None) -> dict[str, Any]:
    """Of one shop: `found` as SQL `webhook_standings` tells it, or why there is nothing to tell."""
    webhooks = PLATFORMS[shop["platform"]].webhooks
    nothing = {"missing": [], "reason": "", "topics": 0, "checked_at": None, "mended": 0, "mended_at": None}
    if shop["status"] != "connected":
        return {**nothing, "state": "disconnected"}
    if webhooks is not None and webhooks.subscriptions is None:
        return {**nothing, "state": "by_hand", "reason": webhooks.by_hand}
    return dict(found) if found else {**nothing, "state": "unknown"}
