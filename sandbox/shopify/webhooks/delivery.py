"""Webhooks: subscriptions, notices signed over their raw bytes, deliveries again until somebody answers (sheet 7)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import http.client
import ssl
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import urlsplit

import orjson

from sandbox.parts.clock import Clock
from sandbox.parts.responses import Doc
from sandbox.shopify.api_versions import handles
from sandbox.shopify.data.live_shop import LiveShop
from sandbox.shopify.data.timestamps import utc
from sandbox.shopify.settings import Settings

COMPLIANCE = ("customers/data_request", "customers/redact", "shop/redact")
# Connect within a second, answer within five.
PATIENCE_S = 5.0
MOST_FAILURES = 8
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(kw_only=True)
class Subscription:
    """Where notices of one topic go."""

    number: int
    shop_id: int
    topic: str
    uri: str
    created: int
    format: str = "JSON"
    include_fields: list[str] = field(default_factory=list)
    filter: str | None = None
    name: str | None = None
    failures: int = 0


@dataclass(kw_only=True)
class Delivery:
    """One notice on its way; retries carry the same bytes to the same address."""

    webhook_id: str
    event_id: str
    shop_id: int
    topic: str
    uri: str
    body: bytes
    headers: dict[str, str]
    triggered: float
    subscription: int | None
    attempts: list[int] = field(default_factory=list)
    done: bool = False


# Post the bytes: gives the status, 0 where nobody answered.
Post = Callable[[str, bytes, dict[str, str]], int]
Sleep = Callable[[float], Awaitable[None]]


def topic_name(enum: str) -> str:
    """ORDERS_CREATE as the header writes it: orders/create; what something is about may be two words."""
    for subject in ("BULK_OPERATIONS", "ORDER_TRANSACTIONS", "INVENTORY_ITEMS", "INVENTORY_LEVELS"):
        if enum.startswith(f"{subject}_"):
            return f"{subject.lower()}/{enum.removeprefix(f'{subject}_').lower()}"
    subject, _, verb = enum.partition("_")
    return f"{subject.lower()}/{verb.lower()}"


class Webhooks:
    """All subscriptions and deliveries of a sandbox."""

    def __init__(self, settings: Settings, clock: Clock, secret: str) -> None:
        self._settings = settings
        self._clock = clock
        self._secret = secret
        self._numbers = count(1_310_000_000_001)
        self._tasks: set[asyncio.Task[None]] = set()
        self.subscriptions: dict[int, Subscription] = {}
        self.deliveries: list[Delivery] = []
        # Addresses of topics that applications configure instead of subscribing: the compliance ones.
        self.app_addresses: dict[str, str] = {}
        self.sleep: Sleep = asyncio.sleep
        self.post: Post = post

    def subscribe(self, shop_id: int, topic: str, wanted: Doc) -> Subscription:
        subscription = Subscription(
            number=next(self._numbers),
            shop_id=shop_id,
            topic=topic,
            uri=wanted["uri"],
            created=self._clock.seconds(),
            format=wanted.get("format") or "JSON",
            include_fields=list(wanted.get("includeFields") or []),
            filter=wanted.get("filter"),
            name=wanted.get("name"),
        )
        self.subscriptions[subscription.number] = subscription
        return subscription

    def of_shop(self, shop_id: int) -> list[Subscription]:
        return [each for each in self.subscriptions.values() if each.shop_id == shop_id]

    def forget(self, shop_id: int) -> None:
        """An app that is taken out of a shop subscribes to nothing there any more."""
        for subscription in self.of_shop(shop_id):
            del self.subscriptions[subscription.number]

    def emit(self, live_shop: LiveShop, topic: str, payload: Doc, *, event_id: str | None = None) -> list[Delivery]:
        """Send to every subscriber of the topic, and to the application's own address for it."""
        shop_id, event = live_shop.shop.ids.shop, event_id or str(uuid.uuid4())
        made = [
            self._send(live_shop, (topic, each.uri), _cut(payload, each.include_fields), event, each)
            for each in self.of_shop(shop_id)
            if topic_name(each.topic) == topic
        ]
        if topic in self.app_addresses:
            made.append(self._send(live_shop, (topic, self.app_addresses[topic]), payload, event, None))
        return made

    def again(self, delivery: Delivery) -> None:
        """Deliver once more what has been delivered: at least once is not once."""
        self._start(delivery)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _send(
        self, live_shop: LiveShop, where: tuple[str, str], payload: Doc, event: str, subscription: Subscription | None
    ) -> Delivery:
        (topic, uri) = where
        body, now = orjson.dumps(payload), self._clock.now()
        delivery = Delivery(
            webhook_id=str(uuid.uuid4()),
            event_id=event,
            shop_id=live_shop.shop.ids.shop,
            topic=topic,
            uri=uri,
            body=body,
            headers={},
            triggered=now,
            subscription=subscription.number if subscription else None,
        )
        delivery.headers = {
            "Content-Type": "application/json",
            "X-Shopify-Topic": topic,
            "X-Shopify-Hmac-Sha256": sign(self._secret, body),
            "X-Shopify-Shop-Domain": live_shop.shop.domain,
            "X-Shopify-API-Version": [handle for handle, ready in handles(int(now)) if ready][-1],
            "X-Shopify-Webhook-Id": delivery.webhook_id,
            "X-Shopify-Event-Id": event,
            "X-Shopify-Triggered-At": utc(int(now)) or "",
        }
        self.deliveries.append(delivery)
        self._start(delivery)
        return delivery

    def _start(self, delivery: Delivery) -> None:
        task = asyncio.get_running_loop().create_task(self._deliver(delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: Delivery) -> None:
        """First try at once, then eight more with growing gaps; what is answered 2xx is done."""
        for gap in (0.0, *self._settings.webhook_retry_seconds):
            if gap:
                await self.sleep(gap)
            status = await asyncio.to_thread(self.post, delivery.uri, delivery.body, delivery.headers)
            delivery.attempts.append(status)
            if 200 <= status < 300:
                delivery.done = True
                self._count(delivery, failed=False)
                return
        self._count(delivery, failed=True)

    def _count(self, delivery: Delivery, *, failed: bool) -> None:
        """A subscription is removed after eight failures in a row."""
        subscription = self.subscriptions.get(delivery.subscription or 0)
        if subscription is None:
            return
        subscription.failures = subscription.failures + MOST_FAILURES if failed else 0
        if subscription.failures >= MOST_FAILURES:
            del self.subscriptions[subscription.number]


def sign(secret: str, body: bytes) -> str:
    """Base64 of HMAC-SHA256 over the raw bytes."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def post(uri: str, body: bytes, headers: dict[str, str]) -> int:
    """Loopback alone: a stand-in does not call the world."""
    parts = urlsplit(uri)
    if parts.hostname not in _LOOPBACK:
        return 0
    try:
        connection = _connection(parts.scheme, parts.hostname or "", parts.port)
        connection.request("POST", f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}", body, headers)
        status = connection.getresponse().status
        connection.close()
    except (OSError, http.client.HTTPException):
        return 0
    return status


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "https":
        context = ssl._create_unverified_context()  # noqa: S323, SLF001 - a receiver's test certificate
        return http.client.HTTPSConnection(host, port, timeout=PATIENCE_S, context=context)
    return http.client.HTTPConnection(host, port, timeout=PATIENCE_S)


def _cut(payload: Doc, fields: list[str]) -> Doc:
    return payload if not fields else {name: value for name, value in payload.items() if name in fields}
