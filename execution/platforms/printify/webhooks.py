"""Printify's webhooks (sheet 9): the body's HMAC in one header; shop, topic and object in the body."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from execution.http.signatures import Delivery, NotSigned, any_equal, hex_hmac
from execution.moments import moment_in
from execution.platforms.printify.subscriptions import PRINTIFY_SUBSCRIPTIONS
from execution.platforms.webhooks import (
    Effect,
    Event,
    NotAnEvent,
    Webhooks,
    body_of,
    id_in,
    shop_in,
    topic_in,
)

# A topic's first word: the stream that its object is among.
_KINDS = {"order": "orders", "product": "products"}


def _prove(delivery: Delivery, secrets: Sequence[str], now: float) -> None:
    """X-Pfy-Signature: `sha256=` and the hexadecimal HMAC of the raw body with the secret given at creation."""
    del now
    wanted = [f"sha256={hex_hmac(secret.encode(), delivery.body)}" for secret in secrets]
    if not any_equal([delivery.only("x-pfy-signature")], wanted):
        raise NotSigned


def _read(delivery: Delivery) -> Event | None:
    event = body_of(delivery)
    resource = event.get("resource")
    if not isinstance(resource, dict):
        raise NotAnEvent
    name, topic, object_id = id_in(event.get("id")), topic_in(event.get("type")), id_in(resource.get("id"))
    data = resource.get("data") or {}
    shop_id = shop_in(data.get("shop_id") if isinstance(data, dict) and topic != "shop:disconnected" else object_id)
    happened_at = moment_in(event.get("created_at"))
    # Printify tells whole seconds: what came after the connection must not seem to be before it.
    ended = happened_at + timedelta(seconds=1) if happened_at else None
    plain: dict[str, Any] = {"delivery": name, "shop_id": shop_id, "topic": topic, "happened_at": ended}
    if topic == "shop:disconnected":
        return Event(**plain, effect="disconnect")
    kind = _KINDS.get(topic.partition(":")[0])
    effect: Effect = "gone" if topic == "product:deleted" else "read"
    return Event(**plain, effect=effect, kind=kind, object_ids=(object_id,)) if kind else None


PRINTIFY_WEBHOOKS = Webhooks(
    prove=_prove,
    read=_read,
    about="Orders and products are read again, also those said to be deleted; `shop:disconnected` ends the connection.",
    sent_as="As Printify sends it (section 9).",
    subscriptions=PRINTIFY_SUBSCRIPTIONS,
)
