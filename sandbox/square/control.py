"""The control plane under /_sandbox/; docs/sandbox-square.md describes it call by call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from starlette.requests import Request
from starlette.responses import Response

from sandbox.parts.control import BaseControl, Routes
from sandbox.parts.control_http import guarded, json_body, ndjson, reply
from sandbox.parts.faults import Faults
from sandbox.parts.responses import Doc
from sandbox.parts.schedule import Schedule
from sandbox.square.announcements import announce, revoked
from sandbox.square.data.ground_truth import GROUND_TRUTHS
from sandbox.square.live_shop import LiveShop
from sandbox.square.mutations.kinds import MUTATIONS
from sandbox.square.shop_creation import describe, open_shop, token_pair
from sandbox.square.tokens import SCOPES
from sandbox.square.world import World


class Control(BaseControl[LiveShop]):
    """What only Square's has: sellers, truth, limits, tokens and webhooks."""

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
            ("GET", "/application", self.application),
            ("GET", "/deliveries", self.list_deliveries),
            ("DELETE", "/deliveries", self.forget_deliveries),
            ("POST", "/deliveries/again", self.send_again),
            *super().routes(),
        ]

    def tell(self, live_shop: LiveShop, kind: str, _query: Mapping[str, str]) -> Iterator[Doc]:
        return GROUND_TRUTHS[kind](live_shop.store)

    async def open(self, wanted: Doc) -> Doc:
        return await open_shop(self.world, wanted)

    def describe(self, live_shop: LiveShop) -> Doc:
        return describe(live_shop)

    def apply(self, shop_id: int, wanted: Doc) -> Doc:
        live_shop = self.live_shop(shop_id)
        result, changes = MUTATIONS[wanted["kind"]](live_shop, wanted, int(self.world.clock.now() * 1000))
        announce(self.world, live_shop, changes)
        return result

    @guarded
    async def use_limits(self, request: Request) -> Response:
        wanted = await json_body(request)
        shop_id = int(wanted["shop_id"])
        self.live_shop(shop_id)
        self.world.limits.use(shop_id, int(wanted["this_second"]))
        return reply({"shop_id": shop_id})

    @guarded
    async def forget_limits(self, _request: Request) -> Response:
        self.world.limits.forget()
        return reply({"this_second": 0})

    @guarded
    async def make_tokens(self, request: Request) -> Response:
        wanted = await json_body(request)
        shop_id = int(wanted["shop_id"])
        self.live_shop(shop_id)
        scopes = tuple(wanted.get("scopes", SCOPES))
        return reply({"shop_id": shop_id, **token_pair(self.world, shop_id, scopes, wanted.get("expires_in"))}, 201)

    @guarded
    async def revoke_tokens(self, request: Request) -> Response:
        """What a seller does at the dashboard: the application is told."""
        wanted = await json_body(request)
        shop_id = wanted.get("shop_id")
        shops = [self.live_shop(int(shop_id))] if shop_id is not None else list(self.world.live_shops.values())
        for live_shop in shops:
            revoked(self.world, live_shop, "MERCHANT")
        killed = sum(self.world.tokens.revoke(live_shop.shop.ids.shop) for live_shop in shops)
        return reply({"revoked": killed})

    @guarded
    async def application(self, _request: Request) -> Response:
        world = self.world
        return reply({"app_id": world.app_id, "app_secret": world.app_secret, "access_token": world.access_token})

    @guarded
    async def list_deliveries(self, request: Request) -> Response:
        """What was sent, when nothing is on its way any more (`wait=false`: at once)."""
        if request.query_params.get("wait") != "false":
            await self.world.webhooks.settled()
        return ndjson(delivery.doc() for delivery in list(self.world.webhooks.deliveries))

    @guarded
    async def forget_deliveries(self, _request: Request) -> Response:
        self.world.webhooks.deliveries.clear()
        self.world.webhooks.events.clear()
        return reply({"count": 0})

    @guarded
    async def send_again(self, request: Request) -> Response:
        event_id = (await json_body(request)).get("event_id")
        found = [delivery for delivery in self.world.webhooks.deliveries if delivery.event_id == event_id]
        if not found:
            raise LookupError(f"no delivery of event {event_id}")
        for delivery in found:
            self.world.webhooks.again(delivery)
        return reply({"sent": len(found)}, 202)
