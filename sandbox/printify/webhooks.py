"""Webhooks: who wants which topic, and a sender that signs, retries and gives up as the docs say (sheet section 9)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import orjson

from sandbox.parts.responses import Doc
from sandbox.printify.timestamps import timestamp
from sandbox.printify.world import World

TOPICS = (
    "shop:disconnected",
    "product:deleted",
    "product:created",
    "product:updated",
    "product:publish:started",
    "order:created",
    "order:updated",
    "order:sent-to-production",
    "order:shipment:created",
    "order:shipment:delivered",
    "personalization-preview-task:processed",
)
RETRIES = 3
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_TIMEOUT_SECONDS = 10
_REMEMBERED = 100_000


@dataclass(kw_only=True)
class Hook:
    """One webhook. The vendor never shows the secret again."""

    hook_id: str
    shop_id: int
    topic: str
    url: str
    secret: str

    def doc(self) -> Doc:
        """Here alone `shop_id` is a string."""
        return {"topic": self.topic, "url": self.url, "shop_id": str(self.shop_id), "id": self.hook_id}


class Webhooks:
    """The hooks of all shops, what was sent to them, and which addresses are blocked."""

    def __init__(self, world: World, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._world = world
        self._sleep = sleep
        self.hooks: dict[str, Hook] = {}
        self.deliveries: deque[Doc] = deque(maxlen=_REMEMBERED)
        self._blocked: dict[str, float] = {}
        self._events: dict[str, bytes] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, shop_id: int, topic: str, url: str, secret: str) -> Hook:
        hook = Hook(hook_id=secrets.token_hex(12), shop_id=shop_id, topic=topic, url=url, secret=secret)
        self.hooks[hook.hook_id] = hook
        return hook

    def of_shop(self, shop_id: int) -> list[Hook]:
        return [hook for hook in self.hooks.values() if hook.shop_id == shop_id]

    def emit(self, shop_id: int, topic: str, resource_id: str | int, data: Doc | None) -> None:
        """Send the event to every hook of the shop that wants its topic; the sending goes on beside other answers."""
        for hook in self.of_shop(shop_id):
            if hook.topic == topic:
                self.send(hook, resource_id, data)

    def send(self, hook: Hook, resource_id: str | int, data: Doc | None) -> str:
        event_id = str(uuid.uuid4())
        event = {
            "id": event_id,
            "type": hook.topic,
            "created_at": timestamp(self._world.clock.now()),
            "resource": {"id": resource_id, "type": hook.topic.split(":")[0], "data": data},
        }
        self._events[event_id] = orjson.dumps(event)
        self._start(hook, event_id)
        return event_id

    def resend(self, event_id: str, hook_id: str) -> None:
        """The same event again: a delivery that was repeated on its way."""
        if event_id not in self._events or hook_id not in self.hooks:
            raise LookupError(f"no event {event_id} or no webhook {hook_id}")
        self._start(self.hooks[hook_id], event_id)

    async def settled(self) -> None:
        """Wait until nothing is on its way."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    def _start(self, hook: Hook, event_id: str) -> None:
        task = asyncio.get_running_loop().create_task(self._deliver(hook, event_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, hook: Hook, event_id: str) -> None:
        """Up to three retries; then the address is blocked for an hour, and events of that hour are lost."""
        if self._blocked.get(hook.url, 0) > self._world.clock.now():
            self._note(hook, event_id, 0, "blocked")
            return
        if urlsplit(hook.url).hostname not in _LOOPBACK:
            self._note(hook, event_id, 0, "not loopback: never sent")
            return
        async with httpx.AsyncClient(trust_env=False, timeout=_TIMEOUT_SECONDS) as client:
            for attempt in range(1 + RETRIES):
                if attempt:
                    await self._sleep(self._world.settings.webhook_retry_seconds)
                if await self._attempt(client, hook, event_id):
                    return
        self._blocked[hook.url] = self._world.clock.now() + self._world.settings.webhook_block_seconds

    async def _attempt(self, client: httpx.AsyncClient, hook: Hook, event_id: str) -> bool:
        body = self._events[event_id]
        headers = {"content-type": "application/json", "user-agent": "Printify webhook"}
        if hook.secret:
            headers["x-pfy-signature"] = signature(hook.secret, body)
        try:
            status = (await client.post(hook.url, content=body, headers=headers)).status_code
        except httpx.HTTPError as error:
            self._note(hook, event_id, 0, type(error).__name__)
            return False
        self._note(hook, event_id, status, "")
        return status < 400

    def _note(self, hook: Hook, event_id: str, status: int, problem: str) -> None:
        self.deliveries.append(
            {
                "at": self._world.clock.now(),
                "event_id": event_id,
                "webhook_id": hook.hook_id,
                "shop_id": hook.shop_id,
                "topic": hook.topic,
                "status": status,
                "problem": problem,
            }
        )


def signature(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
