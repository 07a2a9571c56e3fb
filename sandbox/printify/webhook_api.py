"""The webhook operations (sheet section 9)."""

from __future__ import annotations

from urllib.parse import urlsplit

from sandbox.parts.responses import HttpResponse, ok
from sandbox.printify.responses import PrintifyError, validation
from sandbox.printify.webhooks import TOPICS, Hook, Webhooks
from sandbox.printify.world import Call, World


class WebhookApi:
    """The operations on one register of webhooks."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    def list_all(self, _world: World, call: Call) -> HttpResponse:
        """A plain array, although the parameters speak of pages."""
        return ok([hook.doc() for hook in self._webhooks.of_shop(call.live_shop.shop.ids.shop)])

    def create(self, _world: World, call: Call) -> HttpResponse:
        topic, url, secret = call.doc.get("topic"), call.doc.get("url"), call.doc.get("secret", "")
        if topic not in TOPICS:
            raise validation("The selected topic is invalid.")
        if not isinstance(secret, str):
            raise validation("The secret must be a string.")
        return ok(self._webhooks.add(call.live_shop.shop.ids.shop, topic, _url(url), secret).doc())

    def modify(self, _world: World, call: Call) -> HttpResponse:
        """Only the address changes."""
        hook = self._hook(call)
        hook.url = _url(call.doc.get("url"))
        return ok(hook.doc())

    def delete(self, _world: World, call: Call) -> HttpResponse:
        """Refused unless `host` is that of the address: an app cannot delete another's by mistake."""
        hook = self._hook(call)
        if call.query.get("host") != urlsplit(hook.url).hostname:
            raise validation("The host does not match the webhook's url.")
        del self._webhooks.hooks[hook.hook_id]
        return ok({"id": hook.hook_id})

    def simulate(self, _world: World, call: Call) -> HttpResponse:
        hook = self._hook(call)
        self._webhooks.send(hook, "0" * 24, {"shop_id": hook.shop_id})
        return HttpResponse(status=204)

    def disconnect(self, _world: World, call: Call) -> HttpResponse:
        """The shop's channel is unlinked, and whoever listens is told."""
        shop_id = call.live_shop.shop.ids.shop
        call.live_shop.disconnected = True
        self._webhooks.emit(shop_id, "shop:disconnected", shop_id, None)
        return ok({})

    def _hook(self, call: Call) -> Hook:
        hook = self._webhooks.hooks.get(call.ids["webhook_id"])
        if hook is None or hook.shop_id != call.live_shop.shop.ids.shop:
            raise PrintifyError(404, "Not found")
        return hook


def _url(value: object) -> str:
    if not isinstance(value, str) or not value.startswith(("http://", "https://")):
        raise validation("The url format is invalid.")
    return value
