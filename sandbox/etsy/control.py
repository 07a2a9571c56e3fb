"""The control plane under /_sandbox/; docs/sandbox-etsy.md describes it call by call."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from sandbox.etsy.front import Front
from sandbox.etsy.mutations import MUTATIONS, mutate
from sandbox.etsy.shops import describe, open_shop, pair
from sandbox.etsy.tokens import SCOPES
from sandbox.etsy.truth import TRUTHS
from sandbox.etsy.world import World
from sandbox.parts.answer import Doc
from sandbox.parts.control import BaseControl, Routes, guarded, json_body, ndjson, reply
from sandbox.parts.faults import Faults
from sandbox.parts.schedule import Schedule


class Control(BaseControl):
    """What only Etsy's has: shops, truth, limits and tokens."""

    mutations = tuple(MUTATIONS)

    def __init__(self, world: World, faults: Faults, schedule: Schedule) -> None:
        super().__init__(world, faults, schedule)
        self.world = world

    def routes(self) -> Routes:
        return [
            ("POST", "/shops", self.make_shop),
            ("GET", "/shops", self.list_shops),
            ("GET", "/shops/{shop_id:int}/truth/{kind}", self.truth),
            ("POST", "/limits/use", self.use_limits),
            ("DELETE", "/limits", self.forget_limits),
            ("POST", "/tokens", self.make_tokens),
            ("POST", "/tokens/revoke", self.revoke_tokens),
            *super().routes(),
        ]

    def has_shop(self, shop_id: int) -> bool:
        return shop_id in self.world.fronts

    def apply(self, shop_id: int, wanted: Doc) -> Doc:
        return mutate(self._shop(shop_id), wanted, self.world.clock.seconds())

    @guarded
    async def make_shop(self, request: Request) -> Response:
        return reply(await open_shop(self.world, await json_body(request)), 201)

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
        return ndjson(TRUTHS[kind](front, paid=paid))

    @guarded
    async def use_limits(self, request: Request) -> Response:
        self.world.limits.use(int((await json_body(request))["today"]))
        return reply({"today": self.world.limits.today(self.world.clock.now())})

    @guarded
    async def forget_limits(self, _request: Request) -> Response:
        self.world.limits.forget()
        return reply({"today": 0})

    @guarded
    async def make_tokens(self, request: Request) -> Response:
        wanted = await json_body(request)
        user_id = wanted.get("user_id")
        if user_id is None:
            user_id = self._shop(int(wanted["shop_id"])).shop.ids.user
        scopes = tuple(wanted.get("scopes", SCOPES))
        return reply({"user_id": user_id, **pair(self.world, user_id, scopes, wanted.get("expires_in"))}, 201)

    @guarded
    async def revoke_tokens(self, request: Request) -> Response:
        return reply({"revoked": self.world.tokens.revoke((await json_body(request)).get("user_id"))})

    def _front(self, request: Request) -> Front:
        return self._shop(request.path_params["shop_id"])

    def _shop(self, shop_id: int) -> Front:
        if shop_id not in self.world.fronts:
            raise LookupError(f"no shop {shop_id} in this sandbox")
        return self.world.fronts[shop_id]
