"""Sellers who watch: one query a second for all of them together, and each is sent what changed."""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson
import structlog

from execution.errors import StoreError
from web.problems import Problem

POLL_SECONDS = 1.0
HEARTBEAT_S = 15.0
# Open pages of one user, in one process. Ten are many; a thousand would be everybody's connections.
MOST_STREAMS = 10
# Users whose status one query brings: their number never makes a query long.
_USERS_PER_QUERY = 50

Facts = dict[str, Any]
Query = Callable[[list[str]], Facts]

log = structlog.get_logger()


class StatusStream:
    """One a process. Queries only while somebody watches, and only about those who are watched."""

    def __init__(self, query: Query, *, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._query = query
        self._pause = pause
        self._watched: defaultdict[str, set[asyncio.Queue[Facts]]] = defaultdict(set)
        self._last_sent: dict[str, str] = {}
        self._task: asyncio.Task[None] | None = None

    async def watch(self, user_id: str, *, heartbeat_s: float = HEARTBEAT_S) -> AsyncIterator[Facts | None]:
        """The status now, and again whenever it changed; None after a while without news, to keep a stream open.

        Only the newest is kept for a slow reader. Ends at once for a user with too many streams: those that come at
        the same moment are counted here, one after another.
        """
        if self._is_full(user_id):
            return
        queue: asyncio.Queue[Facts] = asyncio.Queue(maxsize=1)
        self._watched[user_id].add(queue)
        self._last_sent.pop(user_id, None)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        try:
            while True:
                yield await _next(queue, heartbeat_s)
        finally:
            self._watched[user_id].discard(queue)
            if not self._watched[user_id]:
                del self._watched[user_id]
                self._last_sent.pop(user_id, None)

    def watchers(self, user_id: str) -> int:
        return len(self._watched.get(user_id, ()))

    def check_limit(self, user_id: str) -> None:
        """429 for a user who has all the streams that a user may have."""
        if self._is_full(user_id):
            raise Problem(429, "too_many_lines", headers={"Retry-After": "10"})

    def _is_full(self, user_id: str) -> bool:
        return self.watchers(user_id) >= MOST_STREAMS

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while self._watched:
            users = list(self._watched)
            for at in range(0, len(users), _USERS_PER_QUERY):
                await self._publish(users[at : at + _USERS_PER_QUERY])
            await self._pause(POLL_SECONDS)

    async def _publish(self, users: list[str]) -> None:
        try:
            found = await asyncio.to_thread(self._query, users)
        except StoreError as error:
            log.warning("status_not_published", error=str(error))
            return
        for user_id in users:
            facts = found.get(user_id)
            version = version_of(facts)
            if facts is None or self._last_sent.get(user_id) == version:
                continue
            self._last_sent[user_id] = version
            for queue in self._watched.get(user_id, ()):
                if queue.full():
                    queue.get_nowait()
                queue.put_nowait(facts)


async def _next(queue: asyncio.Queue[Facts], seconds: float) -> Facts | None:
    try:
        async with asyncio.timeout(seconds):
            return await queue.get()
    except TimeoutError:
        return None


def version_of(facts: Facts | None) -> str:
    """Differs between two states, whenever they were asked for: everything but the time of asking."""
    rest = {name: value for name, value in (facts or {}).items() if name != "now"}
    return hashlib.blake2b(orjson.dumps(rest), digest_size=16).hexdigest()
