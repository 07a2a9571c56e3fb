"""The only door to a platform: permit, token, send, classify."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import NoReturn
from urllib.parse import urlencode

import structlog

from execution.budgets import CallClass, Scope
from execution.clock import Clock
from execution.errors import Fatal, Retriable, Skip, Snooze
from execution.http_door import HttpDoor, RawAnswer
from execution.platforms import (
    Answer,
    Outcome,
    Params,
    Platform,
    TokenSource,
    Verdict,
    reconnect_needed,
)
from execution.rate_limiter import RateLimiter
from execution.retry_after import SHORTEST
from execution.settings import PlatformSettings

# Ids and names only: no host, no query, no way up, so that a path can never lead the token elsewhere.
_PATH = re.compile(r"(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+")

log = structlog.get_logger()


class PlatformClient:
    """Calls one platform for one connection. Each `get` sends once; only a rejected token earns one repeat."""

    def __init__(
        self,
        *,
        platform: Platform,
        settings: PlatformSettings,
        scope: Scope,
        call_class: CallClass,
        tokens: TokenSource,
        limiter: RateLimiter,
        door: HttpDoor,
        db_now: Callable[[], datetime],
        clock: Clock,
    ) -> None:
        self._platform = platform
        self._settings = settings
        self._scope = scope
        self._call_class: CallClass = call_class
        self._tokens = tokens
        self._limiter = limiter
        self._door = door
        self._db_now = db_now
        self._clock = clock
        self._base_url = settings.api_url(platform.api_base_url).rstrip("/")
        # Requests that left this process, whatever became of them.
        self.sends = 0

    def get(self, path: str, params: Params | None = None) -> Answer:
        """A body that the platform meant as an answer, unparsed; everything else raises a Signal.

        `fetched_at` is the database's clock before the request: a record changed later is read again.
        """
        access_token = self._tokens.access_token()
        answer, verdict = self._try(path, params, access_token)
        if verdict.outcome is Outcome.TOKEN_REJECTED:
            access_token = self._tokens.renew(rejected=access_token)
            answer, verdict = self._try(path, params, access_token)
        if verdict.outcome is not Outcome.ACCEPTED:
            self._refuse(verdict)
        return answer

    def _try(self, path: str, params: Params | None, access_token: str) -> tuple[Answer, Verdict]:
        url = self._url(path, params)
        headers = self._platform.headers(self._settings, access_token)
        fetched_at = self._db_now()
        self._limiter.permit(self._scope, self._call_class)
        self.sends += 1
        started = self._clock.monotonic()
        try:
            raw = self._door.send("GET", url, headers=headers)
        except Retriable as signal:
            log.warning("platform_call_failed", platform=self._platform.name, path=path, reason=signal.reason)
            raise
        self._log(path, raw, self._clock.monotonic() - started)
        self._limiter.observe(self._scope, self._platform.limits(raw.headers))
        answer = Answer(status=raw.status, body=raw.body, headers=raw.headers, fetched_at=fetched_at)
        return answer, self._judge(raw, fetched_at)

    def _judge(self, raw: RawAnswer, now: datetime) -> Verdict:
        if 300 <= raw.status < 400:
            # Following it would take the token along.
            return Verdict(outcome=Outcome.TRY_AGAIN, reason=f"{raw.status}: sent to another address")
        verdict = self._platform.classify(raw.status, raw.headers, raw.body, now)
        if verdict.outcome is Outcome.ACCEPTED and raw.body.lstrip()[:1] not in (b"{", b"["):
            # Empty, an HTML page, a captcha: never "no more pages".
            return Verdict(outcome=Outcome.TRY_AGAIN, reason=f"{raw.status} with a body that is no JSON object or list")
        return verdict

    def _refuse(self, verdict: Verdict) -> NoReturn:
        """Turn a verdict into what the runner should do."""
        wait = verdict.wait or SHORTEST
        match verdict.outcome:
            case Outcome.THROTTLED:
                self._limiter.throttled(self._scope, wait)
                raise Snooze(verdict.reason, wait)
            case Outcome.DAY_USED_UP:
                self._limiter.block(self._scope, wait)
                raise Snooze(verdict.reason, wait)
            case Outcome.TOKEN_REJECTED:
                self._tokens.give_up(verdict.reason)
                raise reconnect_needed(self._platform, f"a fresh token was rejected too: {verdict.reason}")
            case Outcome.GONE:
                raise Skip(verdict.reason)
            case Outcome.ACCESS_REFUSED | Outcome.KEY_REFUSED | Outcome.REQUEST_WRONG:
                self._fail(verdict)
            case _:
                raise Retriable(verdict.reason, verdict.wait)

    def _fail(self, verdict: Verdict) -> NoReturn:
        if verdict.outcome is Outcome.KEY_REFUSED:
            advice = "check the application key and its secret with the platform: no shop can be synced"
            log.error("platform_key_refused", platform=self._platform.name, reason=verdict.reason, advice=advice)
        elif verdict.code == "reconnect_needed":
            self._tokens.give_up(verdict.reason)
        raise Fatal(verdict.reason, code=verdict.code, seller_message=verdict.seller_message)

    def _url(self, path: str, params: Params | None) -> str:
        if not _PATH.fullmatch(path):
            raise ValueError(f"{path!r} is not a path of the platform")
        query = urlencode({name: _text(value) for name, value in (params or {}).items() if value is not None}, safe=",")
        return f"{self._base_url}{path}?{query}" if query else f"{self._base_url}{path}"

    def _log(self, path: str, raw: RawAnswer, seconds: float) -> None:
        # The path without its query, the platform's trace id, sizes: nothing that a token or a buyer could be in.
        log.info(
            "platform_answered",
            platform=self._platform.name,
            path=path,
            status=raw.status,
            request_id=raw.headers.get(self._platform.request_id_header, "")[:80],
            body_bytes=len(raw.body),
            duration_ms=round(seconds * 1000),
        )


def _text(value: object) -> str:
    """A parameter as platforms read it: lists with commas, booleans in lower case (Etsy: docs/urlsyntax)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(_text(part) for part in value)
    return str(value)
