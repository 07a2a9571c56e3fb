"""Sends one HTTP request with a deadline over everything, and answers its whole body.

httpx has no total deadline: a server that drips a byte now and then holds the caller for ever (reliability finding 7,
row 31). Here the deadline reaches every single socket operation: connecting, TLS, headers and body.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from ssl import SSLContext
from typing import Any

import httpcore
import httpx

from execution.clock import Clock
from execution.errors import Retriable
from execution.http_body import MAX_BODY_BYTES, BodyReader

DEADLINE_S = 30.0
_CONNECT_S, _SILENCE_S = 5.0, 15.0

# httpx logs full URLs at INFO: query strings belong in no log.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_remaining: ContextVar[Callable[[], float] | None] = ContextVar("remaining", default=None)


class AnswerLost(Retriable):
    """The request may have been received, and its answer is not known."""


@dataclass(frozen=True, kw_only=True)
class RawAnswer:
    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)


class HttpDoor:
    """One process's connections to platforms. Follows no redirect, keeps no cookie, sends nothing twice."""

    def __init__(
        self,
        clock: Clock,
        *,
        transport: httpx.BaseTransport | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self._clock = clock
        self._max_body_bytes = max_body_bytes
        self._client = httpx.Client(
            transport=transport or _DeadlineTransport(),
            timeout=httpx.Timeout(_SILENCE_S, connect=_CONNECT_S),
            follow_redirects=False,
            trust_env=False,  # a .netrc or a proxy variable must not redirect tokens
            headers={"accept-encoding": "gzip", "accept": "application/json", "user-agent": "keeper"},
        )
        # A platform's cookie from one seller's answer must not travel with another seller's request.
        self._client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> RawAnswer:
        """The whole answer within the deadline. Raises Retriable: AnswerLost where the request may have arrived."""
        ends_at = self._clock.monotonic() + deadline_s
        token = _remaining.set(lambda: ends_at - self._clock.monotonic())
        try:
            return self._exchange(method, url, headers, body)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Retriable(f"no connection ({type(error).__name__})") from None
        except httpx.HTTPError as error:
            raise AnswerLost(f"no whole answer ({type(error).__name__})") from None
        except httpx.InvalidURL:
            raise Retriable("the answer names an address that is none") from None
        finally:
            _remaining.reset(token)

    def close(self) -> None:
        self._client.close()

    def _exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> RawAnswer:
        with self._client.stream(method, url, headers=headers, content=body) as response:
            reader = BodyReader(response.headers, self._max_body_bytes)
            for chunk in response.iter_raw():
                _clamped(None, httpx.ReadTimeout)  # also with a transport that has no sockets
                reader.feed(chunk)
        return RawAnswer(status=response.status_code, headers=response.headers, body=reader.finish())


def _clamped(timeout: float | None, late: type[Exception]) -> float | None:
    """The timeout, or what is left until the deadline where that is less; raises `late` when nothing is."""
    remaining = _remaining.get()
    if remaining is None:
        return timeout
    left = remaining()
    if left <= 0:
        raise late("the deadline for the whole answer has passed")
    return left if timeout is None else min(timeout, left)


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _clamped(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _clamped(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        clamped = _clamped(timeout, httpcore.ConnectTimeout)
        return _DeadlineStream(self._inner.start_tls(ssl_context, server_hostname, clamped))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _DeadlineBackend(httpcore.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        clamped = _clamped(timeout, httpcore.ConnectTimeout)
        return _DeadlineStream(super().connect_tcp(host, port, clamped, local_address, socket_options))


class _DeadlineTransport(httpx.HTTPTransport):
    """httpx's own transport with a pool whose sockets know the deadline; httpx offers no argument for it."""

    def __init__(self) -> None:
        super().__init__(trust_env=False)
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            max_connections=32,
            max_keepalive_connections=16,
            keepalive_expiry=30.0,
            network_backend=_DeadlineBackend(),
        )
