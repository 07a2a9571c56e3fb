"""Access tokens of one connection, refreshed once an expiry however many processes ask.

Whoever finds a token due claims the refresh; the others use the old token, look again for five seconds, or give
the job back. What the claimer does is in `tokens.refresh`; pairs that nobody uses are looked after by `tokens.care`.
"""

from __future__ import annotations

import math
import random
import threading
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from execution.errors import LeaseLost, Retriable, Snooze, StoreError
from execution.keyring import TokenUnreadable
from execution.tokens.refresh import Refresher
from execution.tokens.rules import reconnect_needed
from execution.tokens.stored_pair import Pair, opened, rewrap

# A waiter looks again while the holder calls the platform; five seconds in all.
_LOOKS_S = (0.1, 0.2, 0.4, 0.8, 1.5, 2.0)
_REFRESH_FROM, _REFRESH_SPREAD = 0.8, 0.1
_REST_AFTER_FAILURE_S = 30.0

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class _Held:
    """A pair, with its times on this process's monotonic clock."""

    pair: Pair
    due_at: float
    expires_at: float


class TokenManager:
    """The TokenSource of a leased job. The tenant comes from the lease; safe to share between threads."""

    def __init__(self, *, refresher: Refresher, chance: random.Random, lease_id: str) -> None:
        self._refresher = refresher
        self._store = refresher.store
        self._keyring = refresher.keyring
        self._platform = refresher.platform
        self._clock = refresher.clock
        self._times = refresher.times
        self._chance = chance
        self._lease_id = lease_id
        self._lock = threading.Lock()
        self._held: _Held | None = None
        self._rests_until = float("-inf")

    def access_token(self) -> str:
        """A token that is good now, refreshed from 80 % of its life on; the old one serves until it expires."""
        with self._lock:
            held = self._held or self._read()
            if self._is_refreshable(held) and self._clock.monotonic() >= max(held.due_at, self._rests_until):
                held = self._refresh_ahead(held)
            self._held = held
            return held.pair.access

    def renew(self, rejected: str) -> str:
        """A newer token than the one that the platform rejected, whoever refreshes it; the same where there is none."""
        with self._lock:
            held = self._read()
            # Where nothing newer can be had, the platform has to say twice that this one is over.
            is_newest = held.pair.access == rejected
            if is_newest and (self._is_refreshable(held) or self._clock.monotonic() >= held.expires_at):
                held = self._refresh(held, needed=True)
            self._held = held
            return held.pair.access

    def give_up(self, reason: str) -> None:
        """Mark the connection `reconnect_needed`, unless the seller has reconnected meanwhile."""
        with self._lock:
            if self._held is not None:
                self._mark(self._held, reason)

    def _read(self) -> _Held:
        return self._opened(self._store.rpc("read_tokens", p_lease_id=self._lease_id))

    def _opened(self, row: dict[str, Any]) -> _Held:
        if row["status"] != "connected" or row["access_token"] is None:
            raise reconnect_needed(row["status_reason"] or f"the connection is {row['status']}")
        now, left, life = self._clock.monotonic(), row["expires_in_seconds"], row["life_seconds"]
        share = _REFRESH_FROM + _REFRESH_SPREAD * self._chance.random()
        pair = self._decrypted(row)
        self._rewrap(row)
        return _Held(
            pair=pair,
            due_at=float("inf") if left is None else now + left - (1 - share) * life,
            expires_at=float("inf") if left is None else now + left,
        )

    def _rewrap(self, row: dict[str, Any]) -> None:
        """A key ring that has a newer key first: the tokens that pass by are encrypted anew."""
        try:
            rewrap(self._store, self._keyring, [row])
        except StoreError as error:
            log.warning("tokens_not_rewrapped", connection_id=row["connection_id"], reason=error.message)

    def _is_refreshable(self, held: _Held) -> bool:
        return held.pair.refresh is not None and self._platform.tokens.refresh is not None

    def _refresh_ahead(self, held: _Held) -> _Held:
        """Refresh before it is needed: a failure may wait as long as the old token lives."""
        needed = self._clock.monotonic() >= held.expires_at
        try:
            return self._refresh(held, needed=needed)
        except (Retriable, Snooze) as signal:
            if needed:
                raise
            self._rests_until = self._clock.monotonic() + _REST_AFTER_FAILURE_S
            log.warning("refresh_ahead_failed", platform=self._platform.name, reason=signal.reason)
            return held

    def _refresh(self, held: _Held, *, needed: bool) -> _Held:
        if not self._is_refreshable(held):
            reason = "the access token expired, and there is no refresh token"
            self._mark(held, reason)
            raise reconnect_needed(reason)
        fence = str(uuid.uuid4())
        self._outlast_the_claim()
        for pause in (*_LOOKS_S, None):
            answer = self._begin(held, fence)
            if answer["state"] == "begun":
                self._refresher.run(self._decrypted(answer["tokens"]), fence)
                return self._read()
            if answer["state"] == "newer":
                return self._opened(answer["tokens"])
            if answer["state"] == "resting":
                wait = timedelta(seconds=answer["wait_seconds"])
                raise Snooze("the token endpoint failed a moment ago", wait, code="token_endpoint_away")
            if not needed or pause is None:
                break
            self._clock.sleep(pause)
        raise Snooze("another worker is refreshing the access token", timedelta(seconds=5), code="token_refreshing")

    def _outlast_the_claim(self) -> None:
        """A token endpoint may take most of a lease, and the page comes after it: a slow one is no death."""
        try:
            self._store.rpc("extend_lease", p_lease_id=self._lease_id, p_lease_seconds=math.ceil(self._times.claim_s))
        except (LeaseLost, StoreError) as error:
            # Whether the lease is gone, the claim will tell.
            log.warning("lease_not_extended", platform=self._platform.name, reason=error.message)

    def _begin(self, held: _Held, fence: str) -> dict[str, Any]:
        answer: dict[str, Any] = self._store.rpc(
            "begin_token_refresh",
            p_lease_id=self._lease_id,
            p_version=held.pair.version,
            p_fence=fence,
            p_patience_seconds=self._times.claim_s,
        )
        return answer

    def _mark(self, held: _Held, reason: str) -> None:
        self._store.rpc(
            "mark_reconnect_needed", p_lease_id=self._lease_id, p_version=held.pair.version, p_reason=reason
        )

    def _decrypted(self, row: dict[str, Any]) -> Pair:
        try:
            return opened(row, self._keyring)
        except TokenUnreadable as error:
            # An operator can mend this, and nothing is lost meanwhile: the job waits, it does not fail.
            log.error("token_unreadable", platform=self._platform.name, reason=str(error))  # noqa: TRY400
            raise Snooze(str(error), timedelta(minutes=10), code="token_unreadable") from None
