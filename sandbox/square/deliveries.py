"""Webhooks: subscriptions, notices signed over address and body, deliveries again until somebody answers."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import http.client
import secrets
import ssl
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import orjson

from sandbox.parts.clock import Clock
from sandbox.parts.responses import Doc
from sandbox.square.data.timestamps import SECOND, precise
from sandbox.square.settings import Settings

# Answer within ten seconds.
PATIENCE_S = 10.0
REMEMBERED_DAYS = 28
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

# Post the bytes: gives the status, 0 where nobody answered.
Post = Callable[[str, bytes, dict[str, str]], int]
Sleep = Callable[[float], Awaitable[None]]


@dataclass(kw_only=True)
class Subscription:
    """Where notices of some types go, of all sellers of the application."""

    key: str
    name: str
    url: str
    event_types: list[str]
    api_version: str
    signature_key: str
    created: int
    updated: int
    enabled: bool = True

    def doc(self) -> Doc:
        return {
            "id": self.key,
            "name": self.name,
            "enabled": self.enabled,
            "event_types": self.event_types,
            "notification_url": self.url,
            "api_version": self.api_version,
            "signature_key": self.signature_key,
            "created_at": precise(self.created),
            "updated_at": precise(self.updated),
        }


@dataclass(kw_only=True)
class Delivery:
    """One notice on its way to one subscriber; retries carry the same bytes."""

    event_id: str
    subscription: str
    shop_id: int | None
    type: str
    url: str
    body: bytes
    headers: dict[str, str]
    sent: float
    attempts: list[int] = field(default_factory=list)
    done: bool = False

    def doc(self) -> Doc:
        return {
            "event_id": self.event_id,
            "subscription_id": self.subscription,
            "shop_id": self.shop_id,
            "type": self.type,
            "url": self.url,
            "attempts": self.attempts,
            "done": self.done,
            "body": self.body.decode(),
        }


class Webhooks:
    """All subscriptions, events and deliveries of a sandbox."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self.subscriptions: dict[str, Subscription] = {}
        self.deliveries: list[Delivery] = []
        self.events: list[Doc] = []
        self.sleep: Sleep = asyncio.sleep
        self.post: Post = post

    @property
    def now(self) -> int:
        return int(self._clock.now() * SECOND)

    def subscribe(
        self, name: str, url: str, event_types: list[str], api_version: str, *, enabled: bool
    ) -> Subscription:
        made = Subscription(
            key=f"wbhk_{secrets.token_hex(16)}",
            name=name,
            url=url,
            event_types=event_types,
            api_version=api_version,
            signature_key=secrets.token_urlsafe(16),
            created=self.now,
            updated=self.now,
            enabled=enabled,
        )
        self.subscriptions[made.key] = made
        return made

    def emit(self, shop_id: int, event: Doc) -> list[Delivery]:
        """Send to every subscription that wants the type; the sending goes on beside other answers."""
        self.events.append(event)
        wanting = [each for each in self.subscriptions.values() if each.enabled and event["type"] in each.event_types]
        return [self.send(each, event, shop_id) for each in wanting]

    def send(self, subscription: Subscription, event: Doc, shop_id: int | None) -> Delivery:
        body, now = orjson.dumps(event), self._clock.now()
        delivery = Delivery(
            event_id=event["event_id"],
            subscription=subscription.key,
            shop_id=shop_id,
            type=event["type"],
            url=subscription.url,
            body=body,
            headers=signed(subscription, body, int(now * SECOND)),
            sent=now,
        )
        self.deliveries.append(delivery)
        self._start(delivery)
        return delivery

    def again(self, delivery: Delivery) -> None:
        """Deliver once more what has been delivered: at least once is not once."""
        self._start(delivery)

    async def test(self, subscription: Subscription, event: Doc) -> int:
        """Send one at once and tell the status that came back."""
        body = orjson.dumps(event)
        headers = signed(subscription, body, self.now)
        return await asyncio.to_thread(self.post, subscription.url, body, headers)

    async def settled(self) -> None:
        """Wait until nothing is on its way."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _start(self, delivery: Delivery) -> None:
        task = asyncio.get_running_loop().create_task(self._deliver(delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: Delivery) -> None:
        """At once, then with growing gaps for about a day; what is answered 2xx is done."""
        for number, gap in enumerate((0.0, *self._settings.webhook_retry_seconds)):
            if gap:
                await self.sleep(gap)
            headers = dict(delivery.headers)
            if number:
                headers |= {"square-retry-number": str(number), "square-retry-reason": "http_error"}
            status = await asyncio.to_thread(self.post, delivery.url, delivery.body, headers)
            delivery.attempts.append(status)
            if 200 <= status < 300:
                delivery.done = True
                return


def new_event(kind: str, *, merchant_id: str, at: int, data: Doc, location_id: str | None = None) -> Doc:
    event: Doc = {"merchant_id": merchant_id, "type": kind, "event_id": str(uuid.uuid4())}
    if location_id is not None:
        event["location_id"] = location_id
    # Nine digits behind the second, as they were seen.
    return event | {"created_at": f"{precise(at)[:-1]}000000Z", "data": data}


def signed(subscription: Subscription, body: bytes, at: int) -> dict[str, str]:
    """The subscription's key over its address and the raw body; the older header is HMAC-SHA1."""
    message = subscription.url.encode() + body
    return {
        "Content-Type": "application/json",
        "User-Agent": "Square Connect v2",
        "x-square-hmacsha256-signature": _mac(subscription.signature_key, message, hashlib.sha256),
        "x-square-signature": _mac(subscription.signature_key, message, hashlib.sha1),
        "square-version": subscription.api_version,
        "square-environment": "Production",
        "square-initial-delivery-timestamp": precise(at),
    }


def _mac(key: str, message: bytes, digest: Callable[..., object]) -> str:
    return base64.b64encode(hmac.new(key.encode(), message, digest).digest()).decode()  # type: ignore[arg-type]


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
