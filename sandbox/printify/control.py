"""The control plane under /_sandbox/; docs/sandbox-printify.md describes it call by call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response

from sandbox.parts.control import BaseControl, Routes
from sandbox.parts.control_http import guarded, json_body, ndjson, reply
from sandbox.parts.faults import Faults
from sandbox.parts.responses import Doc
from sandbox.parts.schedule import Schedule
from sandbox.printify.ground_truth import GROUND_TRUTHS
from sandbox.printify.live_shop import LiveShop
from sandbox.printify.mutations import MUTATIONS, Change
from sandbox.printify.shop_creation import describe, open_shop, tokens
from sandbox.printify.tokens import SCOPES
from sandbox.printify.webhooks import Webhooks
from sandbox.printify.world import World


class Control(BaseControl[LiveShop]):
    """What only Printify's has: shops, truth, limits, tokens and webhooks."""

    mutations = tuple(MUTATIONS)
    ground_truths = tuple(GROUND_TRUTHS)

    def __init__(self, world: World, faults: Faults, schedule: Schedule, webhooks: Webhooks) -> None:
        super().__init__(world, faults, schedule)
        self.world = world
        self.webhooks = webhooks

    def routes(self) -> Routes:
        return [
            ("GET", "/limits", self.get_limits),
            ("POST", "/limits/use", self.use_limits),
            ("DELETE", "/limits", self.forget_limits),
            ("POST", "/tokens", self.make_tokens),
            ("POST", "/tokens/revoke", self.revoke_tokens),
            ("POST", "/accounts/{account_id:int}/unpaid", self.set_unpaid),
            ("GET", "/deliveries", self.list_deliveries),
            ("POST", "/deliveries/resend", self.resend),
            *super().routes(),
        ]

    def tell(self, live_shop: LiveShop, kind: str, _query: Mapping[str, str]) -> Iterator[Doc]:
        return GROUND_TRUTHS[kind](live_shop, cost_is=self.world.settings.cost_is)

    async def open(self, wanted: Doc) -> Doc:
        return await open_shop(self.world, wanted)

    def describe(self, live_shop: LiveShop) -> Doc:
        return describe(live_shop)

    def apply(self, shop_id: int, wanted: Doc) -> Doc:
        return MUTATIONS[wanted["kind"]](
            Change(
                live_shop=self.live_shop(shop_id),
                wanted=wanted,
                at=int(wanted.get("at", self.world.clock.seconds())),
                chance=self.world.chance,
                webhooks=self.webhooks,
                cost_is=self.world.settings.cost_is,
            )
        )

    def apply_due(self, shop_id: int, wanted: Doc) -> None:
        """A scheduled change that finds nothing to change is none."""
        with suppress(ValueError, LookupError):
            self.apply(shop_id, wanted)

    @guarded
    async def get_limits(self, _request: Request) -> Response:
        return reply({"results": self.world.limits.describe()})

    @guarded
    async def use_limits(self, request: Request) -> Response:
        wanted = await json_body(request)
        held = self.world.limits.use(self._account(wanted), int(wanted["this_minute"]))
        return reply({"this_minute": held})

    @guarded
    async def forget_limits(self, _request: Request) -> Response:
        self.world.limits.forget()
        return reply({"this_minute": 0})

    @guarded
    async def make_tokens(self, request: Request) -> Response:
        wanted = await json_body(request)
        account_id, scopes = self._account(wanted), tuple(wanted.get("scopes", SCOPES))
        made = tokens(self.world, account_id, scopes, wanted.get("expires_in"))
        return reply({"account_id": account_id, **made}, 201)

    @guarded
    async def revoke_tokens(self, request: Request) -> Response:
        wanted = await json_body(request)
        account_id = self._account(wanted) if wanted else None
        return reply({"revoked": self.world.tokens.revoke(account_id)})

    @guarded
    async def set_unpaid(self, request: Request) -> Response:
        account_id, unpaid = request.path_params["account_id"], bool((await json_body(request)).get("unpaid", True))
        (self.world.unpaid.add if unpaid else self.world.unpaid.discard)(account_id)
        return reply({"account_id": account_id, "unpaid": unpaid})

    @guarded
    async def list_deliveries(self, request: Request) -> Response:
        """What was sent, when nothing is on its way any more (`wait=false`: at once)."""
        if request.query_params.get("wait") != "false":
            await self.webhooks.settled()
        return ndjson(iter(list(self.webhooks.deliveries)))

    @guarded
    async def resend(self, request: Request) -> Response:
        wanted = await json_body(request)
        self.webhooks.resend(str(wanted.get("event_id")), str(wanted.get("webhook_id")))
        return reply({"sent": True}, 202)

    def _account(self, wanted: Doc) -> int:
        if "account_id" in wanted:
            return int(wanted["account_id"])
        if "shop_id" not in wanted:
            raise ValueError("say which account_id or shop_id")
        return self.live_shop(int(wanted["shop_id"])).account_id
