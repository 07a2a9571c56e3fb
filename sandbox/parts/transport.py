"""The bytes on the connection: whole, late, in drops, cut off, or none at all."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sandbox.parts.faults import Rule
from sandbox.parts.responses import HttpResponse

Sleep = Callable[[float], Awaitable[None]]
Asgi = tuple[Scope, Receive, Send]
_BODILESS = (204, 304)


class Protocol(HttpToolsProtocol):
    """uvicorn's own, which also lends the connection to the application, so that faults can cut it."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["sandbox.transport"] = self.transport  # type: ignore[typeddict-unknown-key]


async def read_body(receive: Receive) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


def compress(response: HttpResponse, accepted: bytes) -> None:
    if b"gzip" in accepted and len(response.body) > 500:
        response.headers.append((b"content-encoding", b"gzip"))
        response.body = gzip.compress(response.body, 1)


def head(response: HttpResponse, *, length: bool = True) -> dict[str, Any]:
    headers = [(b"content-type", response.content_type), *response.headers]
    if length and response.status not in _BODILESS:
        headers.append((b"content-length", b"%d" % len(response.body)))
    return {"type": "http.response.start", "status": response.status, "headers": headers}


async def send_whole(response: HttpResponse, send: Send) -> None:
    await send(head(response))
    await send({"type": "http.response.body", "body": response.body})


async def send_with_fault(rule: Rule | None, response: HttpResponse, asgi: Asgi, sleep: Sleep) -> None:
    """Send as the rule says, if it is one of transport."""
    scope, receive, send = asgi
    if rule is None:
        await send_whole(response, send)
    elif rule.kind == "slow":
        await sleep(rule.details["seconds"])
        await send_whole(response, send)
    elif rule.kind == "drip":
        await _drip(rule, response, send, sleep)
    elif rule.kind == "cut":
        await _cut(rule, response, scope, send)
    elif rule.kind == "reset":
        _reset(scope)
    elif rule.kind == "hang":
        await _hang(rule, scope, receive, sleep)
    else:
        await send_whole(response, send)


async def _drip(rule: Rule, response: HttpResponse, send: Send, sleep: Sleep) -> None:
    size = max(rule.get("bytes", 64), 1)
    await send(head(response))
    for start in range(0, len(response.body), size):
        await sleep(rule.get("every_seconds", 0.05))
        await send({"type": "http.response.body", "body": response.body[start : start + size], "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _cut(rule: Rule, response: HttpResponse, scope: Scope, send: Send) -> None:
    """Close after `at_bytes` bytes of the body, of which the header promised more (or the last chunk never comes)."""
    body = response.body[: rule.get("at_bytes", 0)]
    await send(head(response, length=rule.get("content_length", True)))
    await send({"type": "http.response.body", "body": body, "more_body": True})
    scope["sandbox.transport"].close()


def _reset(scope: Scope) -> None:
    transport = scope["sandbox.transport"]
    # Linger of zero seconds: closing sends RST instead of FIN.
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()


async def _hang(rule: Rule, scope: Scope, receive: Receive, sleep: Sleep) -> None:
    """Say nothing until the client leaves, or close after `seconds`."""
    seconds = rule.get("seconds", None)
    waits = [asyncio.ensure_future(_gone(receive))]
    if seconds is not None:
        waits.append(asyncio.ensure_future(sleep(seconds)))
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    scope["sandbox.transport"].close()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
