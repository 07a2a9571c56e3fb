"""The control plane under /_sandbox/; docs/sandbox-etsy.md describes it call by call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from starlette.requests import Request
from starlette.responses import Response

from sandbox.etsy.ground_truth import GROUND_TRUTHS
from sandbox.etsy.live_shop import LiveShop
from sandbox.etsy.mutations import MUTATIONS
from sandbox.etsy.shop_creation import describe, open_shop, token_pair
from sandbox.etsy.tokens import SCOPES
from sandbox.etsy.world import World
from sandbox.parts.control import BaseControl, Routes
from sandbox.parts.control_http import guarded, json_body, reply
from sandbox.parts.faults import Faults
from sandbox.parts.responses import Doc
from sandbox.parts.schedule import Schedule


class Control(BaseControl[LiveShop]):
    """What only Etsy's has: shops, truth, limits and tokens."""

    mutations = tuple(MUTATIONS)
    ground_truths = tuple(GROUND_TRUTHS)

    def __init__(self, world: World, faults: Faults, schedule: Schedule) -> None:
        super().__init__(world, faults, schedule)
        self.world = world

    def routes(self) -> Routes:
        return [
            ("POST", "/limits/use", self.use_limits),
            ("DELETE", "/limits", self.forget_limits),
            ("POST", "/tokens", self.make_tokens),
            ("POST", "/tokens/revoke", self.revoke_tokens),
            *super().routes(),
        ]

    def tell(self, live_shop: LiveShop, kind: str, query: Mapping[str, str]) -> Iterator[Doc]:
        return GROUND_TRUTHS[kind](live_shop, paid={"true": True, "false": False}.get(query.get("paid", "")))

    async def open(self, wanted: Doc) -> Doc:
        return await open_shop(self.world, wanted)

    def describe(self, live_shop: LiveShop) -> Doc:
        return describe(live_shop)

    def apply(self, shop_id: int, wanted: Doc) -> Doc:
        return MUTATIONS[wanted["kind"]](self.live_shop(shop_id), wanted, self.world.clock.seconds())

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
            user_id = self.live_shop(int(wanted["shop_id"])).shop.ids.user
        scopes = tuple(wanted.get("scopes", SCOPES))
        return reply({"user_id": user_id, **token_pair(self.world, user_id, scopes, wanted.get("expires_in"))}, 201)

    @guarded
    async def revoke_tokens(self, request: Request) -> Response:
        return reply({"revoked": self.world.tokens.revoke((await json_body(request)).get("user_id"))})
