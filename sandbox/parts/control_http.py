"""How a control plane reads requests and answers them: loopback only, JSON, and mistakes in one line."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import wraps
from itertools import islice
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from sandbox.parts.responses import Doc

_LOOPBACK = ("127.0.0.1", "::1")
_LINES = 200


class SeedTaken(ValueError):
    """Another shop of this sandbox has the seed, and so would have the same ids."""


def reply(doc: object, status: int = 200) -> Response:
    return Response(orjson.dumps(doc), status, media_type="application/json")


def guarded(handler: Callable[[Any, Request], Awaitable[Response]]) -> Callable[[Any, Request], Awaitable[Response]]:
    """Loopback only; mistakes are one line."""

    @wraps(handler)
    async def guard(self: Any, request: Request) -> Response:
        if request.client is None or request.client.host not in _LOOPBACK:
            return reply({"error": "the control plane answers loopback only"}, 403)
        try:
            return await handler(self, request)
        except SeedTaken as error:
            return reply({"error": str(error)}, 409)
        except LookupError as error:
            return reply({"error": str(error.args[0]) if error.args else "not found"}, 404)
        except (ValueError, TypeError, re.error) as error:
            return reply({"error": str(error)}, 400)

    return guard


async def json_body(request: Request) -> Doc:
    body = await request.body()
    doc = orjson.loads(body) if body else {}
    if not isinstance(doc, dict):
        raise TypeError("the body must be a JSON object")
    return doc


def ndjson(docs: Iterator[Doc]) -> Response:
    """Stream in chunks; other requests are answered between two of them."""

    async def chunks() -> AsyncIterator[bytes]:
        while batch := b"".join(orjson.dumps(doc) + b"\n" for doc in islice(docs, _LINES)):
            yield batch

    return StreamingResponse(chunks(), media_type="application/x-ndjson")


def whole_number(wanted: Doc, name: str, default: int, low: int, high: int) -> int:
    """A field of a request, or ValueError."""
    value: Any = wanted.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{name} must be a whole number from {low} to {high}")
    return value
