"""The state of the pipeline as health tells it: read beside the requests, so that no response waits for a query."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from execution.errors import KeeperError

FRESH_S = 5.0
# How long the very first asker waits for a first result.
PATIENCE_S = 0.12
_QUERY_LIMIT_S = 4.0

Facts = dict[str, Any]
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What the last good query brought, how long ago, and why there is nothing newer."""

    facts: Facts | None
    age_s: float | None
    fault: str = ""


class PipelineStatus:
    """One a process. A query is started when somebody asks and the last one is old; one at a time."""

    def __init__(self, query: Callable[[], Facts], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._query = query
        self._clock = clock
        self._facts: Facts | None = None
        self._read_at = float("-inf")
        self._fault = ""
        self._task: asyncio.Task[None] | None = None

    async def snapshot(self) -> Snapshot:
        """The newest facts within a fraction of a second, however old it is."""
        if self._clock() - self._read_at > FRESH_S:
            await self._refresh_soon()
        age = None if self._facts is None else round(self._clock() - self._read_at, 1)
        return Snapshot(facts=self._facts, age_s=age, fault=self._fault)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _refresh_soon(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._refresh())
        await _at_most(PATIENCE_S, asyncio.shield(self._task))

    async def _refresh(self) -> None:
        try:
            async with asyncio.timeout(_QUERY_LIMIT_S):
                self._facts = await asyncio.to_thread(self._query)
            self._read_at, self._fault = self._clock(), ""
        except TimeoutError:
            self._fault = f"no answer within {_QUERY_LIMIT_S:.0f} s"
        except KeeperError as error:
            self._fault = str(error)
            log.warning("pipeline_not_seen", error=str(error))


async def _at_most(seconds: float, awaited: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(seconds):
            await awaited
    except TimeoutError:
        pass
