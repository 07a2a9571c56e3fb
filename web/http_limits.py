"""How large a body may be, how long it may take to come, and how much of all bodies is in memory at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from execution.goods_files import MOST_BYTES
from web import problems
from web.http_lines import LARGEST_BODY, LONGEST_BODY_S, LimitedHttp
from web.problems import Problem

# What deliveries bring may be large, and is proven before it is read; a form or a setting never is.
DELIVERIES = "/webhooks/"
LARGEST_FORM = 64 * 1024
# A seller's file; its route reads it after it knows who sends it.
FILES = {"/goods-costs/file": MOST_BYTES}
# Of all bodies that are not answered yet, beyond what each small one takes: an unsigned one costs its sender nothing.
SMALL_BODY = 32 * 1024
MOST_IN_HAND = 12 * 1024 * 1024


class BodyLimit:
    """413 before a body that is too large is in memory, whether it announces its size or not; 408 for one too slow.

    499 where the sender went away before its end, which is no fault of ours. 503 while the bodies of others take all
    the memory that bodies may take; a small one always has its place. 415 for a form in parts, which nobody here sends:
    its sender names the alphabet, and some make texts of it that cannot be written down again.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        largest: int = LARGEST_BODY,
        longest_s: float = LONGEST_BODY_S,
        most_in_hand: int = MOST_IN_HAND,
    ) -> None:
        self._app = app
        self._largest = largest
        self._longest_s = longest_s
        self._most_in_hand = most_in_hand
        self._in_hand = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        largest = self._largest if path.startswith(DELIVERIES) else min(FILES.get(path, LARGEST_FORM), self._largest)
        refusal = _refusal(Headers(scope=scope), largest)
        if refusal is not None:
            await problems.response_of(refusal)(scope, receive, send)
            return
        until = asyncio.get_running_loop().time() + self._longest_s
        body = _Body(receive, largest=largest, until=until, take=self._take)

        async def begun(message: Message) -> None:
            body.note_answer()
            await send(message)

        try:
            await self._app(scope, body.receive, begun)
        finally:
            self._in_hand -= body.taken

    def _take(self, size: int) -> None:
        if self._in_hand + size > self._most_in_hand:
            raise Problem(503, "bodies_take_all", headers={"Connection": "close", "Retry-After": "5"})
        self._in_hand += size


class _Body:
    """A request's body as it comes; what it takes of the memory for all is given back when the request is answered."""

    def __init__(self, receive: Receive, *, largest: int, until: float, take: Callable[[int], None]) -> None:
        self._receive = receive
        self._largest = largest
        self._until = until
        self._take = take
        self._seen = 0
        self._is_whole = False
        self.taken = 0
        self._answered = False

    def note_answer(self) -> None:
        self._answered = True

    def is_answered(self) -> bool:
        """Whether the answer has begun, so that no refusal reaches anybody any more."""
        return self._answered

    async def receive(self) -> Message:
        if self._is_whole or self.is_answered():  # what is asked for now is whether the reader is still there
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            if self.is_answered():
                return await self._receive()
            raise Problem(408, "too_slow", headers={"Connection": "close"}) from None
        if self.is_answered():  # in the meantime
            return message
        if message["type"] == "http.disconnect":
            raise Problem(499, "cut_off")
        self._is_whole = not message.get("more_body", False)
        self._count(len(message.get("body", b"")))
        return message

    def _count(self, size: int) -> None:
        self._seen += size
        if self._seen > self._largest:
            raise _too_large(self._largest)
        more = max(0, self._seen - SMALL_BODY) - self.taken
        if more > 0:
            self._take(more)
            self.taken += more


def _refusal(headers: Headers, largest: int) -> Problem | None:
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > largest:
        return _too_large(largest)
    if headers.get("content-type", "").lower().startswith("multipart/"):
        return Problem(415, "form_in_parts")
    return None


def _too_large(largest: int) -> Problem:
    return Problem(413, "too_large", f"A body may have {largest // 1024} KiB at most.", headers={"Connection": "close"})


# How every web process is served. Forwarded headers are anybody's word, so none is believed: PUBLIC_URL says where we
# are. What the server itself logs has the form of all that we log.
UVICORN_OPTIONS: dict[str, Any] = {
    "http": LimitedHttp,
    "access_log": False,
    "log_config": None,
    "proxy_headers": False,
    "server_header": False,
}
