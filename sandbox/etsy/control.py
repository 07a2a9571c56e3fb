"""The control plane under /_sandbox/; docs/sandbox-etsy.md describes it call by call."""

from __future__ import annotations

import re
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

from sandbox.etsy.faults import Faults
from sandbox.etsy.front import Front
from sandbox.etsy.money import Doc
from sandbox.etsy.mutations import MUTATIONS, Schedule, mutate
from sandbox.etsy.shops import Taken, describe, open_shop, pair
from sandbox.etsy.tokens import SCOPES
from sandbox.etsy.truth import TRUTHS
from sandbox.etsy.world import World

_LOOPBACK = ("127.0.0.1", "::1")
_LINES = 200

Handler = Callable[[Request], Awaitable[Response]]


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


class Control:
    """The handlers, a method each."""

    def __init__(self, world: World, faults: Faults, schedule: Schedule) -> None:
        self.world = world
        self.faults = faults
        self.schedule = schedule

    @guarded
    async def make_shop(self, request: Request) -> Response:
        return reply(await open_shop(self.world, await _json(request)), 201)

    @guarded
    async def list_shops(self, _request: Request) -> Response:
        results = [describe(front) for front in self.world.fronts.values()]
        return reply({"count": len(results), "results": results})

    @guarded
    async def truth(self, request: Request) -> Response:
        front, kind = self._front(request), request.path_params["kind"]
        if kind not in TRUTHS:
            raise LookupError(f"kind must be one of {', '.join(TRUTHS)}")
        paid = {"true": True, "false": False}.get(request.query_params.get("paid", ""))
        return _ndjson(TRUTHS[kind](front, paid=paid))

    @guarded
    async def requests(self, request: Request) -> Response:
        return _ndjson(self.world.journal.lines(dict(request.query_params)))

    @guarded
    async def summary(self, request: Request) -> Response:
        return reply(self.world.journal.summary(dict(request.query_params)))

    @guarded
    async def forget_requests(self, _request: Request) -> Response:
        self.world.journal.clear()
        return reply({"requests": 0})

    @guarded
    async def get_settings(self, _request: Request) -> Response:
        return reply(asdict(self.world.settings))

    @guarded
    async def change_settings(self, request: Request) -> Response:
        self.world.settings.change(await _json(request))
        return reply(asdict(self.world.settings))

    @guarded
    async def use_limits(self, request: Request) -> Response:
        self.world.limits.use(int((await _json(request))["today"]))
        return reply({"today": self.world.limits.today(self.world.clock.now())})

    @guarded
    async def forget_limits(self, _request: Request) -> Response:
        self.world.limits.forget()
        return reply({"today": 0})

    @guarded
    async def make_tokens(self, request: Request) -> Response:
        wanted = await _json(request)
        user_id = wanted.get("user_id")
        if user_id is None:
            user_id = self._shop(int(wanted["shop_id"])).shop.ids.user
        scopes = tuple(wanted.get("scopes", SCOPES))
        return reply({"user_id": user_id, **pair(self.world, user_id, scopes, wanted.get("expires_in"))}, 201)

    @guarded
    async def revoke_tokens(self, request: Request) -> Response:
        return reply({"revoked": self.world.tokens.revoke((await _json(request)).get("user_id"))})

    @guarded
    async def add_fault(self, request: Request) -> Response:
        return reply({"fault_id": self.faults.add(await _json(request)).fault_id}, 201)

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
    async def mutate(self, request: Request) -> Response:
        front, wanted = self._front(request), await _json(request)
        if wanted.get("kind") not in MUTATIONS:
            raise ValueError(f"kind must be one of {', '.join(MUTATIONS)}")
        if "after" in wanted:
            return reply({"scheduled": self.schedule.add(front.shop.ids.shop, wanted)}, 202)
        return reply({"applied": True, "result": mutate(front, wanted, self.world.clock.seconds())})

    @guarded
    async def list_mutations(self, _request: Request) -> Response:
        waiting = [
            {"id": due.number, "shop_id": due.shop_id, "path": due.path.pattern, "left": due.left, **due.wanted}
            for due in self.schedule.waiting
        ]
        return reply({"count": len(waiting), "results": waiting})

    @guarded
    async def get_clock(self, _request: Request) -> Response:
        return reply({"now": self.world.clock.now(), "mode": self.world.clock.mode})

    @guarded
    async def set_clock(self, request: Request) -> Response:
        wanted, clock = await _json(request), self.world.clock
        if "now" in wanted:
            clock.stand_at(float(wanted["now"]))
        elif "advance_seconds" in wanted:
            clock.advance(float(wanted["advance_seconds"]))
        elif wanted.get("real"):
            clock.run()
        else:
            raise ValueError("clock takes now, advance_seconds or real")
        return reply({"now": clock.now(), "mode": clock.mode})

    def _front(self, request: Request) -> Front:
        return self._shop(request.path_params["shop_id"])

    def _shop(self, shop_id: int) -> Front:
        if shop_id not in self.world.fronts:
            raise LookupError(f"no shop {shop_id} in this sandbox")
        return self.world.fronts[shop_id]


def control_app(world: World, faults: Faults, schedule: Schedule) -> Starlette:
    control = Control(world, faults, schedule)
    routes: list[tuple[str, str, Handler]] = [
        ("POST", "/shops", control.make_shop),
        ("GET", "/shops", control.list_shops),
        ("GET", "/shops/{shop_id:int}/truth/{kind}", control.truth),
        ("POST", "/shops/{shop_id:int}/mutations", control.mutate),
        ("GET", "/mutations", control.list_mutations),
        ("GET", "/ledger", control.requests),
        ("GET", "/ledger/summary", control.summary),
        ("DELETE", "/ledger", control.forget_requests),
        ("GET", "/settings", control.get_settings),
        ("POST", "/settings", control.change_settings),
        ("POST", "/limits/use", control.use_limits),
        ("DELETE", "/limits", control.forget_limits),
        ("POST", "/tokens", control.make_tokens),
        ("POST", "/tokens/revoke", control.revoke_tokens),
        ("POST", "/faults", control.add_fault),
        ("GET", "/faults", control.list_faults),
        ("DELETE", "/faults", control.remove_faults),
        ("DELETE", "/faults/{number:int}", control.remove_faults),
        ("GET", "/clock", control.get_clock),
        ("POST", "/clock", control.set_clock),
    ]
    return Starlette(routes=[Route(f"/_sandbox{path}", handler, methods=[verb]) for verb, path, handler in routes])


async def _json(request: Request) -> Doc:
    body = await request.body()
    doc = orjson.loads(body) if body else {}
    if not isinstance(doc, dict):
        raise TypeError("the body must be a JSON object")
    return doc


def _ndjson(docs: Iterator[Doc]) -> Response:
    """Stream in chunks; other requests are answered between two of them."""

    async def chunks() -> AsyncIterator[bytes]:
        while batch := b"".join(orjson.dumps(doc) + b"\n" for doc in islice(docs, _LINES)):
            yield batch

    return StreamingResponse(chunks(), media_type="application/x-ndjson")
