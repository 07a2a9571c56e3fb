"""Printify's webhooks (sheet 9): one a topic and shop, each with a secret that is never shown again.

The list has those of other apps as well, and the host that a deletion has to name guards only against mistakes: nothing
is touched that is not known to be ours.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from execution.errors import Retriable
from execution.http.messages import Request, Response, Send
from execution.platforms.subscriptions import Subscription, Subscriptions, Wanted

_TOPICS: dict[str, tuple[str, ...]] = {
    "shop:disconnected": (),
    "order:created": ("orders.read",),
    "order:updated": ("orders.read",),
    "order:sent-to-production": ("orders.read",),
    "order:shipment:created": ("orders.read",),
    "order:shipment:delivered": ("orders.read",),
    "product:created": ("products.read",),
    "product:updated": ("products.read",),
    "product:deleted": ("products.read",),
}


def _listed(send: Send, shop_id: str) -> list[Subscription]:
    """A plain array, although the parameters speak of pages."""
    found = _read(send(Request(path=f"/shops/{shop_id}/webhooks.json")))
    if not isinstance(found, list):
        raise Retriable("the list of webhooks is no list")
    return [_one(row) for row in found]


def _make(send: Send, shop_id: str, wanted: Wanted) -> str:
    body = {"topic": wanted.topic, "url": wanted.address, "secret": wanted.secret}
    request = Request(method="POST", path=f"/shops/{shop_id}/webhooks.json", body=json.dumps(body).encode())
    return _one(_read(send(request))).id


def _end(send: Send, shop_id: str, one: Subscription) -> None:
    host = urlsplit(one.address).hostname
    send(Request(method="DELETE", path=f"/shops/{shop_id}/webhooks/{one.id}.json", params={"host": host}))


def _read(response: Response) -> Any:
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError):
        raise Retriable("the answer about webhooks is no JSON") from None


def _one(row: Any) -> Subscription:
    try:
        return Subscription(id=str(row["id"]), topic=str(row["topic"]), address=str(row["url"]))
    except (KeyError, TypeError):
        raise Retriable("a webhook has no id, topic or url") from None


PRINTIFY_SUBSCRIPTIONS = Subscriptions(
    topics=_TOPICS, listed=_listed, make=_make, end=_end, needs=("webhooks.read", "webhooks.write"), signs_each=True
)
