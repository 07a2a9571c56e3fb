"""What a stand-in is about to send, before faults and transport touch it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

JSON = b"application/json"
HTML = b"text/html; charset=utf-8"

Doc = dict[str, Any]
Headers = list[tuple[bytes, bytes]]


@dataclass(kw_only=True)
class HttpResponse:
    """Status, headers and body; changeable, because faults change it."""

    status: int = 200
    body: bytes = b""
    headers: Headers = field(default_factory=list)
    content_type: bytes = JSON


class ApiError(Exception):
    """A check said no. Each platform has a subclass that writes the vendor's body."""

    def __init__(self, why: str, response: HttpResponse) -> None:
        super().__init__(why)
        self.response = response


def redirect(to: str, query: str, *, content_type: bytes = HTML) -> HttpResponse:
    location = f"{to}{'&' if '?' in to else '?'}{query}"
    return HttpResponse(status=302, headers=[(b"location", location.encode())], content_type=content_type)


def ok(doc: object, status: int = 200) -> HttpResponse:
    return HttpResponse(status=status, body=orjson.dumps(doc))
