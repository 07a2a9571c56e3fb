"""The only way to a platform: permit, token, send, classify."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import NoReturn
from urllib.parse import urlencode, urlsplit

import structlog

from execution import traces
from execution.budget.budgets import CallClass, Scope
from execution.clock import Clock
from execution.errors import BodyTooBig, Fatal, Refusal, Retriable, Skip, Snooze
from execution.http.call_record import CallOutcome, CallSeen
from execution.http.messages import Params, Request, Response
from execution.http.retry_after import SHORTEST
from execution.http.transport import DEADLINE_S, HttpTransport, RawResponse
from execution.platform_settings import PlatformSettings
from execution.platforms.api import ResponseKind, Verdict
from execution.platforms.platform import Platform
from execution.rate_limiter import RateLimiter
from execution.tokens.rules import TokenSource

# Ids and names only: no host, no query, no way up, so that a path can never lead the token elsewhere.
_PATH = re.compile(r"(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+")

# What an answer counts as, for health; every other refuses.
_OUTCOMES: dict[ResponseKind, CallOutcome] = {
    ResponseKind.ACCEPTED: "ok",
    ResponseKind.GONE: "ok",
    ResponseKind.THROTTLED: "throttled",
    ResponseKind.DAY_USED_UP: "throttled",
    ResponseKind.TRY_AGAIN: "failed",
}

log = structlog.get_logger()


class PlatformClient:
    """Calls one platform for one connection. Each `send` sends once; only a rejected token earns one repeat."""

    def __init__(
        self,
        *,
        platform: Platform,
        settings: PlatformSettings,
        scope: Scope,
        call_class: CallClass,
        tokens: TokenSource,
        limiter: RateLimiter,
        transport: HttpTransport,
        db_now: Callable[[], datetime],
        clock: Clock,
        shop_id: str = "",
        seen: Callable[[CallSeen], None] = lambda _: None,
        deadline_s: float = DEADLINE_S,
        allow: Callable[[], None] = lambda: None,
        about: Mapping[str, str] | None = None,
    ) -> None:
        self._platform = platform
        self._settings = settings
        self._scope = scope
        self._call_class: CallClass = call_class
        self._tokens = tokens
        self._limiter = limiter
        self._transport = transport
        self._db_now = db_now
        self._clock = clock
        self._base_url = platform.base_url(settings, shop_id)
        self._seen = seen
        self._deadline_s = deadline_s
        # Asked before each call, and raises where whoever causes it has had their share.
        self._allow = allow
        # Whose call it is, for the log.
        self._about = about or {}
        # Requests that left this process, whatever became of them.
        self.sends = 0

    def get(self, path: str, params: Params | None = None) -> Response:
        """`send` for a plain reading."""
        return self.send(Request(path=path, params=params or {}))

    def send(self, request: Request) -> Response:
        """A body that the platform meant as an answer, unparsed; everything else raises a Signal.

        `fetched_at` is the database's clock before the request: a record changed later is read again.
        """
        access_token = self._tokens.access_token()
        response, verdict = self._try(request, access_token)
        if verdict.kind is ResponseKind.TOKEN_REJECTED:
            newer = self._tokens.renew(rejected=access_token)
            if newer != access_token:
                response, verdict = self._try(request, newer)
        if verdict.kind is not ResponseKind.ACCEPTED:
            self._refuse(verdict)
        return response

    def give_up(self, reason: str) -> None:
        """The platform refuses this connection for good, and that is believed: the seller must reconnect."""
        self._tokens.give_up(reason)

    @contextmanager
    def download(self, url: str, *, offset: int = 0) -> Iterator[Iterator[bytes]]:
        """The bytes of a signed file from `offset` on, as they come. No token goes along, no permit is needed.

        Raises Fatal where the address is not one that this platform's files may be fetched from.
        """
        self._check_source(url)
        with self._transport.download(url, offset=offset) as chunks:
            yield chunks

    def _check_source(self, url: str) -> None:
        source, own = _origin(url), _origin(self._base_url)
        theirs = {f"https://{host}:443" for host in self._platform.api.download_hosts}
        if not source or source not in theirs | {own}:
            raise Fatal(
                "the platform names a file at an address that it may not name",
                code="wrong_address",
            )

    def _try(self, request: Request, access_token: str) -> tuple[Response, Verdict]:
        with traces.span("platform call", "client", platform=self._platform.name, http__request__method=request.method):
            return self._send(request, access_token)

    def _send(self, request: Request, access_token: str) -> tuple[Response, Verdict]:
        url = self._url(request.path, request.params)
        headers = self._platform.api.headers(self._settings, access_token)
        if request.body is not None:
            headers |= {"content-type": request.content_type}
        fetched_at = self._db_now()
        weight = {"points": request.points} if request.points else {}
        self._allow()
        self._limiter.permit(self._scope, self._call_class, **weight)
        self.sends += 1
        started = self._clock.monotonic()
        try:
            raw = self._transport.send(
                request.method, url, headers=headers, body=request.body, deadline_s=self._deadline_s
            )
        except Retriable as signal:
            log.warning("platform_call_failed", platform=self._platform.name, path=request.path, reason=signal.reason)
            self._tell(request, "lost", self._clock.monotonic() - started)
            if isinstance(signal, BodyTooBig):
                signal.fetched_at = fetched_at
            raise
        seconds = self._clock.monotonic() - started
        self._log(request.path, raw, seconds)
        self._limiter.observe(self._scope, self._platform.api.limits(raw.headers, raw.body))
        self._limiter.outcome(self._scope, error=raw.status >= 400)
        traces.note(http__response__status_code=raw.status, http__response__body__size=len(raw.body))
        response = Response(status=raw.status, body=raw.body, headers=raw.headers, fetched_at=fetched_at)
        verdict = self._judge(raw, fetched_at)
        self._tell(request, _OUTCOMES.get(verdict.kind, "refused"), seconds)
        return response, verdict

    def _tell(self, request: Request, outcome: CallOutcome, seconds: float) -> None:
        call = CallSeen(
            platform=self._platform.name, method=request.method, path=request.path, outcome=outcome, seconds=seconds
        )
        self._seen(call)
        traces.note(url__template=call.endpoint, call_outcome=outcome)

    def _judge(self, raw: RawResponse, now: datetime) -> Verdict:
        if 300 <= raw.status < 400:
            # Following it would take the token along.
            return Verdict(kind=ResponseKind.TRY_AGAIN, reason=f"{raw.status}: sent to another address ({_host(raw)})")
        verdict = self._platform.api.classify(raw.status, raw.headers, raw.body, now)
        if verdict.kind is ResponseKind.ACCEPTED and raw.body.lstrip()[:1] not in (b"{", b"["):
            # Empty, an HTML page, a captcha: never "no more pages".
            return Verdict(
                kind=ResponseKind.TRY_AGAIN, reason=f"{raw.status} with a body that is no JSON object or list"
            )
        return verdict

    def _refuse(self, verdict: Verdict) -> NoReturn:
        """Turn a verdict into what the runner should do."""
        wait = verdict.wait or SHORTEST
        match verdict.kind:
            case ResponseKind.THROTTLED:
                self._limiter.throttled(self._scope, wait)
                raise Snooze(verdict.reason, wait, code="throttled")
            case ResponseKind.DAY_USED_UP:
                self._limiter.block(self._scope, wait)
                raise Snooze(verdict.reason, wait, code="day_used_up")
            case ResponseKind.TOKEN_REJECTED:
                raise Refusal(f"the newest token was rejected too: {verdict.reason}", code="reconnect_needed")
            case ResponseKind.SHOP_PAUSED:
                raise Snooze(verdict.reason, wait, code="shop_paused")
            case ResponseKind.GONE:
                raise Skip(verdict.reason)
            case ResponseKind.KEY_REFUSED:
                self._no_key(verdict)
            case ResponseKind.ACCESS_REFUSED | ResponseKind.REQUEST_WRONG:
                of_shop = verdict.kind is ResponseKind.ACCESS_REFUSED
                raise Refusal(
                    verdict.reason, code=verdict.code, words=verdict.words, facts=verdict.facts, of_shop=of_shop
                )
            case _:
                raise Retriable(verdict.reason, verdict.wait)

    def _no_key(self, verdict: Verdict) -> NoReturn:
        advice = "check the application, its key and its secret with the platform: no shop can be synced"
        log.error("platform_key_refused", platform=self._platform.name, reason=verdict.reason, advice=advice)
        raise Fatal(verdict.reason, code=verdict.code, words=verdict.words, facts=verdict.facts)

    def _url(self, path: str, params: Params | None) -> str:
        if not _PATH.fullmatch(path):
            raise ValueError(f"{path!r} is not a path of the platform")
        query = urlencode({name: _text(value) for name, value in (params or {}).items() if value is not None}, safe=",")
        return f"{self._base_url}{path}?{query}" if query else f"{self._base_url}{path}"

    def _log(self, path: str, raw: RawResponse, seconds: float) -> None:
        # The path without its query, the platform's trace id, sizes: nothing that a token or a buyer could be in.
        log.info(
            "platform_answered",
            platform=self._platform.name,
            path=path,
            status=raw.status,
            request_id=raw.headers.get(self._platform.api.request_id_header, "")[:80],
            body_bytes=len(raw.body),
            duration_ms=round(seconds * 1000),
            **self._about,
        )


def _origin(url: str) -> str:
    """Scheme, host and port; empty where the address holds a user's name, or is none."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return ""
    whole = parts.scheme and parts.hostname and port and "@" not in parts.netloc and "\\" not in url
    return f"{parts.scheme}://{parts.hostname}:{port}" if whole else ""


def _host(raw: RawResponse) -> str:
    """Where a redirect leads, for the log: the host alone, without anything that could be a secret."""
    try:
        return (urlsplit(raw.headers.get("location", "")).hostname or "")[:100]
    except ValueError:
        return ""


def _text(value: object) -> str:
    """A parameter as platforms read it: lists with commas, booleans in lower case (Etsy: docs/urlsyntax)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(_text(part) for part in value)
    return str(value)
