"""Health: alive is one thing, ready for work another; both are answered in time whatever is broken."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psycopg
import pytest

from execution.app import App
from execution.settings import Settings
from tests.in_thread import serving
from web.app import create_app

# The promise is 200 ms; the rest is for a machine that runs other tests beside this one.
IN_TIME_S = 0.2 + 0.3


@contextmanager
def _web(env: dict[str, str]) -> Iterator[httpx.Client]:
    """The web application behind a real socket."""
    app = create_app(App(settings=Settings.load(env)))
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        serving(app, listening),
        httpx.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", trust_env=False) as client,
    ):
        client.get("/health/ready")  # connections are made once a process
        yield client


@pytest.fixture
def silent() -> Iterator[str]:
    """An address that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def _asked(client: httpx.Client) -> tuple[httpx.Response, float]:
    """The answer, and the fastest of three: a machine that stands still for a moment is not the product's doing."""
    took = []
    for _ in range(3):
        began = time.monotonic()
        answer = client.get("/health/ready")
        took.append(time.monotonic() - began)
    return answer, min(took)


def test_a_whole_stack_is_ready(env: dict[str, str]) -> None:
    with _web(env) as client:
        answer, _ = _asked(client)

    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "checks": {"database": "ok", "valkey": "ok"}}


def test_a_process_without_neighbours_is_alive_and_not_ready(env: dict[str, str]) -> None:
    """Restarting this process would not bring the database back, so /health/live stays 200."""
    with _web({**env, "SUPABASE_URL": "http://127.0.0.1:9", "REDIS_URL": "redis://127.0.0.1:9"}) as client:
        answer, seconds = _asked(client)
        live = client.get("/health/live")

    assert answer.status_code == 503
    assert answer.json()["checks"]["database"].startswith("does not answer")
    assert answer.json()["checks"]["valkey"].startswith("does not answer")
    assert seconds < IN_TIME_S
    assert live.status_code == 200


@pytest.mark.parametrize(("name", "scheme"), [("SUPABASE_URL", "http"), ("REDIS_URL", "redis")])
def test_a_neighbour_that_hangs_is_given_up_in_time(env: dict[str, str], silent: str, name: str, scheme: str) -> None:
    with _web({**env, name: f"{scheme}://{silent}"}) as client:
        answer, seconds = _asked(client)

    assert answer.status_code == 503
    assert seconds < IN_TIME_S


def test_a_wrong_key_is_named(env: dict[str, str]) -> None:
    with _web({**env, "SUPABASE_SERVICE_ROLE_KEY": "nonsense"}) as client:
        answer, _ = _asked(client)

    assert answer.json()["checks"]["database"] == "refuses our key: check SUPABASE_SERVICE_ROLE_KEY"


@pytest.fixture
def newest_undone(db: psycopg.Connection[Any]) -> Iterator[Callable[[], None]]:
    """Take the newest migration off the record, and put it back."""
    table = "supabase_migrations.schema_migrations"
    row = db.execute(f"select version, statements, name from {table} order by version desc limit 1").fetchone()
    assert row is not None
    yield lambda: db.execute(f"delete from {table} where version = %s", [row[0]]) and None
    db.execute(f"insert into {table} (version, statements, name) values (%s, %s, %s) on conflict do nothing", row)


def test_an_old_schema_is_not_ready(env: dict[str, str], newest_undone: Callable[[], None]) -> None:
    """A process whose code is ahead of the database takes no work."""
    newest_undone()

    with _web(env) as client:
        answer, _ = _asked(client)

    assert answer.status_code == 503
    assert answer.json()["checks"]["database"].endswith("run `keeper migrate`")
