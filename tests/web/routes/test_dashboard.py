"""Sums over a long history, asked for by many at once: what one user asks keeps nobody else waiting."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest

from tests.web.conftest import client
from tests.worlds.users import connect

ASKED = 60
# What adds up: the function behind it, a table that it reads, and questions that differ.
SUMS = {
    "/dashboard/figures": ("figures", "money_days", [{"unit": unit} for unit in ("day", "month")]),
    "/money/days": ("money_days_of", "money_day_states", [{"limit": number} for number in (1, 2)]),
    "/money/events": ("money_events_of", "orders", [{"day": f"2026-01-0{number}"} for number in (1, 2)]),
}


@pytest.fixture
def held(stack):
    """Nobody reads a table until the block ends, as if the sums took that long."""

    @contextmanager
    def held(table="money_days"):
        with psycopg.connect(stack.env["DATABASE_URL"]) as holding:
            holding.execute(f"lock table public.{table} in access exclusive mode")
            yield

    return held


def under_way(db, function):
    (count,) = db.execute(
        "select count(*) from pg_stat_activity where query like %s and wait_event_type = 'Lock'", [f"%{function}%"]
    ).fetchone()
    return count


@pytest.mark.parametrize("path", SUMS)
def test_sixty_at_once_are_few_queries_and_others_do_not_wait(db, web_url, make_user, bearer, held, path):  # noqa: PLR0917  fixtures
    function, table, questions = SUMS[path]
    user = make_user()
    many, other = bearer(user), bearer(make_user())
    shop = {"connection_id": connect(db, str(user), "etsy")} if path == "/money/events" else {}

    def ask(number):
        with client(web_url, headers=many) as asking:
            return asking.get(path, params=questions[number % 2] | shop)

    with ThreadPoolExecutor(ASKED) as pool:
        with held(table), client(web_url, headers=other) as asking:
            answers = pool.map(ask, range(ASKED))
            while not under_way(db, function):
                pass
            others = [asking.get("/session").status_code for _ in range(20)]
            most = under_way(db, function)
        statuses = {answer.status_code for answer in answers}

    assert others == [200] * 20
    assert most <= 2
    # On a machine where the block lasted longer than a sum may.
    assert statuses <= {200, 503}


def test_figures_that_take_too_long_give_the_database_back(web_url, make_user, bearer, held):
    with held(), client(web_url, headers=bearer(make_user())) as asking:
        answer = asking.get("/dashboard/figures")

    assert (answer.status_code, answer.json()["code"]) == (503, "figures_take_long")
