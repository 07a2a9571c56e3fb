"""Sums over a long history: equal questions are one, a user has few under way, and others find room."""

from __future__ import annotations

import asyncio
import threading

import pytest

from web.live.shared_questions import SharedQuestions
from web.problems import Problem


class Database:
    """Answers when it is told to; counts who asks at the same time."""

    def __init__(self):
        self.asked, self.now, self.most = [], 0, 0
        self.answers, self._lock = threading.Event(), threading.Lock()

    def wait_for(self, many):
        while len(self.asked) < many:
            pass

    def question(self, name):
        def ask():
            with self._lock:
                self.asked.append(name)
                self.now += 1
                self.most = max(self.most, self.now)
            self.answers.wait(20)
            with self._lock:
                self.now -= 1
            return {"of": name}

        return ask


async def under_way(database, many):
    """Questions are asked in threads: this one waits for as many in another."""
    await asyncio.to_thread(database.wait_for, many)


def test_sixty_equal_questions_are_one():
    async def play():
        database, questions = Database(), SharedQuestions()
        asking = [asyncio.create_task(questions.of("ann", "month", database.question("ann"))) for _ in range(60)]
        await under_way(database, 1)
        database.answers.set()
        return database.asked, await asyncio.gather(*asking)

    asked, answers = asyncio.run(play())

    assert asked == ["ann"]
    assert answers == [{"of": "ann"}] * 60


def test_a_user_has_few_under_way_and_another_finds_room():
    async def play():
        database, questions = Database(), SharedQuestions()
        anns = [asyncio.create_task(questions.of("ann", n, database.question("ann"))) for n in range(60)]
        await under_way(database, 2)
        bob = asyncio.create_task(questions.of("bob", 0, database.question("bob")))
        await under_way(database, 3)
        seen = list(database.asked)
        database.answers.set()
        return seen, await asyncio.gather(*anns, return_exceptions=True), await bob, database.most

    seen, anns, bob, most = asyncio.run(play())

    assert (seen, bob, most) == (["ann", "ann", "bob"], {"of": "bob"}, 3)
    refused = [answer for answer in anns if isinstance(answer, Problem)]
    assert {(problem.status_code, problem.code) for problem in refused} == {(429, "too_many_questions")}
    assert len(anns) - len(refused) == 6


def test_where_all_room_is_taken_the_next_is_told_so_and_not_kept():
    async def play():
        database, questions = Database(), SharedQuestions(at_once=1, longest_wait_s=0.05)
        first = asyncio.create_task(questions.of("ann", 1, database.question("ann")))
        await under_way(database, 1)
        with pytest.raises(Problem) as refused:
            await questions.of("bob", 1, database.question("bob"))
        database.answers.set()
        return refused.value, await first, await questions.of("bob", 1, database.question("bob"))

    refused, first, after = asyncio.run(play())

    assert (refused.status_code, refused.code) == (503, "many_questions")
    assert (first, after) == ({"of": "ann"}, {"of": "bob"})


def test_a_question_that_fails_fails_for_all_who_asked_it_and_not_for_the_next():
    def broken():
        raise ValueError("away")

    async def play():
        questions = SharedQuestions()
        failed = await asyncio.gather(*(questions.of("ann", 1, broken) for _ in range(3)), return_exceptions=True)
        return [str(error) for error in failed], await questions.of("ann", 1, lambda: {"of": "ann"})

    assert asyncio.run(play()) == (["away"] * 3, {"of": "ann"})
