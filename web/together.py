"""Many who ask for the same thing at the same time are answered by one look: the busier it is, the more share it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

Facts = dict[str, Any]
Asked = dict[str, list[asyncio.Future[Facts | None]]]
Look = Callable[[Iterable[str]], dict[str, Facts]]
# So many users a query: it stays short, however many wait.
_MOST = 100


class Together:
    """One a process. A look begins after the question came, so nobody is told what was true before they asked."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._waiting: Asked = {}
        self._looking: asyncio.Task[None] | None = None

    async def of(self, user_id: str) -> Facts | None:
        """The facts of a user, None where there is none. Raises what the look raised."""
        answer: asyncio.Future[Facts | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(user_id, []).append(answer)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        while self._waiting:
            users = list(self._waiting)[:_MOST]
            asked = {user_id: self._waiting.pop(user_id) for user_id in users}
            try:
                found = await asyncio.to_thread(self._look, users)
            except Exception as error:  # noqa: BLE001  each who asked is told, as if they had asked alone
                _refuse(asked, error)
            else:
                _tell(asked, found)


def _tell(asked: Asked, found: dict[str, Facts]) -> None:
    for user_id, answers in asked.items():
        for answer in answers:
            # Who went away meanwhile has cancelled their own.
            if not answer.done():
                answer.set_result(found.get(user_id))


def _refuse(asked: Asked, error: Exception) -> None:
    for answers in asked.values():
        for answer in answers:
            if not answer.done():
                answer.set_exception(error)
