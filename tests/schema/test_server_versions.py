"""The migrations run unchanged on PostgreSQL 15, 17 and 18, make the same schema, and a page commits on each."""

from __future__ import annotations

import os
import uuid

import psycopg
import pytest

from execution.migrations import migrate
from tests.schema import old_server
from tests.schema.jobworld import call, claim, commit_empty_page, complete, make_seller, queue
from tests.schema.test_conversions import RECEIPT
from tests.schema.wall import violations

_OURS = "('public'::regnamespace, 'private'::regnamespace)"
# Everything that a migration makes, one line each. What only newer ones have is left out: not-null constraints with
# names, and the privilege MAINTAIN. A grant that was given and taken back leaves the default written out.
_SCHEMA = {
    "column": f"""select c.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
        a.attgenerated, pg_get_expr(d.adbin, d.adrelid), a.attnum
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
        where c.relnamespace in {_OURS} and c.relkind in ('r', 'p', 'v', 'm', 'c')""",
    "table": f"""select c.oid::regclass, c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.reloptions,
        obj_description(c.oid, 'pg_class') from pg_class c where c.relnamespace in {_OURS}""",
    "constraint": f"""select conrelid::regclass, conname, pg_get_constraintdef(oid), condeferrable, condeferred
        from pg_constraint where connamespace in {_OURS} and contype <> 'n'""",
    "index": f"select pg_get_indexdef(c.oid) from pg_class c where c.relnamespace in {_OURS} and c.relkind in ('i', 'I')",  # noqa: E501
    "policy": """select p.polrelid::regclass, p.polname, p.polcmd, p.polpermissive, p.polroles::regrole[],
        pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid) from pg_policy p""",
    "function": f"""select f.oid::regprocedure, pg_get_function_arguments(f.oid), pg_get_function_result(f.oid),
        f.prosecdef, f.provolatile, f.proisstrict, f.proconfig, f.prokind, l.lanname, md5(f.prosrc)
        from pg_proc f join pg_language l on l.oid = f.prolang where f.pronamespace in {_OURS}""",
    "trigger": """select tgrelid::regclass, tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal""",
    "grant on table": f"""select c.oid::regclass, a.grantee::regrole, a.privilege_type, a.is_grantable
        from pg_class c, aclexplode(coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::"char",
        c.relowner))) as a
        where c.relnamespace in {_OURS} and c.relkind in ('r', 'p', 'v', 'm', 'S')
        and a.privilege_type <> 'MAINTAIN'""",
    "grant on column": f"""select c.oid::regclass, t.attname, a.grantee::regrole, a.privilege_type
        from pg_class c join pg_attribute t on t.attrelid = c.oid, aclexplode(t.attacl) as a
        where c.relnamespace in {_OURS}""",
    "grant on function": f"""select f.oid::regprocedure, a.grantee::regrole, a.privilege_type
        from pg_proc f, aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) as a
        where f.pronamespace in {_OURS}""",
    "grant on schema": """select n.nspname, a.grantee::regrole, a.privilege_type from pg_namespace n,
        aclexplode(n.nspacl) as a where n.nspname in ('public', 'private') and a.grantee <> 'pg_database_owner'::regrole""",  # noqa: E501
    "default grant": """select defaclrole::regrole, coalesce(defaclnamespace::regnamespace::text, ''), defaclobjtype,
        a.grantee::regrole, a.privilege_type from pg_default_acl, aclexplode(defaclacl) as a
        where defaclrole = 'postgres'::regrole and a.privilege_type <> 'MAINTAIN'""",
}


def schema(db):
    """The schema as a set of lines."""
    found = {kind: [" | ".join(map(str, row)) for row in db.execute(query)] for kind, query in _SCHEMA.items()}
    assert all(found.values()), "a part of the schema was not seen at all"
    return {f"{kind}: {line}" for kind, lines in found.items() for line in lines}


@pytest.fixture(scope="module", params=[15, 17])
def version(request):
    if not (old_server.FOLDERS[request.param] / "bin" / "postgres").exists():
        told = f"PostgreSQL {request.param} is not installed: {old_server.MISSING[request.param]}"
        if os.environ.get("CI"):
            pytest.fail(told)
        pytest.skip(told)
    return request.param


@pytest.fixture(scope="module")
def old_url(version):
    with old_server.running(version) as url:
        assert migrate(url)
        yield url


@pytest.fixture
def old(old_url, version):
    with psycopg.connect(old_url, autocommit=True) as connection:
        assert connection.info.server_version // 10000 == version
        yield connection


def test_the_schema_is_the_same_as_on_18(db, old):
    assert db.info.server_version // 10000 == 18
    newer, older = schema(db), schema(old)

    assert sorted(newer - older) == []
    assert sorted(older - newer) == []


def test_the_wall_stands_as_well(old):
    assert violations(old) == []


def test_a_second_migration_finds_nothing_to_do(old_url):
    assert migrate(old_url) == []


def test_a_page_commits_and_a_job_ends(old):
    user, lease = make_seller(old, "etsy"), str(uuid.uuid4())
    old.execute("set role service_role")

    queue(old, user, ("etsy", "orders"))
    claimed = claim(old, lease)
    answer = commit_empty_page(old, lease, 0, [RECEIPT])
    call(old, "tick")
    complete(old, lease)

    assert claimed["user_id"] == user
    assert (answer["created"], answer["rejected"]) == (1, 0)
    rows = old.execute("select user_id::text, platform_id, total_amount from public.orders").fetchall()
    assert rows == [(user, "7", 1200)]
    assert old.execute("select backfill_status from public.profiles").fetchall() == [("completed",)]
    assert call(old, "remap_records", p_user_id=user, p_platform="etsy", p_shape="receipts", p_table="orders",
                p_columns={"status": []}, p_after="") == {"rows": 1, "changed": 0, "after": "7"}  # fmt: skip
