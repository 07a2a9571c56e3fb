"""Shopify's subscriptions (sheet 7): by GraphQL, one a topic; after eight failures Shopify removes one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from execution.errors import Refusal, Retriable
from execution.http.messages import Response, Send
from execution.platforms.shopify.graphql import data_of, graphql
from execution.platforms.subscriptions import Subscription, Subscriptions, Wanted

_ORDERS, _PRODUCTS, _CUSTOMERS = ("read_orders",), ("read_products",), ("read_customers",)
# What the read of deliveries knows (`webhooks.py`). Whatever becomes of an order is `orders/updated` as well.
_TOPICS = {
    "APP_UNINSTALLED": (),
    "APP_SCOPES_UPDATE": (),
    "ORDERS_CREATE": _ORDERS,
    "ORDERS_UPDATED": _ORDERS,
    "ORDERS_DELETE": _ORDERS,
    "REFUNDS_CREATE": _ORDERS,
    "PRODUCTS_CREATE": _PRODUCTS,
    "PRODUCTS_UPDATE": _PRODUCTS,
    "PRODUCTS_DELETE": _PRODUCTS,
    "CUSTOMERS_CREATE": _CUSTOMERS,
    "CUSTOMERS_UPDATE": _CUSTOMERS,
    "CUSTOMERS_DELETE": _CUSTOMERS,
}
_LIST = """query KeeperWebhooks($after: String) {
  webhookSubscriptions(first: 250, after: $after) { nodes { id topic uri } pageInfo { hasNextPage endCursor } }
}"""
_CREATE = """mutation KeeperSubscribes($topic: WebhookSubscriptionTopic!, $wanted: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $wanted) {
    webhookSubscription { id } userErrors { field message }
  }
}"""
_DELETE = """mutation KeeperUnsubscribes($id: ID!) {
  webhookSubscriptionDelete(id: $id) { deletedWebhookSubscriptionId userErrors { field message } }
}"""
# A list of them costs little; a mutation ten.
_POINTS = 10


def _listed(send: Send, _shop_id: str) -> list[Subscription]:
    found: list[Subscription] = []
    after: str | None = None
    while True:
        page = _part(send(graphql(_LIST, {"after": after}, points=_POINTS)), "webhookSubscriptions")
        try:
            found += [Subscription(id=row["id"], topic=row["topic"], address=row["uri"]) for row in page["nodes"]]
            if not page["pageInfo"]["hasNextPage"]:
                return found
            after = page["pageInfo"]["endCursor"]
        except (KeyError, TypeError):
            raise Retriable("the list of webhooks cannot be read") from None


def _make(send: Send, _shop_id: str, wanted: Wanted) -> str:
    # The body is not believed, so whatever it brings beside ids is of no use to us.
    asked: dict[str, object] = {"topic": wanted.topic, "wanted": {"uri": wanted.address, "format": "JSON"}}
    made = _part(send(graphql(_CREATE, asked, points=_POINTS)), "webhookSubscriptionCreate")
    _demand_done(made, f"a webhook of {wanted.topic}")
    try:
        return str(made["webhookSubscription"]["id"])
    except (KeyError, TypeError):
        raise Retriable("the webhook that was made has no id") from None


def _end(send: Send, _shop_id: str, one: Subscription) -> None:
    """One that is not there any more is as good as ended."""
    _part(send(graphql(_DELETE, {"id": one.id}, points=_POINTS)), "webhookSubscriptionDelete")


def _part(response: Response, name: str) -> Mapping[str, Any]:
    part = data_of(response).get(name)
    if not isinstance(part, dict):
        raise Retriable(f"the answer has no {name}")
    return part


def _demand_done(part: Mapping[str, Any], what: str) -> None:
    if refused := part.get("userErrors"):
        texts = "; ".join(str(error.get("message", "")) for error in refused if isinstance(error, dict))
        raise Refusal(f"Shopify makes no {what}: {texts}"[:300], code="request_wrong", of_shop=False)


SHOPIFY_SUBSCRIPTIONS = Subscriptions(topics=_TOPICS, listed=_listed, make=_make, end=_end)
