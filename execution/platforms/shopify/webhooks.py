"""Shopify's webhooks (sheet 7): the body's HMAC in one header, topic and shop in others, which nothing signs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from execution.http.signatures import Delivery, NotSigned, any_equal, base64_hmac
from execution.moments import moment_in
from execution.platforms.shopify.subscriptions import SHOPIFY_SUBSCRIPTIONS
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

_LONGEST_EMAIL = 320
_RIGHTS = "app/scopes_update"
_PRIVACY_LISTS = ("orders_requested", "orders_to_redact")


@dataclass(frozen=True, kw_only=True)
class _Shape:
    """A body that ends or erases: its topic is a header, which nothing signs, so the body has to be its topic's own.

    `shop_at` names its shop, `needs` is of this topic alone, and of `bars` no such body has any. `plain`: whatever else
    it has is no object and no list.
    """

    effect: Effect
    shop_at: str
    needs: tuple[str, ...] = ()
    bars: tuple[str, ...] = ()
    plain: bool = False


_SHAPES: Mapping[str, _Shape] = {
    # The shop itself, as `shop/update` has it too: it says that a connection ends, which the seller can make anew.
    "app/uninstalled": _Shape(effect="disconnect", shop_at="myshopify_domain", bars=("shop_domain", "customer")),
    "customers/data_request": _Shape(
        effect="request", shop_at="shop_domain", needs=("customer", "orders_requested"), bars=("orders_to_redact",)
    ),
    "customers/redact": _Shape(
        effect="redact_customer",
        shop_at="shop_domain",
        needs=("customer", "orders_to_redact"),
        bars=("orders_requested", "data_request"),
    ),
    "shop/redact": _Shape(
        effect="redact_shop",
        shop_at="shop_domain",
        needs=("shop_id",),
        bars=("customer", "data_request", *_PRIVACY_LISTS),
        plain=True,
    ),
}
# Topic's first word: the stream, and where the body names the object.
_KINDS = {
    "orders": ("orders", "id"),
    "refunds": ("orders", "order_id"),
    "fulfillments": ("orders", "order_id"),
    "order_transactions": ("orders", "order_id"),
    "products": ("products", "id"),
    "customers": ("customers", "id"),
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
    shape = _SHAPES.get(topic)
    if shape is not None:
        _demand(shape, event, shop_id)
        return Event(**plain, effect=shape.effect, **({} if shape.effect == "disconnect" else _subject(event)))
    if topic == _RIGHTS:
        # What it says was granted is not believed: the shop is asked.
        return Event(**plain, effect="rights")
    thing, _, verb = topic.partition("/")
    if thing not in _KINDS:
        return None
    kind, key = _KINDS[thing]
    # Read again in any case: what says that it was deleted may be what was signed when it was made.
    effect: Effect = "gone" if verb == "delete" and key == "id" else "read"
    return Event(**plain, effect=effect, kind=kind, object_ids=(id_in(event.get(key)),))


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


def _demand(shape: _Shape, event: Mapping[str, Any], shop_id: str) -> None:
    """Topic and shop are headers, which no signature covers.

    Else any body that Shopify ever signed for us, under other headers, would end or erase any shop.
    """
    named = event.get(shape.shop_at)
    its_own = all(name in event for name in shape.needs) and not any(name in event for name in shape.bars)
    flat = not any(isinstance(value, dict | list) for value in event.values())
    if not isinstance(named, str) or named.lower() != shop_id or not its_own or (shape.plain and not flat):
        raise NotAnEvent


def _names(name: str) -> tuple[str, str]:
    """Both families of names."""
    return f"x-shopify-{name}", f"shopify-{name}"


SHOPIFY_WEBHOOKS = Webhooks(
    prove=_prove,
    read=_read,
    about="Orders, products and customers are read again; after `app/scopes_update` the shop is asked what it grants; "
    "`app/uninstalled` and the three privacy topics are obeyed.",
    sent_as="As Shopify sends it (section 7).",
    subscriptions=SHOPIFY_SUBSCRIPTIONS,
)
