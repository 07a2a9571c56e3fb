"""Shopify's webhooks (sheet 7): the body's HMAC in one header, topic and shop in others, which nothing signs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from execution.http.signatures import Delivery, NotSigned, any_equal, base64_hmac
from execution.platforms.webhooks import (
    Effect,
    Event,
    NotAnEvent,
    Webhooks,
    body_of,
    id_in,
    moment_in,
    shop_in,
    topic_in,
)

_LONGEST_EMAIL = 320
_PRIVACY: Mapping[str, Effect] = {
    "customers/data_request": "request",
    "customers/redact": "redact_customer",
    "shop/redact": "redact_shop",
}
_PRIVACY_LISTS = ("orders_requested", "orders_to_redact")
# Topic's first word: the stream, its table, and where the body names the object.
_KINDS = {
    "orders": ("orders", "orders", "id"),
    "refunds": ("orders", "orders", "order_id"),
    "fulfillments": ("orders", "orders", "order_id"),
    "order_transactions": ("orders", "orders", "order_id"),
    "products": ("products", "listings", "id"),
    "customers": ("customers", "customers", "id"),
}


def _prove(delivery: Delivery, secrets: Sequence[str], now: float) -> None:
    """X-Shopify-Hmac-Sha256: base64 of the HMAC of the raw body with the app's client secret."""
    del now
    wanted = [base64_hmac(secret.encode(), delivery.body) for secret in secrets]
    if not any_equal([delivery.only(*_names("hmac-sha256"))], wanted):
        raise NotSigned


def _read(delivery: Delivery) -> Event | None:
    name, topic = id_in(delivery.only(*_names("webhook-id"))), topic_in(delivery.only(*_names("topic")))
    shop_id = shop_in(delivery.only(*_names("shop-domain")).lower())
    happened_at = moment_in(delivery.first(*_names("triggered-at")))
    plain: dict[str, Any] = {"delivery": name, "shop_id": shop_id, "topic": topic, "happened_at": happened_at}
    event = body_of(delivery)
    if topic == "app/uninstalled" or topic in _PRIVACY:
        _demand_shop(event, shop_id)
    if topic == "app/uninstalled":
        return Event(**plain, effect="disconnect")
    if topic in _PRIVACY:
        return Event(**plain, effect=_PRIVACY[topic], **_subject(event))
    thing, _, verb = topic.partition("/")
    if thing not in _KINDS:
        return None
    kind, table, key = _KINDS[thing]
    object_ids = (id_in(event.get(key)),)
    if verb == "delete" and key == "id":
        return Event(**plain, effect="gone", table=table, object_ids=object_ids)
    return Event(**plain, effect="read", kind=kind, object_ids=object_ids)


def _subject(event: Mapping[str, Any]) -> dict[str, Any]:
    """Whose data a privacy topic is about."""
    customer = event.get("customer")
    numbers = {"customer_id": customer.get("id")} if isinstance(customer, dict) else {}
    email = customer.get("email") if isinstance(customer, dict) else None
    return {
        "subject": numbers | {name: event[name] for name in _PRIVACY_LISTS if isinstance(event.get(name), list)},
        "object_ids": (id_in(numbers["customer_id"]),) if numbers.get("customer_id") else (),
        "email": email if isinstance(email, str) and len(email) <= _LONGEST_EMAIL and email.isprintable() else None,
    }


def _demand_shop(event: Mapping[str, Any], shop_id: str) -> None:
    """Topic and shop are headers, which no signature covers: what ends or erases must name its shop in the body too.

    Else any body that Shopify ever signed for us, under other headers, would end any shop's connection.
    """
    named = event.get("myshopify_domain") or event.get("shop_domain")
    if not isinstance(named, str) or named.lower() != shop_id:
        raise NotAnEvent


def _names(name: str) -> tuple[str, str]:
    """Both families of names."""
    return f"x-shopify-{name}", f"shopify-{name}"


SHOPIFY_WEBHOOKS = Webhooks(
    prove=_prove,
    read=_read,
    about="Orders, products and customers are read again; `app/uninstalled` and the three privacy topics are obeyed.",
    sent_as="As Shopify sends it (section 7).",
)
