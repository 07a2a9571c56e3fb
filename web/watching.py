"""Sellers who watch: one look a second for all of them together, and each is told what changed."""

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

LOOK_SECONDS = 1.0
HEARTBEAT_S = 15.0
# Open pages of one user, in one process. Ten are many; a thousand would be everybody's lines.
MOST_LINES = 10
# Users whose status one query brings: their number never makes a query long.
_USERS_A_LOOK = 50

Facts = dict[str, Any]
Look = Callable[[list[str]], Facts]

log = structlog.get_logger()


class Hub:
    """One a process. Asks only while somebody watches, and only about those who are watched."""

    def __init__(self, look: Look, *, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._look = look
        self._pause = pause
        self._watched: defaultdict[str, set[asyncio.Queue[Facts]]] = defaultdict(set)
        self._told: dict[str, str] = {}
        self._looking: asyncio.Task[None] | None = None

    async def watch(self, user_id: str, *, heartbeat_s: float = HEARTBEAT_S) -> AsyncIterator[Facts | None]:
        """The status now, and again whenever it changed; None after a while without news, to keep a line open.

        Only the newest is kept for a slow reader. Ends at once for a user with too many lines: those that come at the
        same moment are counted here, one after another.
        """
        if self._is_full(user_id):
            return
        queue: asyncio.Queue[Facts] = asyncio.Queue(maxsize=1)
        self._watched[user_id].add(queue)
        self._told.pop(user_id, None)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._run())
        try:
            while True:
                yield await _next(queue, heartbeat_s)
        finally:
            self._watched[user_id].discard(queue)
            if not self._watched[user_id]:
                del self._watched[user_id]
                self._told.pop(user_id, None)

    def watchers(self, user_id: str) -> int:
        return len(self._watched.get(user_id, ()))

    def demand_room(self, user_id: str) -> None:
        """429 for a user who has all the lines that a user may have."""
        if self._is_full(user_id):
            raise Problem(429, "too_many_lines", "Too many pages are open.", headers={"Retry-After": "10"})

    def _is_full(self, user_id: str) -> bool:
        return self.watchers(user_id) >= MOST_LINES

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _run(self) -> None:
        while self._watched:
            users = list(self._watched)
            for at in range(0, len(users), _USERS_A_LOOK):
                await self._tell(users[at : at + _USERS_A_LOOK])
            await self._pause(LOOK_SECONDS)

    async def _tell(self, users: list[str]) -> None:
        try:
            found = await asyncio.to_thread(self._look, users)
        except StoreError as error:
            log.warning("watchers_not_told", error=str(error))
            return
        for user_id in users:
            facts = found.get(user_id)
            mark = mark_of(facts)
            if facts is None or self._told.get(user_id) == mark:
                continue
            self._told[user_id] = mark
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


def mark_of(facts: Facts | None) -> str:
    """What tells two states apart: everything but the time of asking."""
    rest = {name: value for name, value in (facts or {}).items() if name != "now"}
    return hashlib.blake2b(orjson.dumps(rest), digest_size=16).hexdigest()
