"""Ask the database as somebody: a role, with claims as PostgREST sets them. The answer is data, errors too."""

from __future__ import annotations

import json
from typing import Any

import psycopg
from psycopg import sql

from tests.schema.rows import Connection

DENIED = "42501"


def ask(db: Connection, role: str, user_id: str | None, query: sql.Composable | str) -> tuple[str, Any]:
    """('rows', rows and count) or (SQLSTATE, message). What succeeds is committed: a caller looks at what changed."""
    claims = json.dumps({"role": role, "sub": user_id} if user_id else {"role": role})
    try:
        with db.transaction():
            db.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
            db.execute("select set_config('request.jwt.claims', %s, true)", [claims])
            cursor = db.execute(query if isinstance(query, sql.Composable) else sql.SQL(query))  # type: ignore[arg-type]
            return "rows", (cursor.fetchall() if cursor.description else [], cursor.rowcount)
    except psycopg.Error as error:
        return error.sqlstate or "", error.diag.message_primary


def contents(db: Connection) -> dict[str, str]:
    """A fingerprint of every row of every table, whoever owns it; sequences as well. Not of the signs of life, which
    processes beside the test give at any moment.
    """
    found = db.execute("""
        select c.oid::regclass::text, c.relkind from pg_class c
        where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace) and c.relkind in ('r', 'p', 'S')
          and c.oid <> 'private.heartbeats'::regclass""")
    query = "select md5(coalesce(string_agg(md5(t::text), '' order by md5(t::text)), '')) from (select * from {}) as t"
    return {name: db.execute(query.format(name)).fetchone()[0] for name, _ in found.fetchall()}  # type: ignore[index,arg-type]
