"""Disconnecting a shop: jobs end and tokens go in one transaction; then the platform is told, where it can be."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import structlog

from execution.app import App
from execution.catalog import PLATFORMS
from execution.door.http_door import HttpDoor
from execution.errors import KeeperError, Signal, UserError
from execution.platforms import Platform
from execution.settings import PlatformSettings
from execution.tokens.keyring import Place

_REVOKE_DEADLINE_S = 5.0

log = structlog.get_logger()

Revoke = Callable[[HttpDoor, Platform, PlatformSettings, str, str], bool]


def disconnect(app: App, *, user_id: str, platform: str) -> dict[str, Any]:
    """Answers {disconnected, revoked}: whether there was something, and whether the platform was told as well.

    Once the tokens are gone from us nobody of ours can call; what the platform says afterwards changes nothing.
    """
    told = app.store.rpc("disconnect_account", p_user_id=user_id, p_platform=platform)
    if told is None:
        return {"disconnected": False, "revoked": False}
    return {"disconnected": True, "revoked": _revoked(app, user_id, platform, told)}


def _revoked(app: App, user_id: str, name: str, told: dict[str, Any]) -> bool:
    revoke, platform = REVOKES.get(name), PLATFORMS.get(name)
    if revoke is None or platform is None or told["tokens"] is None:
        return False
    place = Place(user_id=str(uuid.UUID(user_id)), platform=name, account_id=told["account_id"], field="access_token")
    try:
        access_token = app.keyring.decrypt(told["tokens"]["access_token"], place)
        return revoke(app.door, platform, app.settings.platform(name), told["shop_id"], access_token)
    except (KeeperError, Signal, UserError) as error:
        log.warning("not_revoked", platform=name, account_id=told["account_id"], reason=type(error).__name__)
        return False


def _shopify(door: HttpDoor, platform: Platform, settings: PlatformSettings, shop_id: str, access_token: str) -> bool:
    """`appUninstall` (Admin GraphQL): takes every token of the shop along. Etsy and Printify have no such call."""
    mutation = "mutation { appUninstall { app { id } userErrors { message } } }"
    raw = door.send(
        "POST",
        platform.base_url(settings, shop_id) + "/graphql.json",
        headers=platform.headers(settings, access_token) | {"content-type": "application/json"},
        body=json.dumps({"query": mutation}).encode(),
        deadline_s=_REVOKE_DEADLINE_S,
    )
    return raw.status == 200 and b'"userErrors":[]' in raw.body.replace(b" ", b"") and b'"errors"' not in raw.body


REVOKES: dict[str, Revoke] = {"shopify": _shopify}
