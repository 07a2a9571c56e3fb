"""What the sandbox is about to send, before faults and the wire touch it."""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson

from sandbox.etsy.money import Doc

JSON = b"application/json"
Headers = list[tuple[bytes, bytes]]


@dataclass(kw_only=True)
class Answer:
    """Status, headers and body; changeable, because faults change it."""

    status: int = 200
    body: bytes = b""
    headers: Headers = field(default_factory=list)
    content_type: bytes = JSON


class Refusal(Exception):
    """A check said no; carries the vendor's status and body."""

    def __init__(self, status: int, error: str, description: str = "") -> None:
        super().__init__(error)
        body: Doc = {"error": error}
        if description:
            body["error_description"] = description
        self.answer = Answer(status=status, body=orjson.dumps(body))


def ok(doc: object, status: int = 200) -> Answer:
    return Answer(status=status, body=orjson.dumps(doc))


def page(count: int, bodies: bytes) -> Answer:
    """The envelope of a list; `bodies` are records that each end in a comma."""
    return Answer(body=b'{"count":%d,"results":[%b]}' % (count, bodies[:-1]))
