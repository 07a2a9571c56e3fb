"""Etsy's refusals and the envelope of its lists."""

from __future__ import annotations

import orjson

from sandbox.parts.responses import ApiError, Doc, HttpResponse


class EtsyError(ApiError):
    """A check said no; carries Etsy's status and body."""

    def __init__(self, status: int, error: str, description: str = "") -> None:
        body: Doc = {"error": error}
        if description:
            body["error_description"] = description
        super().__init__(error, HttpResponse(status=status, body=orjson.dumps(body)))


def page(count: int, bodies: bytes) -> HttpResponse:
    """The envelope of a list; `bodies` are records that each end in a comma."""
    return HttpResponse(body=b'{"count":%d,"results":[%b]}' % (count, bodies[:-1]))
