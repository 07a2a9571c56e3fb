"""The state of the pipeline as health tells it: looked at beside the requests, so that no answer waits for a look."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from execution.errors import KeeperError

FRESH_S = 5.0
# How long the very first asker waits for a first look.
PATIENCE_S = 0.12
_LOOK_LIMIT_S = 4.0

Facts = dict[str, Any]
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the last good look brought, how long ago, and why there is no newer one."""

    facts: Facts | None
    age_s: float | None
    fault: str = ""


class Pipeline:
    """One a process. A look is started when somebody asks and the last one is old; one at a time."""

    def __init__(self, look: Callable[[], Facts], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._look = look
        self._clock = clock
        self._facts: Facts | None = None
        self._seen_at = float("-inf")
        self._fault = ""
        self._looking: asyncio.Task[None] | None = None

    async def seen(self) -> Seen:
        """The newest look within a fraction of a second, however old it is."""
        if self._clock() - self._seen_at > FRESH_S:
            await self._ask_for_look()
        age = None if self._facts is None else round(self._clock() - self._seen_at, 1)
        return Seen(facts=self._facts, age_s=age, fault=self._fault)

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _ask_for_look(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._take())
        await _at_most(PATIENCE_S, asyncio.shield(self._looking))

    async def _take(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_LIMIT_S):
                self._facts = await asyncio.to_thread(self._look)
            self._seen_at, self._fault = self._clock(), ""
        except TimeoutError:
            self._fault = f"no answer within {_LOOK_LIMIT_S:.0f} s"
        except KeeperError as error:
            self._fault = str(error)
            log.warning("pipeline_not_seen", error=str(error))


async def _at_most(seconds: float, awaited: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(seconds):
            await awaited
    except TimeoutError:
        pass
