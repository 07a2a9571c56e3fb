"""Disconnecting a shop: jobs end and tokens go in one transaction; then the platform is told, where it can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import structlog

from execution.catalog import platform_named
from execution.errors import KeeperError, Signal
from execution.http.transport import LIVE_DEADLINE_S
from execution.ids import user_id_in
from execution.keyring import Keyring
from execution.platform_client import PlatformClient
from execution.platforms import subscriptions
from execution.platforms.platform import Platform
from execution.platforms.subscriptions import Registration
from execution.seller_messages import MESSAGES
from execution.store import Rpc
from execution.tokens.refresh import Refresher
from execution.tokens.rules import TokenSource, read_issued_tokens, reconnect_needed
from execution.tokens.stored_pair import Pair, opened

# What only matters where a pair is stored anew.
_NEVER_REFRESHED = {"version": 0, "lost_answers": 0, "refusals": 0}

log = structlog.get_logger()


class FinalToken:
    """The tokens of a shop that is disconnected: stored nowhere any more, they are here for one last call."""

    def __init__(self, refresher: Refresher, pair: Pair) -> None:
        self._refresher = refresher
        self._pair = pair

    def access_token(self) -> str:
        return self._pair.access

    def renew(self, rejected: str) -> str:
        """Access tokens may live an hour: whoever disconnects an idle shop has none that is good."""
        del rejected
        platform = self._refresher.platform
        if self._pair.refresh is None or platform.tokens.refresh is None:
            raise reconnect_needed("the token is not taken any more")
        return read_issued_tokens(self._refresher.post(self._pair, LIVE_DEADLINE_S).body).access_token

    def give_up(self, reason: str) -> None:
        pass


class Disconnector:
    """Ends connections. The last call to the platform goes the same way, under the same budget."""

    def __init__(
        self,
        *,
        store: Rpc,
        keyring: Keyring,
        refresher_of: Callable[[str], Refresher],
        client_of: Callable[[Pair, TokenSource], PlatformClient],
        give_back: Callable[[], None],
        hears_at: Callable[[str], Registration | None] = lambda _: None,
    ) -> None:
        self._store = store
        self._keyring = keyring
        self._refresher_of = refresher_of
        self._client_of = client_of
        self._give_back = give_back
        self._hears_at = hears_at

    def disconnect(self, *, user_id: str, connection_id: str) -> dict[str, Any]:
        """Answers {disconnected, revoked}: whether there was something, and whether the platform was told as well.

        Once the tokens are gone from us nobody of ours can call; what the platform says afterwards changes nothing.
        """
        # Before: what is noted of a connection's webhooks goes with it.
        noted = self._store.rpc("webhooks_of", p_user_id=user_id, p_connection_id=connection_id)
        ended = self._store.rpc(
            "disconnect_shop",
            p_user_id=user_id,
            p_connection_id=connection_id,
            p_seller_message=MESSAGES["disconnected"],
        )
        if ended is None:
            return {"disconnected": False, "revoked": False}
        return {"disconnected": True, "revoked": self._take_leave(user_id, ended, noted)}

    def _take_leave(self, user_id: str, ended: dict[str, Any], noted: Sequence[dict[str, Any]]) -> bool:
        """Whether the platform took our access away. Where it has no call for that our webhooks are ended, at least."""
        platform = platform_named(ended["platform"])
        # An app, and what it hears, is taken out of a shop for all who connected it: the last one takes leave.
        if ended["tokens"] is None or not ended["is_last"] or not (platform.revoke or self._hears_at(platform.name)):
            return False
        row = {**ended, **ended["tokens"], "user_id": user_id_in(user_id), **_NEVER_REFRESHED}
        reason = "the platform refused"
        try:
            pair = opened(row, self._keyring)
            client = self._client_of(pair, FinalToken(self._refresher_of(platform.name), pair))
            if platform.revoke is None:
                self._end_webhooks(platform, client, pair.shop_id, noted)
                return False
            if platform.revoke.is_done(client.send(platform.revoke.request)):
                return True
        except (KeeperError, Signal, ValueError) as error:
            reason = type(error).__name__
        finally:
            self._give_back()
        log.warning("not_revoked", platform=platform.name, connection_id=ended["connection_id"], reason=reason)
        return False

    def _end_webhooks(
        self, platform: Platform, client: PlatformClient, shop_id: str, noted: Sequence[dict[str, Any]]
    ) -> None:
        """Those that are ours, and no other's."""
        how, there = platform.webhooks and platform.webhooks.subscriptions, self._hears_at(platform.name)
        if not how or there is None:
            return
        ours = subscriptions.noted(noted)
        for one in subscriptions.leaving(how.listed(client.send, shop_id), ours, there.address):
            subscriptions.end(how, client.send, shop_id, one)
