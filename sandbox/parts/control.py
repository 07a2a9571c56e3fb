"""The part of every control plane that is the same: settings, faults, mutations, requests received, clock.

A platform's `Control` is a subclass that adds its shops, its truth, its tokens and its limits.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import asdict
from functools import wraps
from itertools import islice
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from sandbox.parts.answer import Doc
from sandbox.parts.faults import Faults
from sandbox.parts.schedule import Schedule
from sandbox.parts.world import BaseWorld

CONTROL = "/_sandbox/"
_LOOPBACK = ("127.0.0.1", "::1")
_LINES = 200

Handler = Callable[[Request], Awaitable[Response]]
Routes = list[tuple[str, str, Handler]]


class Taken(ValueError):
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
        except Taken as error:
            return reply({"error": str(error)}, 409)
        except LookupError as error:
            return reply({"error": str(error.args[0]) if error.args else "not found"}, 404)
        except (ValueError, TypeError, re.error) as error:
            return reply({"error": str(error)}, 400)

    return guard


class BaseControl(ABC):
    """The handlers, a method each."""

    def __init__(self, world: BaseWorld, faults: Faults, schedule: Schedule) -> None:
        self.base = world
        self.faults = faults
        self.schedule = schedule

    @property
    @abstractmethod
    def mutations(self) -> tuple[str, ...]:
        """The kinds that `mutate` knows."""

    @abstractmethod
    def apply(self, shop_id: int, wanted: Doc) -> Doc:
        """Change the shop now; LookupError where there is no such shop, ValueError where the change makes no sense."""

    @abstractmethod
    def has_shop(self, shop_id: int) -> bool: ...

    def routes(self) -> Routes:
        """A platform's own routes come before or after these."""
        return [
            ("POST", "/shops/{shop_id:int}/mutations", self.mutate),
            ("GET", "/mutations", self.list_mutations),
            ("DELETE", "/mutations", self.forget_mutations),
            ("GET", "/ledger", self.requests),
            ("GET", "/ledger/summary", self.summary),
            ("DELETE", "/ledger", self.forget_requests),
            ("GET", "/settings", self.get_settings),
            ("POST", "/settings", self.change_settings),
            ("POST", "/faults", self.add_fault),
            ("GET", "/faults", self.list_faults),
            ("DELETE", "/faults", self.remove_faults),
            ("DELETE", "/faults/{number:int}", self.remove_faults),
            ("GET", "/clock", self.get_clock),
            ("POST", "/clock", self.set_clock),
        ]

    def app(self) -> Starlette:
        return Starlette(
            routes=[Route(f"{CONTROL[:-1]}{path}", handler, methods=[verb]) for verb, path, handler in self.routes()]
        )

    @guarded
    async def mutate(self, request: Request) -> Response:
        shop_id, wanted = request.path_params["shop_id"], await json_body(request)
        if not self.has_shop(shop_id):
            raise LookupError(f"no shop {shop_id} in this sandbox")
        if wanted.get("kind") not in self.mutations:
            raise ValueError(f"kind must be one of {', '.join(self.mutations)}")
        if "after" in wanted or "every" in wanted:
            return reply({"scheduled": self.schedule.add(shop_id, wanted)}, 202)
        return reply({"applied": True, "result": self.apply(shop_id, wanted)})

    @guarded
    async def list_mutations(self, _request: Request) -> Response:
        waiting = [
            {"id": due.number, "shop_id": due.shop_id, "path": due.path.pattern, "left": due.left, **due.wanted}
            for due in self.schedule.waiting
        ]
        return reply({"count": len(waiting), "results": waiting})

    @guarded
    async def forget_mutations(self, _request: Request) -> Response:
        self.schedule.waiting.clear()
        return reply({"count": 0})

    @guarded
    async def requests(self, request: Request) -> Response:
        return ndjson(self.base.journal.lines(dict(request.query_params)))

    @guarded
    async def summary(self, request: Request) -> Response:
        return reply(self.base.journal.summary(dict(request.query_params)))

    @guarded
    async def forget_requests(self, _request: Request) -> Response:
        self.base.journal.clear()
        return reply({"requests": 0})

    @guarded
    async def get_settings(self, _request: Request) -> Response:
        return reply(asdict(self.base.settings))

    @guarded
    async def change_settings(self, request: Request) -> Response:
        self.base.settings.change(await json_body(request))
        return reply(asdict(self.base.settings))

    @guarded
    async def add_fault(self, request: Request) -> Response:
        return reply({"fault_id": self.faults.add(await json_body(request)).fault_id}, 201)

    @guarded
    async def list_faults(self, _request: Request) -> Response:
        rules = [
            {"fault_id": rule.fault_id, **rule.given, "seen": rule.seen, "struck": rule.struck}
            for rule in self.faults.rules
        ]
        return reply({"count": len(rules), "results": rules})

    @guarded
    async def remove_faults(self, request: Request) -> Response:
        number = request.path_params.get("number")
        kept = [rule for rule in self.faults.rules if number is not None and rule.fault_id != number]
        if number is not None and len(kept) == len(self.faults.rules):
            raise LookupError(f"no fault {number}")
        removed = len(self.faults.rules) - len(kept)
        self.faults.rules = kept
        return reply({"removed": removed})

    @guarded
    async def get_clock(self, _request: Request) -> Response:
        return reply({"now": self.base.clock.now(), "mode": self.base.clock.mode})

    @guarded
    async def set_clock(self, request: Request) -> Response:
        wanted, clock = await json_body(request), self.base.clock
        if "now" in wanted:
            clock.stand_at(float(wanted["now"]))
        elif "advance_seconds" in wanted:
            clock.advance(float(wanted["advance_seconds"]))
        elif wanted.get("real"):
            clock.run()
        else:
            raise ValueError("clock takes now, advance_seconds or real")
        return reply({"now": clock.now(), "mode": clock.mode})


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
