"""Fixtures over one embedded stack a test session: real PostgreSQL, PostgREST, Valkey and gateway, migrated.

stack   the running Stack                      db     a connection as the owner of the tables, autocommit
env     its environment, as a dict             clean  empties tables, users and Valkey before the test
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
import redis
from psycopg import sql
from psycopg.conninfo import make_conninfo

from execution.schema.migrations import migrate
from sandbox.stack import NotInstalled, Stack
from sandbox.stack.keys import load_or_make
from sandbox.stack.postgres import SUPERUSER

_TABLES = """select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
             where n.nspname in ('public', 'private') and c.relkind in ('r', 'p') and not c.relispartition"""

# Which tables hold something, and whether it is much.
_FILLED = sql.SQL("select {0}, pg_relation_size({2}) > 262144 where exists (select from {1})")
_NUMBERS_ANEW = """select setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
                   from pg_sequences where last_value is not null and schemaname in ('public', 'private')"""


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


def _superuser_session(stack: Stack) -> psycopg.Connection[Any]:
    password = load_or_make(stack.data / "keys.json").superuser_password
    return psycopg.connect(make_conninfo(stack.env["DATABASE_URL"], user=SUPERUSER, password=password), autocommit=True)


@pytest.fixture
def superuser(stack: Stack) -> Iterator[psycopg.Connection[Any]]:
    """The cluster's own role, for what no migration and no program of Keeper's may do."""
    with _superuser_session(stack) as session:
        yield session


@pytest.fixture(scope="session")
def _cleaner(_started: tuple[Stack, list[sql.Identifier]]) -> Iterator[Callable[[], None]]:
    """Empties what is filled. Rows are deleted, by a session that runs no trigger and checks no reference: to truncate
    costs the same for every table that is referred to, empty or not. Much is truncated all the same.
    """
    stack, tables = _started
    look = sql.SQL(" union all ").join(
        _FILLED.format(n, table, sql.Literal(table.as_string())) for n, table in enumerate(tables)
    )
    with _superuser_session(stack) as session:
        session.execute("set session_replication_role = replica")

        def clean() -> None:
            filled = session.execute(look).fetchall()
            named = [tables[number] for number, _ in filled]
            if any(is_much for _, is_much in filled):
                session.execute(sql.SQL("truncate {} restart identity cascade").format(sql.SQL(", ").join(named)))
            elif named:
                session.execute(sql.SQL("; ").join(sql.SQL("delete from {}").format(table) for table in named))
            session.execute(_NUMBERS_ANEW)

        yield clean


@pytest.fixture
def clean(stack: Stack, _cleaner: Callable[[], None]) -> None:
    """Empty everything that tests write; what migrations fill stays."""
    _cleaner()
    with redis.Redis.from_url(stack.env["REDIS_URL"]) as valkey:
        valkey.flushall()
