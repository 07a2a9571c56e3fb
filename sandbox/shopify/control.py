"""The control plane under /_sandbox/; docs/sandbox-shopify.md describes it call by call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from starlette.requests import Request
from starlette.responses import Response

from sandbox.parts.control import BaseControl, Routes
from sandbox.parts.control_http import guarded, json_body, reply, whole_number
from sandbox.parts.faults import Faults
from sandbox.parts.responses import Doc
from sandbox.parts.schedule import Schedule
from sandbox.shopify.bulk.operations import Failure
from sandbox.shopify.data.ground_truth import GROUND_TRUTHS
from sandbox.shopify.data.ids import gid
from sandbox.shopify.data.live_shop import LiveShop
from sandbox.shopify.data.mutations import MUTATIONS
from sandbox.shopify.data.timestamps import utc
from sandbox.shopify.shop_creation import describe, open_shop, token_pair
from sandbox.shopify.tokens import SCOPES
from sandbox.shopify.uninstall import uninstall
from sandbox.shopify.webhooks.delivery import COMPLIANCE
from sandbox.shopify.webhooks.events import compliance_body, emit_mutation
from sandbox.shopify.world import World


class Control(BaseControl[LiveShop]):
    """What only Shopify's has: shops, truth, buckets and tokens."""

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
            ("POST", "/tokens/scopes", self.change_scopes),
            ("POST", "/bulk/fail", self.fail_bulk),
            ("GET", "/bulk", self.list_bulk),
            ("DELETE", "/bulk", self.end_bulk),
            ("POST", "/shops/{shop_id:int}/webhooks", self.send_webhook),
            ("POST", "/shops/{shop_id:int}/uninstall", self.uninstall),
            ("POST", "/webhooks/addresses", self.set_addresses),
            ("GET", "/webhooks", self.list_webhooks),
            ("POST", "/webhooks/again", self.send_again),
            *super().routes(),
        ]

    def tell(self, live_shop: LiveShop, kind: str, query: Mapping[str, str]) -> Iterator[Doc]:
        since = query.get("created_since")
        return GROUND_TRUTHS[kind](live_shop, None if since is None else int(since))

    async def open(self, wanted: Doc) -> Doc:
        return await open_shop(self.world, wanted)

    def describe(self, live_shop: LiveShop) -> Doc:
        return describe(live_shop)

    def apply(self, shop_id: int, wanted: Doc) -> Doc:
        live_shop = self.live_shop(shop_id)
        result = MUTATIONS[wanted["kind"]](live_shop, wanted, self.world.clock.seconds())
        open_data = self.world.settings.customer_data == "open"
        emit_mutation(self.world.webhooks, live_shop, wanted, result, open_data=open_data)
        return result

    @guarded
    async def use_limits(self, request: Request) -> Response:
        """Leave so much in a shop's buckets, as if others had called."""
        wanted = await json_body(request)
        shop_id = int(wanted["shop_id"])
        self.live_shop(shop_id)
        for name, buckets in (("points_left", self.world.points), ("calls_left", self.world.calls)):
            if name in wanted:
                buckets.drain(shop_id, float(wanted[name]))
        return reply({"shop_id": shop_id})

    @guarded
    async def forget_limits(self, _request: Request) -> Response:
        self.world.points.forget()
        self.world.calls.forget()
        return reply({"full": True})

    @guarded
    async def make_tokens(self, request: Request) -> Response:
        wanted = await json_body(request)
        shop = self.live_shop(int(wanted["shop_id"])).shop
        scopes = tuple(wanted.get("scopes", SCOPES))
        issued = token_pair(
            self.world,
            shop.ids.shop,
            scopes,
            expiring=bool(wanted.get("expiring", True)),
            expires_in=wanted.get("expires_in"),
        )
        return reply({"shop_id": shop.ids.shop, **issued}, 201)

    @guarded
    async def revoke_tokens(self, request: Request) -> Response:
        return reply({"revoked": self.world.tokens.revoke((await json_body(request)).get("shop_id"))})

    @guarded
    async def change_scopes(self, request: Request) -> Response:
        wanted = await json_body(request)
        live_shop = self.live_shop(int(wanted["shop_id"]))
        before, scopes = self.world.tokens.scopes_of(live_shop.shop.ids.shop), tuple(wanted["scopes"])
        changed = self.world.tokens.scope(live_shop.shop.ids.shop, scopes)
        body = {
            "id": gid("App", self.world.application_id),
            "previous": list(before),
            "current": list(scopes),
            "updated_at": utc(self.world.clock.seconds()),
        }
        self.world.webhooks.emit(live_shop, "app/scopes_update", body)
        return reply({"changed": changed})

    @guarded
    async def fail_bulk(self, request: Request) -> Response:
        """The next operations end FAILED after so many objects."""
        wanted = await json_body(request)
        code = str(wanted.get("error_code", "INTERNAL_SERVER_ERROR"))
        if code not in ("INTERNAL_SERVER_ERROR", "TIMEOUT", "ACCESS_DENIED"):
            raise ValueError("error_code must be INTERNAL_SERVER_ERROR, TIMEOUT or ACCESS_DENIED")
        self.world.bulk.failures.append(
            Failure(
                error_code=code,
                after_objects=whole_number(wanted, "after_objects", 0, 0, 10**9),
                times=whole_number(wanted, "times", 1, 1, 10**6),
                shop_id=wanted.get("shop_id"),
            )
        )
        return reply({"waiting": sum(failure.times for failure in self.world.bulk.failures)}, 201)

    @guarded
    async def list_bulk(self, _request: Request) -> Response:
        shown = ("number", "shop_id", "status", "error_code", "objects", "roots", "size", "looks", "created")
        results = [{name: getattr(each, name) for name in shown} for each in self.world.bulk.operations.values()]
        return reply({"count": len(results), "results": results})

    @guarded
    async def end_bulk(self, _request: Request) -> Response:
        """End what is open and forget failures to come: between two tests."""
        return reply({"ended": self.world.bulk.abandon()})

    @guarded
    async def send_webhook(self, request: Request) -> Response:
        """A notice of any topic: the body as given, or for compliance topics as the vendor writes it."""
        live_shop, wanted = self.live_shop(request.path_params["shop_id"]), await json_body(request)
        topic = str(wanted.get("topic", ""))
        body = wanted.get("body")
        if body is None:
            if topic not in COMPLIANCE:
                raise ValueError(f"body is needed, but for {', '.join(COMPLIANCE)}")
            body = compliance_body(live_shop, topic, wanted)
        made = self.world.webhooks.emit(live_shop, topic, body, event_id=wanted.get("event_id"))
        return reply({"deliveries": [delivery.webhook_id for delivery in made]}, 201)

    @guarded
    async def uninstall(self, request: Request) -> Response:
        """Tokens die at once, then `app/uninstalled` is told; the vendor sends `shop/redact` 48 hours later."""
        live_shop = self.live_shop(request.path_params["shop_id"])
        return reply({"revoked": uninstall(self.world.tokens, self.world.webhooks, live_shop)})

    @guarded
    async def set_addresses(self, request: Request) -> Response:
        """Topics that the application configures instead of subscribing to."""
        wanted = await json_body(request)
        self.world.webhooks.app_addresses = {str(topic): str(uri) for topic, uri in wanted.items()}
        return reply(self.world.webhooks.app_addresses)

    @guarded
    async def list_webhooks(self, _request: Request) -> Response:
        shown = ("webhook_id", "event_id", "shop_id", "topic", "uri", "attempts", "done", "triggered")
        results = [{name: getattr(each, name) for name in shown} for each in self.world.webhooks.deliveries]
        return reply({"count": len(results), "results": results})

    @guarded
    async def send_again(self, request: Request) -> Response:
        """The same notice once more: same bytes, same `X-Shopify-Webhook-Id`."""
        wanted = str((await json_body(request)).get("webhook_id"))
        found = [each for each in self.world.webhooks.deliveries if each.webhook_id == wanted]
        if not found:
            raise LookupError(f"no delivery {wanted}")
        self.world.webhooks.again(found[0])
        return reply({"webhook_id": wanted})
