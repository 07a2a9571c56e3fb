"""The application leaves a shop: by its own mutation, or because the merchant removed it."""

from __future__ import annotations

from typing import Any

from sandbox.shopify.data.live_shop import LiveShop
from sandbox.shopify.graphql.context import Context
from sandbox.shopify.graphql.field_set import FieldSet
from sandbox.shopify.tokens import Tokens
from sandbox.shopify.webhooks.delivery import Webhooks


def uninstall(tokens: Tokens, webhooks: Webhooks, live_shop: LiveShop) -> int:
    """Every token dies at once, `app/uninstalled` is told, and the subscriptions go; how many tokens died."""
    shop = live_shop.shop
    killed = tokens.revoke(shop.ids.shop)
    body = {"id": shop.ids.shop, "domain": shop.domain, "myshopify_domain": shop.domain}
    webhooks.emit(live_shop, "app/uninstalled", body)
    webhooks.forget(shop.ids.shop)
    return killed


def uninstall_fields(tokens: Tokens, webhooks: Webhooks) -> FieldSet:
    def app_uninstall(_root: Any, ctx: Context) -> dict[str, Any]:
        uninstall(tokens, webhooks, ctx.live_shop)
        return {"app": ctx.live_shop.shop, "userErrors": []}

    return FieldSet(
        resolvers={
            "Mutation": {"appUninstall": app_uninstall},
            "AppUninstallPayload": {name: _plain(name) for name in ("app", "userErrors")},
            "AppUninstallAppUninstallError": {name: _plain(name) for name in ("field", "message", "code")},
        }
    )


def _plain(name: str) -> Any:
    return lambda v, _ctx: v[name]
