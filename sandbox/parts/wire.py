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

from sandbox.parts.answer import Answer
from sandbox.parts.faults import Rule

Sleep = Callable[[float], Awaitable[None]]
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


def compress(answer: Answer, accepted: bytes) -> None:
    if b"gzip" in accepted and len(answer.body) > 500:
        answer.headers.append((b"content-encoding", b"gzip"))
        answer.body = gzip.compress(answer.body, 1)


def head(answer: Answer, *, length: bool = True) -> dict[str, Any]:
    headers = [(b"content-type", answer.content_type), *answer.headers]
    if length and answer.status not in _BODILESS:
        headers.append((b"content-length", b"%d" % len(answer.body)))
    return {"type": "http.response.start", "status": answer.status, "headers": headers}


async def send_whole(answer: Answer, send: Send) -> None:
    await send(head(answer))
    await send({"type": "http.response.body", "body": answer.body})


async def send_under(rule: Rule | None, answer: Answer, wires: tuple[Scope, Receive, Send], sleep: Sleep) -> None:
    """Send as the rule says, if it is one of the wire."""
    scope, receive, send = wires
    if rule is None:
        await send_whole(answer, send)
    elif rule.kind == "slow":
        await sleep(rule.details["seconds"])
        await send_whole(answer, send)
    elif rule.kind == "drip":
        await _drip(rule, answer, send, sleep)
    elif rule.kind == "cut":
        await _cut(rule, answer, scope, send)
    elif rule.kind == "reset":
        _reset(scope)
    elif rule.kind == "hang":
        await _hang(rule, scope, receive, sleep)
    else:
        await send_whole(answer, send)


async def _drip(rule: Rule, answer: Answer, send: Send, sleep: Sleep) -> None:
    size = max(rule.get("bytes", 64), 1)
    await send(head(answer))
    for start in range(0, len(answer.body), size):
        await sleep(rule.get("every_seconds", 0.05))
        await send({"type": "http.response.body", "body": answer.body[start : start + size], "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _cut(rule: Rule, answer: Answer, scope: Scope, send: Send) -> None:
    """Close after `at_bytes` bytes of the body, of which the header promised more (or the last chunk never comes)."""
    body = answer.body[: rule.get("at_bytes", 0)]
    await send(head(answer, length=rule.get("content_length", True)))
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
