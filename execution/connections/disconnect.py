"""Disconnecting a shop: jobs end and tokens go in one transaction; then the platform is told, where it can be."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from execution.app import App
from execution.errors import KeeperError, Signal
from execution.http.messages import Request, Response
from execution.http.small_bodies import json_object
from execution.http.transport import LIVE_DEADLINE_S
from execution.platforms.shopify.graphql import graphql
from execution.tokens.refresh import Refresher
from execution.tokens.rules import read_issued_tokens, reconnect_needed
from execution.tokens.stored_pair import Pair, opened

# What only matters where a pair is stored anew.
_NEVER_REFRESHED = {"version": 0, "lost_answers": 0, "refusals": 0}

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Revoke:
    """The call that takes our access away, and whether its answer says that it is."""

    request: Request
    is_done: Callable[[Response], bool]


class FinalToken:
    """The tokens of a shop that is disconnected: stored nowhere any more, they are here for one last call."""

    def __init__(self, refresher: Refresher, pair: Pair) -> None:
        self._refresher = refresher
        self._pair = pair

    def access_token(self) -> str:
        return self._pair.access

    def renew(self, rejected: str) -> str:
        """Shopify's access tokens live an hour: whoever disconnects an idle shop has none that is good."""
        del rejected
        platform = self._refresher.platform
        if self._pair.refresh is None or platform.tokens.refresh is None:
            raise reconnect_needed("the token is not taken any more")
        return read_issued_tokens(self._refresher.post(self._pair, LIVE_DEADLINE_S).body).access_token

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
    row = {**told, **told["tokens"], "user_id": str(uuid.UUID(user_id)), "platform": platform, **_NEVER_REFRESHED}
    reason = "the platform refused"
    try:
        pair = opened(row, app.keyring)
        client = app.live_client(pair, FinalToken(app.refresher_of(platform), pair))
        if revoke.is_done(client.send(revoke.request)):
            return True
    except (KeeperError, Signal, ValueError) as error:
        reason = type(error).__name__
    finally:
        app.limiter.give_back()
    log.warning("not_revoked", platform=platform, account_id=told["account_id"], reason=reason)
    return False


def _uninstalled(response: Response) -> bool:
    """GraphQL answers 200 also to what it did not do."""
    fields = json_object(response.body)
    try:
        refused = fields["data"]["appUninstall"]["userErrors"]
    except (KeyError, TypeError):
        return False
    return not fields.get("errors") and refused == []


# `appUninstall` (Admin GraphQL) takes every token of the shop along, and two days later Shopify asks us to forget the
# shop. Etsy and Printify have no such call.
REVOKES: dict[str, Revoke] = {
    "shopify": Revoke(
        request=graphql(
            "mutation KeeperLeaves { appUninstall { app { id } userErrors { field message code } } }", points=10
        ),
        is_done=_uninstalled,
    )
}
