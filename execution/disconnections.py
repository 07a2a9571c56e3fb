"""Disconnecting a shop: jobs end and tokens go in one transaction; then the platform is told, where it can be."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from execution.app import App
from execution.connections import ConnectRequest
from execution.door.http_door import LIVE_DEADLINE_S
from execution.door.shopify_graphql import graphql
from execution.door.small_bodies import json_object
from execution.errors import KeeperError, Signal
from execution.platforms import Answer, Ask, reconnect_needed
from execution.tokens.keyring import Field, Place
from execution.tokens.refresh import Refresher
from execution.tokens.rules import read_issued_tokens

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Revoke:
    """The call that takes our access away, and whether its answer says that it is."""

    ask: Ask
    is_done: Callable[[Answer], bool]


class _Leaving:
    """The tokens of a shop that is disconnected: stored nowhere any more, they are here for one last call."""

    def __init__(self, refresher: Refresher, shop_id: str, *, access: str, refresh: str | None) -> None:
        self._refresher = refresher
        self._shop_id = shop_id
        self._access = access
        self._refresh = refresh

    def access_token(self) -> str:
        return self._access

    def renew(self, rejected: str) -> str:
        """Shopify's access tokens live an hour: whoever disconnects an idle shop has none that is good."""
        del rejected
        rules, settings = self._refresher.platform.tokens, self._refresher.settings
        if self._refresh is None or rules.refresh is None:
            raise reconnect_needed(self._refresher.platform, "the token is not taken any more")
        wanted = rules.refresh(settings, self._refresh)
        issued = self._refresher.door.send(
            "POST",
            rules.url_for(settings, self._shop_id),
            headers={"content-type": wanted.content_type},
            body=wanted.body(),
            deadline_s=LIVE_DEADLINE_S,
        )
        return read_issued_tokens(issued.body).access_token

    def give_up(self, reason: str) -> None:
        pass


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
    shop_id, reason = told["shop_id"], "the platform refused"
    whose = ConnectRequest(platform=platform, user_id=user_id, shop_id=shop_id, access_token="")
    try:
        client = app.live_client(whose, _leaving(app, user_id, platform, told))
        if revoke.is_done(client.send(revoke.ask)):
            return True
    except (KeeperError, Signal, ValueError) as error:
        reason = type(error).__name__
    finally:
        app.limiter.give_back()
    log.warning("not_revoked", platform=platform, account_id=told["account_id"], reason=reason)
    return False


def _leaving(app: App, user_id: str, platform: str, told: dict[str, Any]) -> _Leaving:
    def secret(name: Field) -> str | None:
        place = Place(user_id=str(uuid.UUID(user_id)), platform=platform, account_id=told["account_id"], field=name)
        stored = told["tokens"][name]
        return app.keyring.decrypt(stored, place) if stored else None

    return _Leaving(
        app.refresher_of(platform),
        told["shop_id"],
        access=secret("access_token") or "",
        refresh=secret("refresh_token"),
    )


def _uninstalled(answer: Answer) -> bool:
    """GraphQL answers 200 also to what it did not do."""
    fields = json_object(answer.body)
    try:
        refused = fields["data"]["appUninstall"]["userErrors"]
    except (KeyError, TypeError):
        return False
    return not fields.get("errors") and refused == []


# `appUninstall` (Admin GraphQL) takes every token of the shop along, and two days later Shopify asks us to forget the
# shop. Etsy and Printify have no such call.
REVOKES: dict[str, Revoke] = {
    "shopify": Revoke(
        ask=graphql(
            "mutation KeeperLeaves { appUninstall { app { id } userErrors { field message code } } }", points=10
        ),
        is_done=_uninstalled,
    )
}
