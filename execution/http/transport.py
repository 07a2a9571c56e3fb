"""Sends one HTTP request with a deadline over everything, and answers its whole body.

httpx has no total deadline: a server that drips a byte now and then holds the caller for ever (reliability finding 7,
row 31). Here the deadline reaches every single socket operation: connecting, TLS, headers and body.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any

import httpcore
import httpx

from execution.certificates import why_unreached
from execution.clock import Clock
from execution.errors import FileGone, Retriable
from execution.http.body_reader import MAX_BODY_BYTES, BodyReader
from execution.trust import trusted

DEADLINE_S = 30.0
# Where a person waits for the answer.
LIVE_DEADLINE_S = 10.0
_CONNECT_S, _SILENCE_S = 5.0, 15.0
# A file may take as long as it is big, but never stand still: this much has to come within each deadline.
_PROGRESS_BYTES = 256 * 1024
# A file comes in pieces of this size at most, however the wire cut it.
_PIECE_BYTES = 64 * 1024
_HEADERS = {"accept-encoding": "gzip", "accept": "application/json", "user-agent": "keeper"}

# httpx logs full URLs at INFO: query strings belong in no log.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_remaining: ContextVar[Callable[[], float] | None] = ContextVar("remaining", default=None)


class ResponseLost(Retriable):
    """The request may have been received, and its answer is not known."""


@dataclass(frozen=True, kw_only=True)
class RawResponse:
    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)


class HttpTransport:
    """One process's connections to platforms. Follows no redirect, keeps no cookie, sends nothing twice."""

    def __init__(
        self,
        clock: Clock,
        *,
        transport: httpx.BaseTransport | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
        resolve: Callable[[str, int], str] | None = None,
    ) -> None:
        """`resolve`: the address of a host, for whoever may not be led to any; it raises what the caller is told."""
        self._clock = clock
        self._max_body_bytes = max_body_bytes
        # Not httpx's client: it has cookies, which must not travel from one seller's answer to another's request, and
        # redirects; and it costs a third of a call.
        self._transport = transport or _DeadlineTransport(resolve)

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        deadline_s: float = DEADLINE_S,
        silence_s: float = _SILENCE_S,
    ) -> RawResponse:
        """The whole answer within the deadline, never silent for longer than `silence_s`.

        Raises Retriable: ResponseLost where the request may have arrived.
        """
        ends_at = self._clock.monotonic() + deadline_s
        faults_sorted = self._faults_sorted(lambda: ends_at - self._clock.monotonic())
        with faults_sorted, self._asked(method, url, headers, body, silence_s) as response:
            reader = BodyReader(response.headers, self._max_body_bytes)
            for chunk in response.iter_raw():
                _clamped(None, httpx.ReadTimeout)  # also with a transport that has no sockets
                reader.feed(chunk)
            return RawResponse(status=response.status_code, headers=response.headers, body=reader.finish())

    def head_of(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, deadline_s: float
    ) -> RawResponse:
        """The answer's status and headers, where its body says nothing: it is not waited for. Raises as `send` does."""
        ends_at = self._clock.monotonic() + deadline_s
        faults_sorted = self._faults_sorted(lambda: ends_at - self._clock.monotonic())
        with faults_sorted, self._asked(method, url, headers, body, deadline_s) as response:
            return RawResponse(status=response.status_code, headers=response.headers, body=b"")

    @contextmanager
    def download(self, url: str, *, offset: int = 0, deadline_s: float = DEADLINE_S) -> Iterator[Iterator[bytes]]:
        """A file's bytes from `offset` on, in small pieces, as long as they keep coming.

        A server that knows no ranges is read from the start, and what was asked to be left out is dropped. Raises
        FileGone where the file is there no more, Retriable where it cannot be had now or ends too soon.
        """
        pieces = _Progress(self._clock, deadline_s)
        headers = {"accept-encoding": "identity", "accept": "*/*"}
        if offset:
            headers["range"] = f"bytes={offset}-"
        with self._faults_sorted(pieces.left), self._asked("GET", url, headers) as response:
            yield pieces.read(response, _to_skip(response, offset))

    @contextmanager
    def _faults_sorted(self, remaining: Callable[[], float]) -> Iterator[None]:
        token = _remaining.set(remaining)
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Retriable(f"no connection ({why_unreached(error)})") from None
        except httpx.HTTPError as error:
            raise ResponseLost(f"no whole answer ({type(error).__name__})") from None
        except httpx.InvalidURL:
            raise Retriable("the answer names an address that is none") from None
        finally:
            _remaining.reset(token)

    def close(self) -> None:
        self._transport.close()

    def _asked(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        silence_s: float = _SILENCE_S,
    ) -> closing[httpx.Response]:
        sent = httpx.Headers(_HEADERS)
        sent.update(headers)
        timeout = httpx.Timeout(silence_s, connect=_CONNECT_S).as_dict()
        request = httpx.Request(method, url, headers=sent, content=body, extensions={"timeout": timeout})
        return closing(self._transport.handle_request(request))


