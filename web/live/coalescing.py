"""Many who ask for the same thing at the same time are answered by one query: the busier it is, the more share it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

Facts = dict[str, Any]
Waiting = dict[str, list[asyncio.Future[Facts | None]]]
Query = Callable[[Iterable[str]], dict[str, Facts]]
# So many users a query: it stays short, however many wait.
_USERS_PER_QUERY = 100


class Coalescer:
    """One a process. A query begins after the question came, so nobody gets what was true before they asked."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._waiting: Waiting = {}
        self._task: asyncio.Task[None] | None = None

    async def of(self, user_id: str) -> Facts | None:
        """The facts of a user, None where there is none. Raises what the query raised."""
        result: asyncio.Future[Facts | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(user_id, []).append(result)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return await result

    async def _run(self) -> None:
        while self._waiting:
            users = list(self._waiting)[:_USERS_PER_QUERY]
            batch = {user_id: self._waiting.pop(user_id) for user_id in users}
            try:
                found = await asyncio.to_thread(self._query, users)
            except Exception as error:  # noqa: BLE001  each who asked gets it, as if they had asked alone
                _reject(batch, error)
            else:
                _resolve(batch, found)


def _resolve(batch: Waiting, found: dict[str, Facts]) -> None:
    for user_id, results in batch.items():
        for result in results:
            # Who went away meanwhile has cancelled their own.
            if not result.done():
                result.set_result(found.get(user_id))


def _reject(batch: Waiting, error: Exception) -> None:
    for results in batch.values():
        for result in results:
            if not result.done():
                result.set_exception(error)
