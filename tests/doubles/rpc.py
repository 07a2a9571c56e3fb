"""The store without PostgREST: the database's functions over plain connections."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from execution.errors import LeaseLost, StoreError, StoreUnavailable
from execution.store import stable_word


class DirectRpc:
    """The functions of the migrations as the worker's role, over plain connections: one a thread.

    Dates and errors come as the store over PostgREST gives them.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._threads = threading.local()
        self._open: list[psycopg.Connection[Any]] = []

    def rpc(self, function: str, /, **args: Any) -> Any:
        call = sql.SQL("select to_jsonb({}({}))").format(
            sql.Identifier("public", function),
            sql.SQL(", ").join(
                sql.SQL("{} => {}").format(sql.Identifier(name), sql.Literal(_plain(value)))
                for name, value in args.items()
            ),
        )
        try:
            row = self._connection().execute(call).fetchone()
        except psycopg.OperationalError as error:
            raise StoreUnavailable(str(error)) from error
        except psycopg.Error as error:
            if error.diag.message_primary == "lease_lost":
                raise LeaseLost("lease_lost") from error
            message, sqlstate = error.diag.message_primary or "", error.sqlstate or ""
            code = stable_word(sqlstate, message)
            raise StoreError(f"{function}: {message}", code=code, sqlstate=sqlstate) from error
        return row[0] if row else None

    def close(self) -> None:
        for connection in self._open:
            connection.close()

    def _connection(self) -> psycopg.Connection[Any]:
        if not hasattr(self._threads, "connection"):
            connection = self._threads.connection = psycopg.connect(self._url, autocommit=True)
            connection.execute("set role service_role")
            self._open.append(connection)
        return self._threads.connection


def _plain(value: Any) -> Any:
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        return value  # an array of texts
    return Jsonb(value) if isinstance(value, dict | list) else value