class _Progress:
    """Reads a file as it comes; the deadline moves on with every stretch of bytes, never without."""

    def __init__(self, clock: Clock, deadline_s: float) -> None:
        self._clock = clock
        self._deadline_s = deadline_s
        self._ends_at = clock.monotonic() + deadline_s
        self._since = 0

    def left(self) -> float:
        return self._ends_at - self._clock.monotonic()

    def read(self, response: httpx.Response, skip: int) -> Iterator[bytes]:
        for piece in response.iter_raw(_PIECE_BYTES):
            _clamped(None, httpx.ReadTimeout)
            self._since += len(piece)
            if self._since >= _PROGRESS_BYTES:
                self._since, self._ends_at = 0, self._clock.monotonic() + self._deadline_s
            dropped = min(skip, len(piece))
            skip -= dropped
            if dropped < len(piece):
                yield piece[dropped:]
        if skip:
            raise Retriable("the file is shorter than the part of it that was read before")


def _to_skip(response: httpx.Response, offset: int) -> int:
    """How many of the bytes that come are before `offset`: none where the server kept to the range."""
    if response.status_code in (400, 401, 403, 404, 410):
        # Storage answers 400 or 403 for a signature that has lapsed, 404 or 410 for a file that was removed.
        raise FileGone(f"the file is not there any more ({response.status_code})")
    if response.headers.get("content-encoding", "identity").strip().lower() not in ("identity", ""):
        raise Retriable("the file is encoded, which was not asked for")
    if response.status_code == 206:
        begins = re.match(r"bytes (\d+)-", response.headers.get("content-range", ""))
        if begins is None or int(begins[1]) != offset:
            raise Retriable("the file goes on at another place than was asked for")
        return 0
    if response.status_code == 416:
        raise Retriable("the file is shorter than the part of it that was read before")
    if response.status_code != 200:
        raise Retriable(f"the file cannot be had now ({response.status_code})")
    return offset


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
    def __init__(self, resolve: Callable[[str, int], str] | None) -> None:
        self._resolve = resolve

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        clamped = _clamped(timeout, httpcore.ConnectTimeout)
        # The name stays that of the certificate: TLS is told it apart from the address.
        address = self._resolve(host, port) if self._resolve else host
        return _DeadlineStream(super().connect_tcp(address, port, clamped, local_address, socket_options))


class _DeadlineTransport(httpx.HTTPTransport):
    """httpx's own transport with a pool whose sockets know the deadline; httpx offers no argument for it."""

    def __init__(self, resolve: Callable[[str, int], str] | None = None) -> None:
        super().__init__(verify=trusted(), trust_env=False)
        self._pool = httpcore.ConnectionPool(
            ssl_context=trusted(),
            max_connections=32,
            max_keepalive_connections=16,
            keepalive_expiry=30.0,
            network_backend=_DeadlineBackend(resolve),
        )
