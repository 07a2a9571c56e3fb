"""Platforms' webhooks: verified as each platform says, kept once, answered at once. A job reads the object again.

Sources: platform sheets etsy 11, printify 9, shopify 7. Nothing of a body but ids is used, and no body is stored.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers

from web.auth.signatures import RawRequest, not_signed, printify_signed, shopify_signed, single_header, standard_id
from web.context import Web, WebDep
from web.problems import Problem, responses

router = APIRouter(tags=["webhooks"])

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_SHOP = re.compile(r"[A-Za-z0-9._-]{1,120}", re.ASCII)
_RECEIPT = re.compile(r"/shops/(\d{1,20})/receipts/(\d{1,20})$", re.ASCII)
_LONGEST_EMAIL = 320
_TOPIC = re.compile(r"[a-z_:./-]{1,80}", re.ASCII)


class Received(BaseModel):
    """The delivery is kept; a repeat gets the same."""

    received: bool = True


@dataclass(frozen=True, kw_only=True)
class Event:
    """What a delivery asks for. `effect` is one of accept_platform_event's; empty: nothing that concerns us."""

    delivery: str
    shop_id: str
    topic: str
    effect: str = ""
    kind: str | None = None
    object_ids: tuple[str, ...] = ()
    table: str | None = None
    happened_at: datetime | None = None
    subject: Mapping[str, Any] = field(default_factory=dict)
    # Of whom to forget: handed on to find them by, and kept nowhere.
    email: str | None = field(default=None, repr=False)


_RESPONSES = responses(400, 401, 413, 503)


def _document(text: str) -> dict[str, Any]:
    return {
        "requestBody": {
            "required": True,
            "description": text,
            "content": {"application/json": {"schema": {"type": "object"}}},
        }
    }


@router.post("/webhooks/etsy", responses=_RESPONSES, openapi_extra=_document("As Etsy sends it (docs/webhooks)."))
async def etsy(raw: RawRequest, web: WebDep) -> Received:
    """`order.*`: the receipt is read again. Signed as Standard Webhooks say, with ETSY_WEBHOOK_SECRET."""
    headers, body = raw
    delivery = standard_id(headers, body, web.app.settings.webhook_secrets("etsy"), now=time.time())
    event = _object(body)
    found = _RECEIPT.search(str(event.get("resource_url", "")))
    topic, shop_id = _topic(event.get("event_type")), _shop(event.get("shop_id"))
    if found is None or found[1] != shop_id or not topic.startswith("order."):
        return Received()
    return await _keep(
        web,
        "etsy",
        Event(delivery=delivery, shop_id=shop_id, topic=topic, effect="read", kind="receipts", object_ids=(found[2],)),
    )


@router.post("/webhooks/printify", responses=_RESPONSES, openapi_extra=_document("As Printify sends it (section 9)."))
async def printify(raw: RawRequest, web: WebDep) -> Received:
    """Orders and products are read again, a deleted product goes, `shop:disconnected` ends the connection."""
    headers, body = raw
    if not printify_signed(
        single_header(headers, "x-pfy-signature"), body, web.app.settings.webhook_secrets("printify")
    ):
        raise not_signed()
    event = _object(body)
    resource = event.get("resource")
    if not isinstance(resource, dict):
        raise _not_an_event()
    delivery, topic, object_id = _id(event.get("id")), _topic(event.get("type")), _id(resource.get("id"))
    data = resource.get("data") or {}
    shop_id = _shop(data.get("shop_id") if isinstance(data, dict) and topic != "shop:disconnected" else object_id)
    happened_at = _moment(event.get("created_at"))
    # Printify tells whole seconds: what came after the connection must not seem to be before it.
    ended = happened_at + timedelta(seconds=1) if happened_at else None
    return await _keep(web, "printify", _printify_event(delivery, shop_id, topic, object_id, ended))


@router.post("/webhooks/shopify", responses=_RESPONSES, openapi_extra=_document("As Shopify sends it (section 7)."))
async def shopify(raw: RawRequest, web: WebDep) -> Received:
    """Orders, products and customers are read again; `app/uninstalled` and the three privacy topics are obeyed."""
    headers, body = raw
    settings = web.app.settings
    if not shopify_signed(_shopify_header(headers, "hmac-sha256"), body, settings.webhook_secrets("shopify")):
        raise not_signed()
    delivery = _id(_shopify_header(headers, "webhook-id"))
    topic = _topic(_shopify_header(headers, "topic"))
    shop_id = _shop(_shopify_header(headers, "shop-domain").lower())
    happened_at = _moment(headers.get("x-shopify-triggered-at") or headers.get("shopify-triggered-at"))
    event = _object(body)
    return await _keep(web, "shopify", _shopify_event(delivery, shop_id, topic, event, happened_at))


