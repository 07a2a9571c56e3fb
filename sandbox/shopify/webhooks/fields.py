"""Webhook subscriptions in GraphQL."""

from __future__ import annotations

from typing import Any

from sandbox.parts.responses import Doc
from sandbox.shopify.api_versions import handles
from sandbox.shopify.data.ids import gid, parse_gid
from sandbox.shopify.data.timestamps import utc
from sandbox.shopify.graphql.compiler import Resolvers, WithArgs
from sandbox.shopify.graphql.context import Context
from sandbox.shopify.graphql.field_set import FieldSet
from sandbox.shopify.graphql.pagination import Page, slice_page
from sandbox.shopify.webhooks.delivery import Subscription, Webhooks

_SCOPES = {
    "ORDERS": "read_orders",
    "REFUNDS": "read_orders",
    "ORDER": "read_orders",
    "FULFILLMENTS": "read_orders",
    "PRODUCTS": "read_products",
    "CUSTOMERS": "read_customers",
    "INVENTORY": "read_inventory",
}


def webhook_fields(webhooks: Webhooks) -> FieldSet:
    at_root = _RootFields(webhooks)
    return FieldSet(
        resolvers={
            "QueryRoot": {"webhookSubscriptions": WithArgs(at_root.listed)},
            "Mutation": {
                "webhookSubscriptionCreate": WithArgs(at_root.create),
                "webhookSubscriptionDelete": WithArgs(at_root.delete),
            },
            **_TYPES,
        },
        finders={"WebhookSubscription": at_root.find},
    )


class _RootFields:
    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    def create(self, _root: Any, ctx: Context, args: Doc) -> Doc:
        wanted, topic, shop_id = args["webhookSubscription"], args["topic"], ctx.live_shop.shop.ids.shop
        uri = wanted.get("uri") or wanted.get("callbackUrl") or ""
        scope = _SCOPES.get(topic.split("_")[0])
        if scope and scope not in ctx.scopes:
            return _refused(["topic"], f"You need {scope} to subscribe to {topic}")
        if not uri.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            return _refused(["webhookSubscription", "callbackUrl"], "Address protocol http:// is not supported")
        if any((each.topic, each.uri) == (topic, uri) for each in self._webhooks.of_shop(shop_id)):
            return _refused(["webhookSubscription", "callbackUrl"], "Address for this topic has already been taken")
        made = self._webhooks.subscribe(shop_id, topic, {**wanted, "uri": uri})
        return {"webhookSubscription": made, "userErrors": []}

    def delete(self, _root: Any, ctx: Context, args: Doc) -> Doc:
        found = parse_gid(args["id"])
        subscription = self.find(ctx, found[1]) if found and found[0] == "WebhookSubscription" else None
        if subscription is None:
            error = {"field": ["id"], "message": "Webhook subscription does not exist"}
            return {"deletedWebhookSubscriptionId": None, "userErrors": [error]}
        del self._webhooks.subscriptions[subscription.number]
        return {"deletedWebhookSubscriptionId": args["id"], "userErrors": []}

    def listed(self, _root: Any, ctx: Context, args: Doc) -> Page:
        found = self._webhooks.of_shop(ctx.live_shop.shop.ids.shop)
        if args.get("topics"):
            found = [each for each in found if each.topic in args["topics"]]
        wanted = args.get("uri") or args.get("callbackUrl")
        return slice_page([each for each in found if wanted in (None, each.uri)], args)

    def find(self, ctx: Context, number: int, _more: int = 0) -> Subscription | None:
        found = self._webhooks.subscriptions.get(number)
        return found if found and found.shop_id == ctx.live_shop.shop.ids.shop else None


def _refused(where: list[str] | None, message: str) -> Doc:
    return {"webhookSubscription": None, "userErrors": [{"field": where, "message": message}]}


def _of(name: str) -> Any:
    return lambda v, _ctx: getattr(v, name)


def _plain(name: str) -> Any:
    return lambda v, _ctx: v[name]


_TYPES: Resolvers = {
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
