"""Square's webhooks (sheet 13): one subscription of the application hears of all of its sellers.

Signed is the address as it was registered, with the body behind it: a delivery to another address is not ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from execution.http.signatures import Delivery, NotSigned, any_equal, base64_hmac
from execution.moments import moment_in
from execution.platforms.webhooks import Event, NotAnEvent, Webhooks, body_of, id_in, shop_in, topic_in

# A topic's first word: the stream that its object is among, and what the object is called in the body.
_KINDS = {
    "order": ("orders", ""),
    "payment": ("payments", "payment"),
    "refund": ("refunds", "refund"),
    "customer": ("customers", "customer"),
    "booking": ("bookings", "booking"),
}


def _prove(delivery: Delivery, secrets: Sequence[str], now: float) -> None:
    """The HMAC of address and body, in base64. It covers no time: a repeat is known by its id."""
    del now
    signed = delivery.url.encode() + delivery.body
    wanted = [base64_hmac(secret.encode(), signed) for secret in secrets]
    if not any_equal([delivery.only("x-square-hmacsha256-signature")], wanted):
        raise NotSigned


def _read(delivery: Delivery) -> Event | None:
    event = body_of(delivery)
    topic, data = topic_in(event.get("type")), event.get("data")
    plain: dict[str, Any] = {
        "delivery": id_in(event.get("event_id")),
        "shop_id": shop_in(event.get("merchant_id")),
        "topic": topic,
        "happened_at": moment_in(event.get("created_at")),
    }
    if topic == "oauth.authorization.revoked":
        return Event(**plain, effect="disconnect")
    kind, member = _KINDS.get(topic.partition(".")[0], ("", ""))
    if not kind:
        # Of the catalog, stock and people rounds tell.
        return None
    if not isinstance(data, dict):
        raise NotAnEvent
    effect = "gone" if topic == "customer.deleted" else "read"
    return Event(**plain, effect=effect, kind=kind, object_ids=(id_in(_named(data, member)),))  # type: ignore[arg-type]


def _named(data: Mapping[str, Any], member: str) -> object:
    """The object's own id; the notice's may have a version behind it."""
    whole = data.get("object")
    found = whole.get(member) if member and isinstance(whole, dict) else None
    return (found.get("id") if isinstance(found, dict) else None) or data.get("id")


SQUARE_WEBHOOKS = Webhooks(
    prove=_prove,
    read=_read,
    about="Orders, payments, refunds, customers and appointments are read again; `oauth.authorization.revoked` ends "
    "the connection. Signed over the address and the body, with SQUARE_WEBHOOK_SECRET.",
    sent_as="As Square sends it (docs/webhooks).",
    by_hand="Square's subscriptions are the application's: one is made in its developer console, with the address "
    "PUBLIC_URL/webhooks/square and its signature key as SQUARE_WEBHOOK_SECRET.",
)
