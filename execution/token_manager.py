"""Access tokens of one connection, refreshed once an expiry however many processes ask.

A refresh is claimed in a short transaction (a fence, on the database's clock), called outside of any, and stored only
where fence and version still stand. The old refresh token stays until then: after a lost answer it is tried once more.
"""

from __future__ import annotations

import random
import threading
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NoReturn

import structlog

from execution.clock import Clock
from execution.errors import Fatal, KeeperError, Retriable, Signal, Snooze, StoreUnavailable
from execution.http_door import HttpDoor, RawAnswer
from execution.keyring import Field, Keyring, Place, TokenUnreadable
from execution.pacing import Rpc
from execution.platforms import Platform, reconnect_needed
from execution.retry_after import SHORTEST, retry_after
from execution.settings import PlatformSettings
from execution.small_bodies import error_text
from execution.token_rules import IssuedTokens, read_issued_tokens

# Three tries of ten seconds end before another process may take a dead refresh over (60 s, in the database).
_REFRESH_DEADLINE_S = 10.0
_PAUSES_S = (0.5, 1.0)
# A waiter looks again while the holder calls the platform; five seconds in all.
_LOOKS_S = (0.1, 0.2, 0.4, 0.8, 1.5, 2.0)
_REFRESH_FROM, _REFRESH_SPREAD = 0.8, 0.1
_REST_AFTER_FAILURE_S = 30.0

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class _Tokens:
    """The pair as stored, decrypted, with its times on this process's monotonic clock."""

    version: int
    access: str = field(repr=False)
    refresh: str | None = field(repr=False)
    user_id: str
    account_id: str
    due_at: float
    expires_at: float


