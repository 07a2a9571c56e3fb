"""The application leaves a shop: by its own mutation, or because the merchant removed it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.shopify.compile import Resolvers

if TYPE_CHECKING:
    from sandbox.shopify.context import Context
    from sandbox.shopify.front import Front
    from sandbox.shopify.world import World


def uninstall(world: World, front: Front) -> int:
    """Every token of the shop dies at once, then `app/uninstalled` is told; how many tokens died."""
    killed = world.tokens.revoke(front.shop.ids.shop)
    body = {"id": front.shop.ids.shop, "domain": front.shop.domain, "myshopify_domain": front.shop.domain}
    world.webhooks.emit(front, "app/uninstalled", body)
    return killed


def _uninstall(_root: Any, ctx: Context) -> dict[str, Any]:
    uninstall(ctx.world, ctx.front)
    return {"app": ctx.front.shop, "userErrors": []}


def _plain(name: str) -> Any:
    return lambda v, _ctx: v[name]


MUTATION: dict[str, Any] = {"appUninstall": _uninstall}
FIELDS: Resolvers = {
    "AppUninstallPayload": {name: _plain(name) for name in ("app", "userErrors")},
    "AppUninstallAppUninstallError": {name: _plain(name) for name in ("field", "message", "code")},
}
