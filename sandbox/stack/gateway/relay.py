"""Carries requests to PostgREST: rewrites the head, pumps the bytes, one upstream connection a client connection.

A request that has been received whole is always finished, whether the client is still there or not: a worker
that dies after sending a page must not take the page's transaction with it half-way.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import cast
from urllib.parse import parse_qs

from sandbox.stack.gateway.http1 import HEAD_LIMIT_BYTES, BadMessage, Body, Head, Sized, response

REST, AUTH = b"/rest/v1", b"/auth/v1"
# Keys of the newer kind are no tokens: hosted Supabase puts a token of their role in their place, where none came.
_NAMED = b"sb_"
LOCAL_BODY_LIMIT_BYTES = 1024 * 1024

# (method, path below /auth/v1, bearer token, body) -> (status, JSON)
LocalHandler = Callable[[str, str, str, bytes], Awaitable[tuple[int, object]]]


class Upstream(asyncio.Protocol):
    """The connection to PostgREST that belongs to one client connection."""

    transport: asyncio.Transport

    def __init__(self, client: Client) -> None:
        self._client = client
        self._head = b""
        self._body: Body | None = None
        self._method: bytes | None = None  # of the request whose response is outstanding
        self._closes = False
        self._retired = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop does not inherit from it

    def expect(self, method: bytes) -> None:
        """A request with this method goes out now; the next bytes in are its response."""
        self._method, self._head, self._body = method, b"", None

    def data_received(self, data: bytes) -> None:
        if self._retired:
            return
        try:
            if self._method == b"HEAD":
                self._answer_head(data)
            else:
                self._client.give(data)
                self._follow(data)
        except BadMessage:
            self.transport.abort()

    def _answer_head(self, data: bytes) -> None:
        """Pass the head on and end the connection: PostgREST ends a chunked body that a HEAD does not have."""
        self._head += data
        end = self._head.find(b"\r\n\r\n")
        if end < 0:
            if len(self._head) > HEAD_LIMIT_BYTES:
                raise BadMessage("endless response head")
            return
        head = Head.parse(self._head[:end])
        self._client.give(self._head[: end + 4])
        self._retired = True
        self._client.without_upstream()
        self.transport.abort()
        self._client.response_done(closes=head.closes)

    def _follow(self, data: bytes) -> None:
        while data and self._method is not None:
            if self._body is None:
                data = self._take_head(data)
            if self._body is not None:
                data = data[self._body.feed(data) :]
                if self._body.done:
                    self._finish()

    def _take_head(self, data: bytes) -> bytes:
        self._head += data
        end = self._head.find(b"\r\n\r\n")
        if end < 0:
            if len(self._head) > HEAD_LIMIT_BYTES:
                raise BadMessage("endless response head")
            return b""
        head, rest, self._head = Head.parse(self._head[:end]), self._head[end + 4 :], b""
        if not head.first[1].startswith(b"1"):  # 100 Continue is followed by the response proper
            self._closes = head.closes
            self._body = head.response_body(self._method or b"")
            if self._body.done:
                self._finish()
        return rest

    def _finish(self) -> None:
        self._method, self._body = None, None
        self._client.response_done(closes=self._closes)

    def pause_writing(self) -> None:
        self._client.hold("upstream full")

    def resume_writing(self) -> None:
        self._client.release("upstream full")

    def connection_lost(self, _: Exception | None) -> None:
        if self._retired:
            return
        self._client.upstream_lost(mid_response=bool(self._head) or self._body is not None)


class Client(asyncio.Protocol):
    """A client's connection: takes one request at a time and sees to its answer."""

    transport: asyncio.Transport

    def __init__(self, rest_port: int, local: LocalHandler, keys: Mapping[bytes, bytes]) -> None:
        self._rest_port, self._local, self._keys = rest_port, local, keys
        self._upstream: Upstream | None = None
        self._gone = False
        self._unread = b""
        self._body: Body | None = None
        self._answered = True  # nothing is outstanding
        self._last = False  # close when the answer is out
        self._waiting: list[bytes] = []  # for the upstream connection that is being made
        self._collected: bytearray | None = None  # the body of a request that we answer ourselves
        self._local_request: Head | None = None
        self._verdict = b""  # the answer to a request that goes nowhere, given when its body has been read
        self._holds: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop does not inherit from it

    # What the client sends.

    def data_received(self, data: bytes) -> None:
        try:
            self._take(data)
        except BadMessage as error:
            self._refuse(400, str(error))

    def _take(self, data: bytes) -> None:
        while data:
            if self._body is not None:
                taken = self._body.feed(data)
                self._pass_on(data if taken == len(data) else data[:taken])
                data = data[taken:]
                self._end_of_body()
            elif not self._answered:
                self._unread += data
                self.hold("one request at a time")
                return
            else:
                data = self._take_head(data)

    def _take_head(self, data: bytes) -> bytes:
        self._unread += data
        end = self._unread.find(b"\r\n\r\n")
        if end < 0:
            if len(self._unread) > HEAD_LIMIT_BYTES:
                self._refuse(431, "request head too large")
            return b""
        head, rest = Head.parse(self._unread[:end]), self._unread[end + 4 :]
        self._unread = b""
        self._answered, self._body = False, head.request_body()
        self._last = self._last or head.closes or head.first[2] == b"HTTP/1.0"
        self._route(head)
        self._end_of_body()
        return rest

    def _route(self, head: Head) -> None:
        method, target, version = head.first
        path, _, query = target.partition(b"?")
        key = head.headers.get(b"apikey") or parse_qs(query).get(b"apikey", [b""])[0]
        if path == REST or path.startswith(REST + b"/"):
            if not key:
                hint = "No `apikey` request header or url param was found."
                self._verdict = _error(401, "No API key found in request", hint)
                return
            if key.startswith(_NAMED) and key not in self._keys:
                self._verdict = _error(401, "Invalid API key", "Double check your Supabase API key.")
                return
            target = target[len(REST) :]
            target = target if target.startswith(b"/") else b"/" + target
            bearer = (
                b""
                if b"authorization" in head.headers
                else b"Authorization: Bearer " + self._keys.get(key, key) + b"\r\n"
            )
            self._send_upstream(method, b"%b %b %b\r\n%b%b\r\n\r\n" % (method, target, version, bearer, head.raw))
        elif path.startswith(AUTH + b"/"):
            self._collected, self._local_request = bytearray(), head
        else:
            self._verdict = _error(404, "no Route matched with those values")

    def _pass_on(self, data: bytes) -> None:
        if self._verdict:
            return
        if self._collected is not None:
            self._collected += data
            if len(self._collected) > LOCAL_BODY_LIMIT_BYTES:
                self._refuse(413, "request body too large")
        elif self._upstream is not None:
            self._upstream.transport.write(data)
        else:
            self._waiting.append(data)

    def _end_of_body(self) -> None:
        if self._body is None or not self._body.done:
            return
        self._body = None
        if self._verdict:
            self.give(self._verdict)
            self._verdict = b""
            self.response_done(closes=False)
        elif self._collected is not None:
            self._start(self._answer_locally(bytes(self._collected)))
            self._collected = None
        elif self._answered:
            self._next()

    # PostgREST's part.

    def _send_upstream(self, method: bytes, head: bytes) -> None:
        if self._upstream is not None:
            self._upstream.expect(method)
            self._upstream.transport.write(head)
        else:
            self._waiting.append(head)
            self.hold("connecting")
            self._start(self._connect(method))

    async def _connect(self, method: bytes) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, upstream = await loop.create_connection(lambda: Upstream(self), "127.0.0.1", self._rest_port)
        except OSError:
            self._refuse(503, "PostgREST does not answer")
            return
        if self._gone and self._body is not None:
            upstream.transport.abort()
            return
        self._upstream = upstream
        upstream.expect(method)
        upstream.transport.writelines(self._waiting)
        self._waiting.clear()
        self.release("connecting")

    def give(self, data: bytes) -> None:
        """Response bytes for the client, if it is still there."""
        if not self._gone:
            self.transport.write(data)

    def response_done(self, *, closes: bool) -> None:
        self._answered = True
        self._last = self._last or closes
        if self._body is None:
            self._next()

    def without_upstream(self) -> None:
        """The next request gets a connection of its own."""
        self._upstream = None

    def upstream_lost(self, *, mid_response: bool) -> None:
        self._upstream = None
        if not self._answered and not mid_response:
            self._refuse(502, "PostgREST closed the connection without an answer")
        self.transport.close()

    def _next(self) -> None:
        """The exchange is over: go on with what the client sent since, or close."""
        if self._gone or self._last:
            self._close_upstream()
            self.transport.close()
        elif self._unread:
            data, self._unread = self._unread, b""
            self.release("one request at a time")
            self.data_received(data)
        else:
            self.release("one request at a time")

    def _close_upstream(self) -> None:
        if self._upstream is not None:
            self._upstream.transport.close()

    # Our own answers.

    async def _answer_locally(self, body: bytes) -> None:
        head = self._local_request
        if head is None:
            return
        path = head.first[1].partition(b"?")[0][len(AUTH) :].decode("latin-1")
        scheme, _, token = head.headers.get(b"authorization", b"").partition(b" ")
        key = head.headers.get(b"apikey", b"")
        bearer = token if scheme.lower() == b"bearer" else self._keys.get(key, key)
        status, answer = await self._local(head.first[0].decode("latin-1"), path, bearer.decode("latin-1"), body)
        self.give(response(status, json.dumps(answer).encode()))
        self.response_done(closes=False)

    def _refuse(self, status: int, message: str) -> None:
        """Answer with an error and close: what the client may still be sending is not read."""
        self.give(_error(status, message, close=True))
        self._last = self._answered = True
        self._body, self._collected, self._unread = Sized(0), None, b""
        self._close_upstream()
        self.transport.close()

    # The connection itself.

    def hold(self, reason: str) -> None:
        self._holds.add(reason)
        if len(self._holds) == 1 and not self._gone:
            self.transport.pause_reading()

    def release(self, reason: str) -> None:
        if reason in self._holds:
            self._holds.discard(reason)
            if not self._holds and not self._gone:
                self.transport.resume_reading()

    def pause_writing(self) -> None:
        if self._upstream is not None:
            self._upstream.transport.pause_reading()

    def resume_writing(self) -> None:
        if self._upstream is not None:
            self._upstream.transport.resume_reading()

    def eof_received(self) -> bool:
        """A client may end its side and still wait for the answer to a whole request."""
        self._last = True
        return not self._answered and self._body is None

    def connection_lost(self, _: Exception | None) -> None:
        self._gone = True
        self.resume_writing()
        if self._body is not None:
            if self._upstream is not None:
                self._upstream.transport.abort()  # half a request: nothing may come of it
        elif self._answered:
            self._close_upstream()

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _error(status: int, message: str, hint: str = "", *, close: bool = False) -> bytes:
    answer = {"message": message, **({"hint": hint} if hint else {})}
    return response(status, json.dumps(answer).encode(), close=close)
