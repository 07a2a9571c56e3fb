"""Webhook subscriptions in GraphQL."""

from __future__ import annotations

from typing import Any

from sandbox.parts.answer import Doc
from sandbox.shopify.compile import Resolvers, WithArgs
from sandbox.shopify.context import Context
from sandbox.shopify.ids import gid, parse_gid
from sandbox.shopify.pages import Page, slice_page
from sandbox.shopify.times import utc
from sandbox.shopify.versions import handles
from sandbox.shopify.webhooks import Subscription

_SCOPES = {
    "ORDERS": "read_orders",
    "REFUNDS": "read_orders",
    "ORDER": "read_orders",
    "FULFILLMENTS": "read_orders",
    "PRODUCTS": "read_products",
    "CUSTOMERS": "read_customers",
    "INVENTORY": "read_inventory",
}


def _refused(where: list[str] | None, message: str) -> Doc:
    return {"webhookSubscription": None, "userErrors": [{"field": where, "message": message}]}


def _create(_root: Any, ctx: Context, args: Doc) -> Doc:
    wanted, topic, shop_id = args["webhookSubscription"], args["topic"], ctx.front.shop.ids.shop
    uri = wanted.get("uri") or wanted.get("callbackUrl") or ""
    scope = _SCOPES.get(topic.split("_")[0])
    if scope and scope not in ctx.scopes:
        return _refused(["topic"], f"You need {scope} to subscribe to {topic}")
    if not uri.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        return _refused(["webhookSubscription", "callbackUrl"], "Address protocol http:// is not supported")
    if any((each.topic, each.uri) == (topic, uri) for each in ctx.world.webhooks.of_shop(shop_id)):
        return _refused(["webhookSubscription", "callbackUrl"], "Address for this topic has already been taken")
    made = ctx.world.webhooks.subscribe(shop_id, topic, {**wanted, "uri": uri})
    return {"webhookSubscription": made, "userErrors": []}


def _delete(_root: Any, ctx: Context, args: Doc) -> Doc:
    found = parse_gid(args["id"])
    subscription = find_subscription(ctx, found[1]) if found and found[0] == "WebhookSubscription" else None
    if subscription is None:
        error = {"field": ["id"], "message": "Webhook subscription does not exist"}
        return {"deletedWebhookSubscriptionId": None, "userErrors": [error]}
    del ctx.world.webhooks.subscriptions[subscription.number]
    return {"deletedWebhookSubscriptionId": args["id"], "userErrors": []}


def _listed(_root: Any, ctx: Context, args: Doc) -> Page:
    found = ctx.world.webhooks.of_shop(ctx.front.shop.ids.shop)
    if args.get("topics"):
        found = [each for each in found if each.topic in args["topics"]]
    wanted = args.get("uri") or args.get("callbackUrl")
    return slice_page([each for each in found if wanted in (None, each.uri)], args)


def find_subscription(ctx: Context, number: int, _more: int = 0) -> Subscription | None:
    found = ctx.world.webhooks.subscriptions.get(number)
    return found if found and found.shop_id == ctx.front.shop.ids.shop else None


QUERY: dict[str, Any] = {"webhookSubscriptions": WithArgs(_listed)}
MUTATION: dict[str, Any] = {
    "webhookSubscriptionCreate": WithArgs(_create),
    "webhookSubscriptionDelete": WithArgs(_delete),
}


def _of(name: str) -> Any:
    return lambda v, _ctx: getattr(v, name)


def _plain(name: str) -> Any:
    return lambda v, _ctx: v[name]


FIELDS: Resolvers = {
    "WebhookSubscription": {
        "id": lambda s, _ctx: gid("WebhookSubscription", s.number),
        "legacyResourceId": lambda s, _ctx: str(s.number),
        "topic": _of("topic"),
        "uri": _of("uri"),
        "callbackUrl": _of("uri"),
        "format": _of("format"),
        "includeFields": _of("include_fields"),
        "filter": _of("filter"),
        "name": _of("name"),
        "apiVersion": lambda _s, ctx: [each for each in handles(ctx.now) if each[1]][-1],
        "createdAt": lambda s, _ctx: utc(s.created),
        "updatedAt": lambda s, _ctx: utc(s.created),
    },
    "WebhookSubscriptionCreatePayload": {name: _plain(name) for name in ("webhookSubscription", "userErrors")},
    "WebhookSubscriptionDeletePayload": {name: _plain(name) for name in ("deletedWebhookSubscriptionId", "userErrors")},
}
