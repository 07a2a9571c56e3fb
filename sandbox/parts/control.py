"""The part of every control plane that is the same: shops, settings, faults, mutations, requests received, clock.

A platform's `Control` is a subclass that says how its shops are made and changed, and adds its tokens and its limits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Generic

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.parts.control_http import guarded, json_body, ndjson, reply
from sandbox.parts.faults import Faults
from sandbox.parts.responses import Doc
from sandbox.parts.schedule import Schedule
from sandbox.parts.world import BaseWorld, F

CONTROL = "/_sandbox/"

Handler = Callable[[Request], Awaitable[Response]]
Routes = list[tuple[str, str, Handler]]


class BaseControl(ABC, Generic[F]):
    """The handlers, a method each."""

    def __init__(self, world: BaseWorld[F], faults: Faults, schedule: Schedule) -> None:
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

    def apply_due(self, shop_id: int, wanted: Doc) -> None:
        """Change the shop now that its time has come."""
        self.apply(shop_id, wanted)

    @property
    @abstractmethod
    def ground_truths(self) -> tuple[str, ...]:
        """The kinds of records that `truth` tells."""

    @abstractmethod
    def tell(self, live_shop: F, kind: str, query: Mapping[str, str]) -> Iterator[Doc]:
        """The true records of a kind."""

    @abstractmethod
    async def open(self, wanted: Doc) -> Doc:
        """Make a shop; ValueError where the wish makes no sense."""

    @abstractmethod
    def describe(self, live_shop: F) -> Doc: ...

    def live_shop(self, shop_id: int) -> F:
        if shop_id not in self.base.live_shops:
            raise LookupError(f"no shop {shop_id} in this sandbox")
        return self.base.live_shops[shop_id]

    def tick(self, path: str) -> None:
        """Set off the mutations that waited for this request."""
        for due in self.schedule.tick(path):
            self.apply_due(due.shop_id, due.wanted)

    def routes(self) -> Routes:
        """A platform's own routes come before or after these."""
        return [
            ("POST", "/shops", self.make_shop),
            ("GET", "/shops", self.list_shops),
            ("GET", "/shops/{shop_id:int}/truth/{kind}", self.truth),
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
    async def make_shop(self, request: Request) -> Response:
        return reply(await self.open(await json_body(request)), 201)

    @guarded
    async def list_shops(self, _request: Request) -> Response:
        results = [self.describe(live_shop) for live_shop in self.base.live_shops.values()]
        return reply({"count": len(results), "results": results})

    @guarded
    async def truth(self, request: Request) -> Response:
        live_shop, kind = self.live_shop(request.path_params["shop_id"]), request.path_params["kind"]
        if kind not in self.ground_truths:
            raise LookupError(f"kind must be one of {', '.join(self.ground_truths)}")
        return ndjson(self.tell(live_shop, kind, request.query_params))

    @guarded
    async def mutate(self, request: Request) -> Response:
        shop_id, wanted = request.path_params["shop_id"], await json_body(request)
        self.live_shop(shop_id)
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
        return ndjson(self.base.request_log.lines(dict(request.query_params)))

    @guarded
    async def summary(self, request: Request) -> Response:
        return reply(self.base.request_log.summary(dict(request.query_params)))

    @guarded
    async def forget_requests(self, _request: Request) -> Response:
        self.base.request_log.clear()
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
