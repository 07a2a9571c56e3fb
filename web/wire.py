"""The bytes on a connection before there is a request: how many, how long. The library has no limit for either."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Ours are below two: a token of eight in a cookie, and what proxies add.
LARGEST_HEAD = 64 * 1024
HEAD_S = 20.0
_REFUSED = b"HTTP/1.1 431 \r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Wire(HttpToolsProtocol):
    """uvicorn's own, which also cuts a line whose head is too large or takes too long to come.

    What came of a head is kept in memory until it is whole: without a limit, one line could take all there is.
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


# How every web process is served. Forwarded headers are anybody's word, so none is believed: PUBLIC_URL says where we
# are. What the server itself logs has the form of all that we log.
SERVED: dict[str, Any] = {
    "http": Wire,
    "access_log": False,
    "log_config": None,
    "proxy_headers": False,
    "server_header": False,
}
