"""Questions that cost the database something: equal ones of a user are one, and nobody has many under way at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any

from web.problems import Problem

# Of all users of this process together: the rest of the database's connections is for what is quick.
_AT_ONCE = 4
_AT_ONCE_OF_A_USER = 2
# Under way or waiting. A page asks one; whoever moves through many sees the last.
_MOST_OF_A_USER = 6
_LONGEST_WAIT_S = 8.0

Answer = dict[str, Any]
Question = tuple[str, Hashable]


class SharedQuestions:
    """One a process. An answer may have begun before the last who gets it asked: sums that are drawn, no more."""

    def __init__(self, *, at_once: int = _AT_ONCE, longest_wait_s: float = _LONGEST_WAIT_S) -> None:
        self._longest_wait_s = longest_wait_s
        self._room = asyncio.Semaphore(at_once)
        self._rooms: dict[str, asyncio.Semaphore] = {}
        self._asked: dict[Question, asyncio.Task[Answer]] = {}
        self._of_users = Counter[str]()

    async def of(self, user_id: str, key: Hashable, ask: Callable[[], Answer]) -> Answer:
        """What `ask` answers, called in a thread. 429 for a user with too many others, 503 where there is no room."""
        question = (user_id, key)
        task = self._asked.get(question)
        if task is None:
            if self._of_users[user_id] >= _MOST_OF_A_USER:
                raise Problem(429, "too_many_questions", headers={"Retry-After": "5"})
            task = self._asked[question] = asyncio.create_task(self._answer(question, ask))
            self._of_users[user_id] += 1
            task.add_done_callback(lambda _: self._forget(question))
        # Whoever goes away takes nobody's answer along.
        return await asyncio.shield(task)

    async def _answer(self, question: Question, ask: Callable[[], Answer]) -> Answer:
        own = self._rooms.setdefault(question[0], asyncio.Semaphore(_AT_ONCE_OF_A_USER))
        async with _room_in(own, self._longest_wait_s), _room_in(self._room, self._longest_wait_s):
            return await asyncio.to_thread(ask)

    def _forget(self, question: Question) -> None:
        user_id, task = question[0], self._asked.pop(question)
        if not task.cancelled():
            task.exception()  # who waited has it; where nobody does any more, it is no news
        self._of_users[user_id] -= 1
        if not self._of_users[user_id]:
            del self._of_users[user_id]
            self._rooms.pop(user_id, None)


class _room_in:  # noqa: N801  reads as what it is: `async with _room_in(…)`
    def __init__(self, room: asyncio.Semaphore, longest_wait_s: float) -> None:
        self._room = room
        self._longest_wait_s = longest_wait_s

    async def __aenter__(self) -> None:
        try:
            async with asyncio.timeout(self._longest_wait_s):
                await self._room.acquire()
        except TimeoutError:
            raise Problem(503, "many_questions", headers={"Retry-After": "5"}) from None

    async def __aexit__(self, *_: object) -> None:
        self._room.release()
