"""Figures over a long history, asked for by many at once: what one user asks keeps nobody else waiting."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest

from tests.web.conftest import client

ASKED = 60


@pytest.fixture
def days_held(stack):
    """Nobody reads days until the block ends, as if the sums took that long."""

    @contextmanager
    def held():
        with psycopg.connect(stack.env["DATABASE_URL"]) as holding:
            holding.execute("lock table public.money_days in access exclusive mode")
            yield

    return held


def under_way(db):
    (count,) = db.execute(
        "select count(*) from pg_stat_activity where query like '%figures%' and wait_event_type = 'Lock'"
    ).fetchone()
    return count


def test_sixty_at_once_are_few_queries_and_others_do_not_wait(db, web_url, make_user, bearer, days_held):
    many, other = bearer(make_user()), bearer(make_user())

    def ask(number):
        with client(web_url, headers=many) as asking:
            return asking.get("/dashboard/figures", params={"unit": ("day", "month", "year")[number % 3]})

    with ThreadPoolExecutor(ASKED) as pool:
        with days_held(), client(web_url, headers=other) as asking:
            answers = pool.map(ask, range(ASKED))
            while not under_way(db):
                pass
            others = [asking.get("/session").status_code for _ in range(20)]
            most = under_way(db)
        statuses = {answer.status_code for answer in answers}

    assert others == [200] * 20
    assert most <= 2
    assert statuses == {200}


def test_figures_that_take_too_long_give_the_database_back(web_url, make_user, bearer, days_held):
    with days_held(), client(web_url, headers=bearer(make_user())) as asking:
        answer = asking.get("/dashboard/figures")

    assert (answer.status_code, answer.json()["code"]) == (503, "figures_take_long")
