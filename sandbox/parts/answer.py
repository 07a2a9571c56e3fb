"""What a stand-in is about to send, before faults and the wire touch it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

JSON = b"application/json"
HTML = b"text/html; charset=utf-8"

Doc = dict[str, Any]
Headers = list[tuple[bytes, bytes]]


@dataclass(kw_only=True)
class Answer:
    """Status, headers and body; changeable, because faults change it."""

    status: int = 200
    body: bytes = b""
    headers: Headers = field(default_factory=list)
    content_type: bytes = JSON


class Refused(Exception):
    """A check said no. Each platform has a subclass that writes the vendor's body."""

    def __init__(self, why: str, answer: Answer) -> None:
        super().__init__(why)
        self.answer = answer


def ok(doc: object, status: int = 200) -> Answer:
    return Answer(status=status, body=orjson.dumps(doc))
