"""Fixtures over one embedded stack a test session: real PostgreSQL, PostgREST, Valkey and gateway, migrated.

stack   the running Stack                      db     a connection as the owner of the tables, autocommit
env     its environment, as a dict             clean  empties tables, users and Valkey before the test
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
import redis
from psycopg import sql

from execution.schema.migrations import migrate
from sandbox.stack import NotInstalled, Stack

_TABLES = """select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
             where n.nspname in ('public', 'private') and c.relkind in ('r', 'p') and not c.relispartition"""

_FILLED = sql.SQL("select {} where exists (select from {})")


@pytest.fixture(scope="session")
def _started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, list[sql.Identifier]]]:
    """The stack, and the tables that migrations left empty: looked at before any test writes."""
    with ExitStack() as stopping:
        try:
            prepared = Stack(tmp_path_factory.mktemp("stack"), durable=False, migrate=migrate)
            stack = stopping.enter_context(prepared.running())
        except NotInstalled as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(str(error))
        yield stack, [sql.Identifier("auth", "users"), *_empty_tables(stack.env["DATABASE_URL"])]


@pytest.fixture(scope="session")
def stack(_started: tuple[Stack, list[sql.Identifier]]) -> Stack:
    """One stack for the whole session."""
    return _started[0]


@pytest.fixture
def env(stack: Stack) -> dict[str, str]:
    return dict(stack.env)


@pytest.fixture
def db(stack: Stack) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(stack.env["DATABASE_URL"], autocommit=True) as connection:
        yield connection


def _empty_tables(database_url: str) -> list[sql.Identifier]:
    with psycopg.connect(database_url) as connection:
        tables = [sql.Identifier(*row) for row in connection.execute(_TABLES)]
        return [table for table in tables if _is_empty(connection, table)]


def _is_empty(connection: psycopg.Connection[Any], table: sql.Identifier) -> bool:
    return connection.execute(sql.SQL("select from {} limit 1").format(table)).fetchone() is None


@pytest.fixture
def clean(_started: tuple[Stack, list[sql.Identifier]], db: psycopg.Connection[Any]) -> None:
    """Empty everything that tests write; what migrations fill stays."""
    stack, tables = _started
    # To empty what is empty costs four times as much as to look.
    filled = db.execute(sql.SQL(" union all ").join(_FILLED.format(n, table) for n, table in enumerate(tables)))
    if numbers := [number for (number,) in filled]:
        named = sql.SQL(", ").join(tables[number] for number in numbers)
        db.execute(sql.SQL("truncate {} restart identity cascade").format(named))
    with redis.Redis.from_url(stack.env["REDIS_URL"]) as valkey:
        valkey.flushall()
