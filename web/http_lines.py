"""What a line may bring and how long it may take, from the first byte of a message to its last, in every phase.

uvicorn's protocol has no limit of its own. What came of a head or of trailers is kept in memory until it is whole, and
a line that is never closed stays for ever: without limits, one sender could take all there is.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterable, Sequence
from typing import Literal

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

# Ours are below two: a token of eight in a cookie, and what proxies add. The sizes of chunks, what is said beside
# them, and trailers count as well: whatever of a message is no body.
LARGEST_HEAD = 64 * 1024
MOST_FIELDS = 128
HEAD_S = 20.0
# A platform's largest order is far smaller, and nothing else brings a body worth the name.
LARGEST_BODY = 2 * 1024 * 1024
LONGEST_BODY_S = 20.0
# Messages that wait on one line behind the one that is answered.
MOST_PIPELINED = 16
# An answer that its reader does not fetch: so long until some of it has gone, and until a closed line is done with.
STALLED_S = 30.0
LINGER_S = 10.0
# Each is a file that is open. Who waits longest without a whole request goes first; an answer is never cut for room.
MOST_LINES = max(64, min(2000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 256))
# What is read at once is parsed in pieces, so that a limit is met soon after it is passed.
_PIECE = 16 * 1024
_TOO_LARGE = b"HTTP/1.1 431 \r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_TOO_MANY_LINES = b"HTTP/1.1 503 \r\nretry-after: 5\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

# Between messages; in a head, which begins with the first byte after the last message, whatever that byte is; in what
# follows a head, be it answered already or not.
Phase = Literal["between", "head", "body"]


class _PassedLimit(Exception):
    """Stops the parser where it stands: what is left of the piece is not looked at."""


class LimitedHttp(HttpToolsProtocol):
    """Closes a line whose message is too large or too late, and one whose end does not read."""

    _phase: Phase = "between"
    _since = 0.0
    _apart = 0
    _body = 0
    _refused = False
    _cycles: Sequence[RequestResponseCycle] = ()
    _ends: asyncio.TimerHandle | None = None
    _stalls: asyncio.TimerHandle | None = None
    _lingers: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MOST_LINES and not _make_room(self.connections, self):
            transport.write(_TOO_MANY_LINES)
            self._close()
            return
        self._enter("head", HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._ends, self._stalls, self._lingers):
            if timer is not None:
                timer.cancel()
        # The server tells the last one alone, which may wait behind the one that is being answered.
        for cycle in self._open():
            cycle.disconnected = True
            cycle.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        for at in range(0, len(data), _PIECE):
            if self.transport.is_closing():
                return
            self._read(data[at : at + _PIECE])

    def eof_received(self) -> None:
        # The loop closes the line after this: with an answer under way that nobody reads, it would never be done.
        self.give_way()

    def _read(self, piece: bytes) -> None:
        if self._phase == "between":
            self._enter("head", HEAD_S)
        had = self._body
        super().data_received(piece)
        # What the parser has just finished it does not keep: only what is still open counts.
        if self._phase != "between" and not self.transport.is_closing():
            self._apart += len(piece) - max(0, self._body - had)
            if self._apart > LARGEST_HEAD:
                self._refused = True
                self.send_400_response("")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if len(self.pipeline) >= MOST_PIPELINED:
            self._pass_limit()
        if self._phase != "head":
            self._enter("head", HEAD_S)

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if len(self.headers) > MOST_FIELDS:
            self._pass_limit()

    def on_headers_complete(self) -> None:
        # Who reads the body says so first (`BodyLimit`); this ends what nobody reads.
        self._enter("body", LONGEST_BODY_S + LINGER_S)
        super().on_headers_complete()
        self._cycles = [*self._open(), self.cycle]
        if self.parser.should_upgrade():  # the parser reads nothing after it
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._body += len(body)
        # Answered or not: the parts of the application count what they are given, and nobody else counts the rest.
        if self._body > LARGEST_BODY and self.cycle.response_complete:
            self._pass_limit()
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._enter("between")

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._linger()

    def send_400_response(self, msg: str) -> None:
        # Into the middle of an answer nothing may be written.
        if self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete:
            self._close()
        elif self._refused:
            self.transport.write(_TOO_LARGE)
            self._close()
        else:
            super().send_400_response(msg)
            self._linger()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._linger()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalls = self.loop.call_later(STALLED_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stalls is not None:
            self._stalls.cancel()

    def _open(self) -> list[RequestResponseCycle]:
        """Requests of this line whose answers are not complete."""
        return [cycle for cycle in self._cycles if not cycle.response_complete]

    def waits_since(self) -> float | None:
        """Since when for a request that is not whole; None while one is worked on."""
        answering = self.cycle is not None and not self.cycle.response_complete
        return None if answering and self._phase == "between" else self._since

    def _enter(self, phase: Phase, seconds: float | None = None) -> None:
        """A message has `seconds` for its head, and as many for what follows."""
        if self._ends is not None:
            self._ends.cancel()
        if phase != "body":
            self._apart = self._body = 0
        self._phase, self._since = phase, self.loop.time()
        self._ends = None if seconds is None else self.loop.call_later(seconds, self.give_way)

    def give_way(self) -> None:
        """End the line now, whatever is under way."""
        if not self.transport.is_closing():
            self._close()

    def _pass_limit(self) -> None:
        self._refused = True
        raise _PassedLimit

    def _close(self) -> None:
        self.transport.close()
        self._linger()

    def _linger(self) -> None:
        """What was sent may still be read for a while; then the line ends, read or not."""
        if self._lingers is None and self.transport.is_closing():
            self._lingers = self.loop.call_later(LINGER_S, self.transport.abort)


def _make_room(lines: Iterable[object], newest: LimitedHttp) -> bool:
    """End the line that waits longest without a whole request; False where every one is being answered."""
    waiting = [
        (since, line)
        for line in lines
        if isinstance(line, LimitedHttp) and line is not newest and (since := line.waits_since()) is not None
    ]
    if not waiting:
        return False
    min(waiting, key=lambda known: known[0])[1].give_way()
    return True
