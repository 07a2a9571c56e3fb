"""A platform whose responses a test writes down, as httpx's transport."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import SecretStr

from execution.platform_settings import PlatformSettings


def etsy_settings(**changes: Any) -> PlatformSettings:
    fields: dict[str, Any] = {"name": "etsy", "client_id": "keystring", "client_secret": SecretStr("shared-secret")}
    return PlatformSettings(**(fields | changes))


@dataclass(kw_only=True)
class HandEtsy:
    """Answers by hand, in order; the last one stays. Keeps what it was asked."""

    answers: list[httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]]
    asked: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer


def by_hand(handler: Callable[[httpx.Request], httpx.Response]) -> httpx.MockTransport:
    """A transport over a handler. Answers arrive unread, as from a wire: httpx reads those made of bytes at once."""

    def unread(request: httpx.Request) -> httpx.Response:
        answer = handler(request)
        if isinstance(answer.stream, httpx.ByteStream):
            return httpx.Response(answer.status_code, headers=answer.headers, stream=Wire(b"".join(answer.stream)))
        return answer

    return httpx.MockTransport(unread)


class Wire(httpx.SyncByteStream):
    """Chunks as they would come off a wire."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks
