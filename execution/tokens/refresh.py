"""One refresh that has been claimed: ask the token endpoint, store what it issues, or give the claim back.

The claim (a fence, on the database's clock) is taken in a short transaction, the call is made outside of any, and the
new pair is stored only where fence and version still stand. The old refresh token stays until then.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, NoReturn

import structlog

from execution.clock import Clock
from execution.errors import SAID_AGAIN_AFTER, Fatal, Retriable, Signal, Snooze, StoreUnavailable
from execution.http.retry_after import SHORTEST, retry_after
from execution.http.small_bodies import error_text
from execution.http.transport import HttpTransport, RawResponse, ResponseLost
from execution.keyring import Keyring
from execution.platform_settings import PlatformSettings
from execution.store import Rpc
from execution.tokens.rules import IssuedTokens, LostRefresh, TokenIssuer, read_issued_tokens, reconnect_needed
from execution.tokens.stored_pair import Pair, sealed

_PAUSES_S = (0.5, 1.0)
_STORE_PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.5, 2.0)
_SHORTEST_CALL_S = 1.0
_FIRST_REST_S, _LONGEST_REST_S = 15.0, 900.0

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class RefreshTimes:
    """`call_s` for all calls of one refresh, `claim_s` until another process may take it over.

    Token endpoints were seen to take 30 s. What is left of the claim after the call is for storing the pair.
    """

    call_s: float = 40.0
    claim_s: float = 90.0


RefreshOutcome = Literal["unused", "lost", "refused"]


class _Failed(Exception):
    """How a refresh ended without a pair: what it means for the job, and for the refresh token."""

    def __init__(self, signal: Signal, outcome: RefreshOutcome, rest_s: float = 0.0) -> None:
        super().__init__(signal.reason)
        self.signal, self.outcome, self.rest_s = signal, outcome, rest_s


REFRESH_TIMES = RefreshTimes()


@dataclass(frozen=True, kw_only=True)
class Refresher:
    """Refreshes pairs of one platform. Safe to share between threads."""

    store: Rpc
    keyring: Keyring
    platform: TokenIssuer
    settings: PlatformSettings
    transport: HttpTransport
    clock: Clock
    times: RefreshTimes = REFRESH_TIMES

    def run(self, pair: Pair, fence: str) -> None:
        """The claimed refresh: a new pair is stored, or a Signal says why not and the claim is given back."""
        ends_at = self.clock.monotonic() + self.times.claim_s
        try:
            issued = self._call(pair, ends_at - self.times.claim_s + self.times.call_s)
        except _Failed as failed:
            self._give_back(fence, failed)
            raise failed.signal from None
        except Fatal as signal:
            # Nothing was asked: a claim that lapses would count as a lost answer.
            self._give_back(fence, _Failed(signal, "unused"))
            raise
        self._keep(pair, fence, issued, ends_at)

    def renewed(self, pair: Pair) -> IssuedTokens:
        """A new pair for one that is not stored yet, so that nobody else can be using it. Raises a Signal."""
        try:
            return self._call(pair, self.clock.monotonic() + self.times.call_s)
        except _Failed as failed:
            # Nothing ends by it: the seller is asked for another pair, at once.
            refused = failed.outcome == "refused"
            raise reconnect_needed(failed.signal.reason) if refused else failed.signal from None

    def _call(self, pair: Pair, ends_at: float) -> IssuedTokens:
        """A hiccup is repeated with the same refresh token, as is a lost answer where the platform allows it."""
        for pause in (*_PAUSES_S, None):
            try:
                raw = self.post(pair, ends_at - self.clock.monotonic())
                if raw.status < 500:
                    return self._judged(pair, raw)
                failed = self._away(pair, f"the token endpoint answered {raw.status}", "unused")
            except ResponseLost as signal:
                failed = self._away(pair, signal.reason, "lost")
                if self.platform.tokens.lost_answer is not LostRefresh.REPEATABLE:
                    raise failed from None
            except Retriable as signal:
                failed = self._away(pair, signal.reason, "unused")
            if pause is None or ends_at - self.clock.monotonic() < pause + _SHORTEST_CALL_S:
                break
            self.clock.sleep(pause)
        raise failed

    def post(self, pair: Pair, seconds: float) -> RawResponse:
        """What the token endpoint answers to this refresh token. Nothing is claimed, stored or judged."""
        rules = self.platform.tokens
        assert rules.refresh is not None  # noqa: S101  (whoever claims a refresh has asked)
        request = rules.refresh(self.settings, pair.refresh or "")
        return self.transport.send(
            "POST",
            rules.url_for(self.settings, pair.shop_id),
            headers={"content-type": request.content_type},
            body=request.body(),
            deadline_s=seconds,
            silence_s=seconds,
        )

    def _judged(self, pair: Pair, raw: RawResponse) -> IssuedTokens:
        if self.platform.tokens.is_refused(raw.status, raw.body):
            raise self._refusal(pair, raw)
        if raw.status == 429:
            wait = retry_after(raw.headers, self.clock.now(), default=timedelta(seconds=10)) or SHORTEST
            throttled = Snooze("token refreshes are throttled", wait, code="throttled")
            raise _Failed(throttled, "unused", wait.total_seconds())
        if raw.status != 200:
            self._not_understood(pair, raw)
        try:
            return read_issued_tokens(raw.body)
        except ValueError as error:
            # It said yes, and nobody can read it: the token may be used up.
            raise self._away(pair, f"the token endpoint answered {error}", "lost") from None

    def _refusal(self, pair: Pair, raw: RawResponse) -> _Failed:
        reason = f"refresh refused: {error_text(raw.body) or raw.status}"
        if pair.lost_answers:
            reason += f" (the answer to an earlier refresh was lost {pair.lost_answers} times)"
        if pair.refusals:
            return _Failed(reconnect_needed(reason), "refused")
        rest_s = SAID_AGAIN_AFTER.total_seconds()
        again = Snooze(reason, SAID_AGAIN_AFTER, code="refused_once")
        return _Failed(again, "refused", rest_s)

    def _not_understood(self, pair: Pair, raw: RawResponse) -> NoReturn:
        reason = f"the token endpoint answered {raw.status}: {error_text(raw.body)}"
        if not error_text(raw.body):
            raise self._away(pair, reason, "unused")
        log.error("platform_key_refused", platform=self.platform.name, reason=reason)
        raise _Failed(Fatal(reason, code="platform_key_refused"), "unused")

    def _away(self, pair: Pair, reason: str, outcome: RefreshOutcome) -> _Failed:
        """Not the job's fault: it waits, longer each time, and spends no attempt."""
        failures = pair.lost_answers + pair.refusals
        rest_s = min(_FIRST_REST_S * 2**failures, _LONGEST_REST_S)
        away = Snooze(reason, timedelta(seconds=rest_s), code="token_endpoint_away")
        return _Failed(away, outcome, 0.0 if outcome == "unused" else rest_s)

    def _give_back(self, fence: str, failed: _Failed) -> None:
        final = isinstance(failed.signal, Fatal) and failed.signal.code == "reconnect_needed"
        try:
            self.store.rpc(
                "fail_token_refresh",
                p_fence=fence,
                p_reason=failed.signal.reason,
                p_final=final,
                p_outcome=failed.outcome,
                p_rest_seconds=failed.rest_s,
            )
        except StoreUnavailable as error:
            # The claim lapses by itself; what is known of the endpoint is worth more than this.
            log.warning("refresh_not_given_back", platform=self.platform.name, reason=error.message)

    def _keep(self, pair: Pair, fence: str, issued: IssuedTokens, ends_at: float) -> None:
        """Persist before use. A database that is away is asked as long as the claim is ours: the pair comes once."""
        stored = self._stored(ends_at, self._call_arguments(pair, fence, issued))
        log.info("token_refreshed", platform=self.platform.name, connection_id=pair.connection_id, stored=stored)

    def _call_arguments(self, pair: Pair, fence: str, issued: IssuedTokens) -> dict[str, Any]:
        new = issued.refresh_token if issued.refresh_token != pair.refresh else None
        return {
            "p_fence": fence,
            "p_version": pair.version,
            "p_access_token": sealed(pair, "access_token", issued.access_token, self.keyring),
            "p_refresh_token": sealed(pair, "refresh_token", new, self.keyring) if new else None,
            "p_expires_in_seconds": issued.expires_in_s,
            "p_expires_at": _text(issued.expires_at),
            "p_refresh_expires_in_seconds": issued.refresh_expires_in_s,
            "p_refresh_expires_at": _text(issued.refresh_expires_at),
            "p_rights": None if issued.rights is None else sorted(issued.rights),
        }

    def _stored(self, ends_at: float, arguments: dict[str, Any]) -> bool:
        for pause in _pauses():
            with contextlib.suppress(StoreUnavailable):
                return bool(self.store.rpc("store_refreshed_tokens", **arguments))
            if self.clock.monotonic() + pause >= ends_at:
                break
            self.clock.sleep(pause)
        return bool(self.store.rpc("store_refreshed_tokens", **arguments))


def _pauses() -> Iterator[float]:
    yield from _STORE_PAUSES_S
    while True:
        yield _STORE_PAUSES_S[-1]


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
