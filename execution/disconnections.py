"""Disconnecting a shop: jobs end and tokens go in one transaction; then the platform is told, where it can be."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog

from execution.app import App
from execution.door.http_door import RawAnswer
from execution.door.shopify_graphql import graphql
from execution.door.small_bodies import json_object
from execution.errors import KeeperError, Signal
from execution.platforms import Ask
from execution.tokens.keyring import Field, Place
from execution.tokens.refresh import Refresher
from execution.tokens.rules import read_issued_tokens

_REVOKE_DEADLINE_S = 5.0

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Revoke:
    """The call that takes our access away, and whether its answer says that it is."""

    ask: Ask
    is_done: Callable[[RawAnswer], bool]


@dataclass(frozen=True, kw_only=True)
class _Leaving:
    """A shop that is disconnected. Its tokens are stored nowhere any more: they are here."""

    refresher: Refresher
    shop_id: str
    access: str = field(repr=False)
    refresh: str | None = field(repr=False)


def disconnect(app: App, *, user_id: str, platform: str) -> dict[str, Any]:
    """Answers {disconnected, revoked}: whether there was something, and whether the platform was told as well.

    Once the tokens are gone from us nobody of ours can call; what the platform says afterwards changes nothing.
    """
    told = app.store.rpc("disconnect_account", p_user_id=user_id, p_platform=platform)
    if told is None:
        return {"disconnected": False, "revoked": False}
    return {"disconnected": True, "revoked": _revoked(app, user_id, platform, told)}


def _revoked(app: App, user_id: str, platform: str, told: dict[str, Any]) -> bool:
    revoke = REVOKES.get(platform)
    if revoke is None or told["tokens"] is None:
        return False
    reason = "the platform refused"
    try:
        if revoke.is_done(_told(_leaving(app, user_id, platform, told), revoke.ask)):
            return True
    except (KeeperError, Signal, ValueError) as error:
        reason = type(error).__name__
    log.warning("not_revoked", platform=platform, account_id=told["account_id"], reason=reason)
    return False


def _leaving(app: App, user_id: str, platform: str, told: dict[str, Any]) -> _Leaving:
    def secret(name: Field) -> str | None:
        place = Place(user_id=str(uuid.UUID(user_id)), platform=platform, account_id=told["account_id"], field=name)
        stored = told["tokens"][name]
        return app.keyring.decrypt(stored, place) if stored else None

    return _Leaving(
        refresher=app.refresher_of(platform),
        shop_id=told["shop_id"],
        access=secret("access_token") or "",
        refresh=secret("refresh_token"),
    )


def _told(shop: _Leaving, ask: Ask) -> RawAnswer:
    """The platform's answer. An access token that has died (Shopify's live an hour) is refreshed for this one call."""
    raw = _send(shop, ask, shop.access)
    rules = shop.refresher.platform.tokens
    if raw.status != 401 or shop.refresh is None or rules.refresh is None:
        return raw
    wanted = rules.refresh(shop.refresher.settings, shop.refresh)
    issued = shop.refresher.door.send(
        "POST",
        rules.url_for(shop.refresher.settings, shop.shop_id),
        headers={"content-type": wanted.content_type},
        body=wanted.body(),
        deadline_s=_REVOKE_DEADLINE_S,
    )
    return _send(shop, ask, read_issued_tokens(issued.body).access_token)


def _send(shop: _Leaving, ask: Ask, access_token: str) -> RawAnswer:
    platform, settings = shop.refresher.platform, shop.refresher.settings
    return shop.refresher.door.send(
        ask.method,
        platform.base_url(settings, shop.shop_id) + ask.path,
        headers=platform.headers(settings, access_token) | {"content-type": ask.content_type},
        body=ask.body,
        deadline_s=_REVOKE_DEADLINE_S,
    )


def _uninstalled(raw: RawAnswer) -> bool:
    """GraphQL answers 200 whatever became of the call."""
    fields = json_object(raw.body)
    try:
        refused = fields["data"]["appUninstall"]["userErrors"]
    except (KeyError, TypeError):
        return False
    return raw.status == 200 and not fields.get("errors") and refused == []


# `appUninstall` (Admin GraphQL) takes every token of the shop along, and two days later Shopify asks us to forget the
# shop. Etsy and Printify have no such call.
REVOKES: dict[str, Revoke] = {
    "shopify": Revoke(
        ask=graphql("mutation KeeperLeaves { appUninstall { app { id } userErrors { field message code } } }"),
        is_done=_uninstalled,
    )
}