def _printify_event(delivery: str, shop_id: str, topic: str, object_id: str, happened_at: datetime | None) -> Event:
    plain: dict[str, Any] = {"delivery": delivery, "shop_id": shop_id, "topic": topic, "happened_at": happened_at}
    if topic == "shop:disconnected":
        return Event(**plain, effect="disconnect")
    if topic == "product:deleted":
        return Event(**plain, effect="gone", table="printify_products", object_ids=(object_id,))
    kind = {"order": "orders", "product": "products"}.get(topic.partition(":")[0])
    return Event(**plain, effect="read" if kind else "", kind=kind, object_ids=(object_id,))


def _shopify_event(
    delivery: str, shop_id: str, topic: str, event: Mapping[str, Any], happened_at: datetime | None
) -> Event:
    plain: dict[str, Any] = {"delivery": delivery, "shop_id": shop_id, "topic": topic, "happened_at": happened_at}
    if topic == "app/uninstalled" or topic in _PRIVACY:
        _demand_shop(event, shop_id)
    if topic == "app/uninstalled":
        return Event(**plain, effect="disconnect")
    if topic in _PRIVACY:
        customer = event.get("customer")
        numbers = {"customer_id": customer.get("id")} if isinstance(customer, dict) else {}
        subject = numbers | {name: event[name] for name in _PRIVACY_LISTS if isinstance(event.get(name), list)}
        named = (_id(numbers["customer_id"]),) if numbers.get("customer_id") else ()
        email = customer.get("email") if isinstance(customer, dict) else None
        known_by = email if isinstance(email, str) and len(email) <= _LONGEST_EMAIL and email.isprintable() else None
        return Event(**plain, effect=_PRIVACY[topic], subject=subject, object_ids=named, email=known_by)
    thing, _, verb = topic.partition("/")
    kind, table, key = _SHOPIFY.get(thing, ("", "", "id"))
    if not kind:
        return Event(**plain)
    object_ids = (_id(event.get(key)),)
    if verb == "delete" and key == "id":
        return Event(**plain, effect="gone", table=table, object_ids=object_ids)
    return Event(**plain, effect="read", kind=kind, object_ids=object_ids)


def _demand_shop(event: Mapping[str, Any], shop_id: str) -> None:
    """Topic and shop are headers, which no signature covers: what ends or erases must name its shop in the body too.

    Else any body that Shopify ever signed for us, under other headers, would end any shop's connection.
    """
    named = event.get("myshopify_domain") or event.get("shop_domain")
    if not isinstance(named, str) or named.lower() != shop_id:
        raise _not_an_event()


async def _keep(web: Web, platform: str, event: Event) -> Received:
    """Store the delivery with what it asks for; only then is it answered."""
    if not event.effect:
        return Received()
    accepted = await run_in_threadpool(
        web.app.store.rpc,
        "accept_platform_event",
        p_platform=platform,
        p_delivery_id=event.delivery,
        p_shop_id=event.shop_id,
        p_topic=event.topic,
        p_effect=event.effect,
        p_kind=event.kind,
        p_object_ids=list(event.object_ids),
        p_table=event.table,
        p_happened_at=event.happened_at.isoformat() if event.happened_at else None,
        p_subject=dict(event.subject),
        p_email=event.email,
    )
    if accepted["connections"] and event.effect == "read":
        web.manager.ring()
    return Received()


def _object(body: bytes) -> dict[str, Any]:
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise _not_an_event() from None
    if not isinstance(event, dict):
        raise _not_an_event()
    return event


def _id(value: object) -> str:
    return _text(value, _ID)


def _shop(value: object) -> str:
    return _text(value, _SHOP)


def _topic(value: object) -> str:
    return _text(value, _TOPIC)


def _text(value: object, form: re.Pattern[str]) -> str:
    """An id in the form that ids have; a signature does not make a string harmless."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not form.fullmatch(text):
        raise _not_an_event()
    return text


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None


def _shopify_header(headers: Headers, name: str) -> str:
    """Both families of names (section 7)."""
    return single_header(headers, f"x-shopify-{name}", f"shopify-{name}")


def _not_an_event() -> Problem:
    return Problem(400, "not_an_event", "The body is not one that this platform sends.")


_PRIVACY = {"customers/data_request": "request", "customers/redact": "redact_customer", "shop/redact": "redact_shop"}
_PRIVACY_LISTS = ("orders_requested", "orders_to_redact")
# Topic's first word: the stream, its table, and where the body names the object.
_SHOPIFY = {
    "orders": ("orders", "orders", "id"),
    "refunds": ("orders", "orders", "order_id"),
    "fulfillments": ("orders", "orders", "order_id"),
    "order_transactions": ("orders", "orders", "order_id"),
    "products": ("products", "listings", "id"),
    "customers": ("customers", "customers", "id"),
}
