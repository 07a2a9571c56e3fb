"""What engineers read reaches no seller: planted in every column for it, looked for in all that a user can ask for."""

from __future__ import annotations

import re
from itertools import chain

import httpx
import pytest
from psycopg import sql

from execution.app import App
from execution.settings import Settings
from tests.schema.rows import fill_every_table
from tests.schema.wall import CODES, ENGINEERS_COLUMNS
from tests.web.conftest import client, served, token_of
from web.app import create_app

CANARY = "canary psycopg.OperationalError at 10.0.0.7"
_COLUMNS = """
    select c.oid::regclass::text, a.attname
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace) and c.relkind in ('r', 'p')
      and a.atttypid = 'text'::regtype and a.attname ~ %s and c.relname || '.' || a.attname <> all (%s)"""
_READABLE = """
    select c.relname, array_agg(a.attname::text)
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
      and has_column_privilege('authenticated', c.oid, a.attnum, 'select')
    group by 1"""


@pytest.fixture
def seller(db, make_user):
    """A user of whom every table has a row, with an engineer's text wherever there is a place for one."""
    user_id = make_user()
    fill_every_table(db, user_id)
    # An administrator is no seller, and reads them.
    db.execute("delete from private.admins")
    planted = db.execute(_COLUMNS, [ENGINEERS_COLUMNS, CODES]).fetchall()
    for table, column in planted:
        db.execute(sql.SQL("update {} set {} = %s").format(sql.SQL(table), sql.Identifier(column)), [CANARY])
    db.execute("""
        update public.sync_jobs
           set status = 'failed', error_code = 'internal_error', seller_message = 'We look into it.',
               certificate_id = null, lease_id = null, finished_at = clock_timestamp()""")
    db.execute("update public.sync_jobs set error = %s, park_reason = %s", [CANARY, CANARY])
    db.execute("select private.settle_profile(user_id) from public.profiles")
    assert {("sync_jobs", "error"), ("sync_jobs", "park_reason"), ("rejected_records", "reason")} <= set(planted)
    return user_id


def paths(web_env, connection_id):
    """Every address that is read, with names in place of what it leaves open."""
    filled = {"platform": "etsy", "connection_id": connection_id}
    api = create_app(App(settings=Settings.load({**web_env, "PUBLIC_URL": "http://127.0.0.1:1"})))
    for route in chain.from_iterable(getattr(one, "original_router", api).routes for one in api.routes):
        if "GET" in (getattr(route, "methods", None) or ()):
            yield re.sub(r"{(\w+)(?::\w+)?}", lambda found: filled.get(found[1], "x"), route.path)


def begun(asking, path):
    """An answer; of one that goes on, its first part."""
    with asking.stream("GET", path) as answer:
        if "event-stream" not in answer.headers.get("content-type", ""):
            return answer.status_code, answer.read().decode(errors="replace")
        return answer.status_code, next(part for part in answer.iter_text() if "data:" in part)


def test_no_answer_holds_what_engineers_read(web_env, db, seller):
    (connection_id,) = db.execute("select id::text from public.connected_accounts").fetchone()
    bearer = {"Authorization": f"Bearer {token_of(web_env, seller)}"}
    answers = {}
    with served(web_env, METRICS_TOKEN="a token of whoever scrapes") as url:
        for accept in ("application/json", "text/html"):
            with client(url, headers={**bearer, "Accept": accept}) as asking:
                answers |= {(path, accept): begun(asking, path) for path in paths(web_env, connection_id)}

    assert {key for key, (_, text) in answers.items() if "canary" in text} == set()
    told = {path for (path, _), (status, _) in answers.items() if status == 200}
    assert {"/backfill/status", "/backfill/events", "/connections", "/dashboard", "/settings/connections"} <= told
    assert "We look into it." in answers["/backfill/status", "application/json"][1]


def test_no_row_that_a_user_may_read_holds_it(web_env, db, seller):
    key = {"apikey": web_env["SUPABASE_ANON_KEY"], "Authorization": f"Bearer {token_of(web_env, seller)}"}
    rows = {}
    with httpx.Client(base_url=f"{web_env['SUPABASE_URL']}/rest/v1", headers=key, trust_env=False) as rest:
        for table, columns in db.execute(_READABLE):
            rows[table] = rest.get(f"/{table}", params={"select": ",".join(columns)}).text

    assert {table for table, text in rows.items() if "canary" in text} == set()
    assert all(seller in text for text in rows.values()), rows
