"""The control plane under /_sandbox/; docs/sandbox-printify.md describes it call by call."""

from __future__ import annotations

from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response

from sandbox.parts.answer import Doc
from sandbox.parts.control import BaseControl, Routes, guarded, json_body, ndjson, reply
from sandbox.parts.faults import Faults
from sandbox.parts.schedule import Schedule
from sandbox.printify.front import Front
from sandbox.printify.mutations import MUTATIONS, Change
from sandbox.printify.shops import describe, open_shop, tokens
from sandbox.printify.tokens import SCOPES
from sandbox.printify.truth import TRUTHS
from sandbox.printify.webhooks import Webhooks
from sandbox.printify.world import World


class Control(BaseControl):
    """What only Printify's has: shops, truth, limits, tokens and webhooks."""

    mutations = tuple(MUTATIONS)

    def __init__(self, world: World, faults: Faults, schedule: Schedule, webhooks: Webhooks) -> None:
        super().__init__(world, faults, schedule)
        self.world = world
        self.webhooks = webhooks

    def routes(self) -> Routes:
        return [
            ("POST", "/shops", self.make_shop),
            ("GET", "/shops", self.list_shops),
            ("GET", "/shops/{shop_id:int}/truth/{kind}", self.truth),
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

    def has_shop(self, shop_id: int) -> bool:
        return shop_id in self.world.fronts

    def apply(self, shop_id: int, wanted: Doc) -> Doc:
        return MUTATIONS[wanted["kind"]](
            Change(
                front=self._shop(shop_id),
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
    async def make_shop(self, request: Request) -> Response:
        return reply(await open_shop(self.world, await json_body(request)), 201)

    @guarded
    async def list_shops(self, _request: Request) -> Response:
        results = [describe(front) for front in self.world.fronts.values()]
        return reply({"count": len(results), "results": results})

    @guarded
    async def truth(self, request: Request) -> Response:
        front, kind = self._shop(request.path_params["shop_id"]), request.path_params["kind"]
        if kind not in TRUTHS:
            raise LookupError(f"kind must be one of {', '.join(TRUTHS)}")
        return ndjson(TRUTHS[kind](front, cost_is=self.world.settings.cost_is))

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

    def _shop(self, shop_id: int) -> Front:
        if shop_id not in self.world.fronts:
            raise LookupError(f"no shop {shop_id} in this sandbox")
        return self.world.fronts[shop_id]

    def _account(self, wanted: Doc) -> int:
        if "account_id" in wanted:
            return int(wanted["account_id"])
        if "shop_id" not in wanted:
            raise ValueError("say which account_id or shop_id")
        return self._shop(int(wanted["shop_id"])).account_id