class TokenManager:
    """The TokenSource of a leased job. The tenant comes from the lease; safe to share between threads."""

    def __init__(
        self,
        *,
        store: Rpc,
        keyring: Keyring,
        platform: Platform,
        settings: PlatformSettings,
        door: HttpDoor,
        clock: Clock,
        chance: random.Random,
        lease_id: str,
    ) -> None:
        self._store = store
        self._keyring = keyring
        self._platform = platform
        self._settings = settings
        self._door = door
        self._clock = clock
        self._chance = chance
        self._lease_id = lease_id
        self._lock = threading.Lock()
        self._held: _Tokens | None = None
        self._rests_until = float("-inf")

    def access_token(self) -> str:
        """A token that is good now, refreshed from 80 % of its life on; the old one serves until it expires."""
        with self._lock:
            held = self._held or self._read()
            if held.refresh and self._clock.monotonic() >= max(held.due_at, self._rests_until):
                held = self._refresh_ahead(held)
            self._held = held
            return held.access

    def renew(self, rejected: str) -> str:
        """A newer token than the one that the platform rejected, whoever refreshes it."""
        with self._lock:
            held = self._read()
            if held.access == rejected:
                held = self._refresh(held, needed=True)
            self._held = held
            return held.access

    def give_up(self, reason: str) -> None:
        """Mark the connection `reconnect_needed`, unless the seller has reconnected meanwhile."""
        with self._lock:
            if self._held is not None:
                self._mark(self._held, reason)

    def _read(self) -> _Tokens:
        return self._opened(self._store.rpc("read_tokens", p_lease_id=self._lease_id))

    def _opened(self, row: dict[str, Any]) -> _Tokens:
        if row["status"] != "connected" or row["access_token"] is None:
            raise reconnect_needed(self._platform, row["status_reason"] or f"the connection is {row['status']}")
        now, left, life = self._clock.monotonic(), row["expires_in_seconds"], row["life_seconds"]
        share = _REFRESH_FROM + _REFRESH_SPREAD * self._chance.random()
        return _Tokens(
            version=row["version"],
            access=self._decrypted(row, "access_token"),
            refresh=self._decrypted(row, "refresh_token") if row["refresh_token"] else None,
            user_id=row["user_id"],
            account_id=row["account_id"],
            due_at=float("inf") if left is None else now + left - (1 - share) * life,
            expires_at=float("inf") if left is None else now + left,
        )

    def _refresh_ahead(self, held: _Tokens) -> _Tokens:
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

    def _refresh(self, held: _Tokens, *, needed: bool) -> _Tokens:
        if held.refresh is None:
            self._mark(held, "the access token expired, and there is no refresh token")
            raise reconnect_needed(self._platform, "the access token expired, and there is no refresh token")
        fence = str(uuid.uuid4())
        for pause in (*_LOOKS_S, None):
            answer = self._store.rpc(
                "begin_token_refresh", p_lease_id=self._lease_id, p_version=held.version, p_fence=fence
            )
            if answer["state"] == "begun":
                return self._call_and_store(held, fence)
            if answer["state"] == "newer":
                return self._opened(answer["tokens"])
            if not needed or pause is None:
                break
            self._clock.sleep(pause)
        raise Snooze("another worker is refreshing the access token", timedelta(seconds=5))

    def _call_and_store(self, held: _Tokens, fence: str) -> _Tokens:
        try:
            issued = self._call(held)
        except Signal as signal:
            self._end_refresh(fence, signal)
            raise
        self._store_pair(held, fence, issued)
        return self._read()

    def _call(self, held: _Tokens) -> IssuedTokens:
        """Ask the token endpoint; a hiccup or a lost answer is repeated, with the same refresh token."""
        for pause in (*_PAUSES_S, None):
            try:
                raw = self._post(held)
                if raw.status < 500:
                    return self._judged(raw)
                failure = Retriable(f"the token endpoint answered {raw.status}")
            except Retriable as signal:
                failure = signal
            if pause is None:
                raise failure
            self._clock.sleep(pause)
        raise AssertionError("the last pause is None")

    def _post(self, held: _Tokens) -> RawAnswer:
        rules = self._platform.tokens
        assert rules.refresh is not None  # noqa: S101  (asked before the refresh was claimed)
        ask = rules.refresh(self._settings, held.refresh or "")
        return self._door.send(
            "POST",
            rules.url_for(self._settings, ""),
            headers={"content-type": ask.content_type},
            body=ask.body(),
            deadline_s=_REFRESH_DEADLINE_S,
        )

    def _judged(self, raw: RawAnswer) -> IssuedTokens:
        if self._platform.tokens.is_refused(raw.status, raw.body):
            raise reconnect_needed(self._platform, f"refresh refused: {error_text(raw.body)}")
        if raw.status == 429:
            raise Snooze("token refreshes are throttled", _wait(raw, self._clock))
        if raw.status != 200:
            self._refuse(raw)
        try:
            return read_issued_tokens(raw.body)
        except ValueError as error:
            raise Retriable(f"the token endpoint answered {error}") from None

    def _refuse(self, raw: RawAnswer) -> NoReturn:
        reason = f"the token endpoint answered {raw.status}: {error_text(raw.body)}"
        if not error_text(raw.body):
            raise Retriable(reason)
        log.error("platform_key_refused", platform=self._platform.name, reason=reason)
        raise Fatal(
            reason,
            code="platform_key_refused",
            seller_message="Something is wrong on our side. Our engineers have been told; you need not do anything.",
        )

    def _store_pair(self, held: _Tokens, fence: str, issued: IssuedTokens) -> None:
        """Persist before use. A database that is away is asked again: a lost pair costs the seller a reconnect."""
        refresh = issued.refresh_token or held.refresh or ""
        pair = {
            "p_fence": fence,
            "p_version": held.version,
            "p_access_token": self._encrypted(held, "access_token", issued.access_token),
            "p_refresh_token": self._encrypted(held, "refresh_token", refresh),
            "p_expires_in_seconds": issued.expires_in_s,
        }
        for pause in (*_LOOKS_S, None):
            try:
                stored = self._store.rpc("store_refreshed_tokens", **pair)
                break
            except StoreUnavailable:
                if pause is None:
                    raise
                self._clock.sleep(pause)
        log.info("token_refreshed", platform=self._platform.name, account_id=held.account_id, stored=stored)

    def _end_refresh(self, fence: str, signal: Signal) -> None:
        final = isinstance(signal, Fatal) and signal.code == "reconnect_needed"
        self._store.rpc("fail_token_refresh", p_fence=fence, p_reason=signal.reason, p_final=final)

    def _mark(self, held: _Tokens, reason: str) -> None:
        self._store.rpc("mark_reconnect_needed", p_lease_id=self._lease_id, p_version=held.version, p_reason=reason)

    def _decrypted(self, row: dict[str, Any], name: Field) -> str:
        place = Place(user_id=row["user_id"], platform=self._platform.name, account_id=row["account_id"], field=name)
        try:
            return self._keyring.decrypt(row[name], place)
        except TokenUnreadable as error:
            self._alarm(error)

    def _encrypted(self, held: _Tokens, name: Field, secret: str) -> str:
        place = Place(user_id=held.user_id, platform=self._platform.name, account_id=held.account_id, field=name)
        return self._keyring.encrypt(secret, place)

    def _alarm(self, error: KeeperError) -> NoReturn:
        # An operator can mend this, and nothing is lost meanwhile: the job waits, it does not fail.
        log.error("token_unreadable", platform=self._platform.name, reason=str(error))
        raise Snooze(str(error), timedelta(minutes=10)) from None


def _wait(raw: RawAnswer, clock: Clock) -> timedelta:
    return retry_after(raw.headers, clock.now(), default=timedelta(seconds=10)) or SHORTEST
