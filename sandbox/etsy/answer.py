"""Etsy's refusals and the envelope of its lists."""

from __future__ import annotations

import orjson

from sandbox.parts.answer import Answer, Doc, Refused


class Refusal(Refused):
    """A check said no; carries Etsy's status and body."""

    def __init__(self, status: int, error: str, description: str = "") -> None:
        body: Doc = {"error": error}
        if description:
            body["error_description"] = description
        super().__init__(error, Answer(status=status, body=orjson.dumps(body)))


def page(count: int, bodies: bytes) -> Answer:
    """The envelope of a list; `bodies` are records that each end in a comma."""
    return Answer(body=b'{"count":%d,"results":[%b]}' % (count, bodies[:-1]))
