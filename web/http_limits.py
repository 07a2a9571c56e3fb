"""How large a request may be and how long it may take to come: its head, by bytes of the connection, and its body."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from web import problems
from web.problems import Problem

# Ours are below two: a token of eight in a cookie, and what proxies add.
LARGEST_HEAD = 64 * 1024
HEAD_S = 20.0
# A platform's largest order is far smaller, and nothing else brings a body worth the name.
LARGEST_BODY = 2 * 1024 * 1024
LONGEST_BODY_S = 20.0
_REFUSED = b"HTTP/1.1 431 \r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class LimitedHttp(HttpToolsProtocol):
    """uvicorn's protocol, which has no limit of its own; this one closes a connection whose head is too large or late.

    What came of a head is kept in memory until it is whole: without a limit, one connection could take all there is.
    """

    _head_bytes = 0
    _in_head = False
    _head_ends: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._begin_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # What the parser has just finished it does not keep: only what is still open counts.
        if self._in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > LARGEST_HEAD:
                self.transport.write(_REFUSED)
                self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._begin_head()

    def on_headers_complete(self) -> None:
        self._end_head()
        super().on_headers_complete()

    def _begin_head(self) -> None:
        if not self._in_head:
            self._in_head, self._head_bytes = True, 0
            self._head_ends = self.loop.call_later(HEAD_S, self._give_up)

    def _end_head(self) -> None:
        self._in_head = False
        if self._head_ends is not None:
            self._head_ends.cancel()

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


class BodyLimit:
    """413 before a body that is too large is in memory, whether it announces its size or not; 408 for one too slow.

    415 for a form in parts, which nobody here sends: its sender names the alphabet, and some make texts of it that
    cannot be written down again.
    """

    def __init__(self, app: ASGIApp, *, largest: int = LARGEST_BODY, longest_s: float = LONGEST_BODY_S) -> None:
        self._app = app
        self._largest = largest
        self._longest_s = longest_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(Headers(scope=scope))
        if refusal is not None:
            await problems.response_of(refusal)(scope, receive, send)
            return
        seen, is_whole = 0, False
        until = asyncio.get_running_loop().time() + self._longest_s

        async def counted() -> Message:
            nonlocal seen, is_whole
            if is_whole:  # what is asked for now is whether the reader is still there
                return await receive()
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                raise _too_slow() from None
            is_whole = not message.get("more_body", False)
            seen += len(message.get("body", b""))
            if seen > self._largest:
                raise _too_large(self._largest)
            return message

        await self._app(scope, counted, send)

    def _refusal(self, headers: Headers) -> Problem | None:
        announced = headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self._largest:
            return _too_large(self._largest)
        if headers.get("content-type", "").lower().startswith("multipart/"):
            return Problem(415, "form_in_parts")
        return None


def _too_large(largest: int) -> Problem:
    return Problem(413, "too_large", f"A body may have {largest // 1024} KiB at most.", headers={"Connection": "close"})


def _too_slow() -> Problem:
    return Problem(408, "too_slow", headers={"Connection": "close"})


# How every web process is served. Forwarded headers are anybody's word, so none is believed: PUBLIC_URL says where we
# are. What the server itself logs has the form of all that we log.
UVICORN_OPTIONS: dict[str, Any] = {
    "http": LimitedHttp,
    "access_log": False,
    "log_config": None,
    "proxy_headers": False,
    "server_header": False,
}
