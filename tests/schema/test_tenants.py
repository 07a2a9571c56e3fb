"""Promise 14, role by role and verb by verb: every table, view, sequence and function, from the live catalog.

For each statement there are two forms: one about a row that Bob has, one about a row that nobody has. Ann must not be
able to tell them apart, and neither changes anything.
"""

from __future__ import annotations

import contextlib
import uuid
from datetime import datetime

import psycopg
import pytest
from psycopg import sql

from tests.schema.asking import DENIED, ask, contents
from tests.schema.rows import insertion, tables, title

_NEVER = "the same answer for 'not yours' and 'not there'"


def key_of(db, table):
    rows = db.execute(
        """select a.attname from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
           where i.indrelid = %s::regclass and i.indisprimary""",
        [table.as_string()],
    )
    return [name for (name,) in rows]


def written_columns(db, table):
    """The columns that a statement may name as its target: those that the server makes are refused before rights."""
    rows = db.execute(
        """select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped
           and attidentity = '' and attgenerated = ''""",
        [table.as_string()],
    )
    return [name for (name,) in rows]


def ghost_of(row, key):
    """A row that nobody has: the same, with another key."""
    return row | {name: _nobodys(value) for name, value in row.items() if name in key and value is not None}


def _nobodys(value):
    if _is_uuid(value):
        return str(uuid.uuid4())
    with contextlib.suppress(TypeError, ValueError):
        return datetime.fromisoformat(value).replace(year=1901).isoformat()
    return -1 if isinstance(value, int) else f"nobody's {value}"


def _is_uuid(value):
    try:
        return str(uuid.UUID(str(value))) == value
    except ValueError:
        return False


def matches(row, key):
    return sql.SQL(" and ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(str(row[name]))) for name in key
    )


def statements(db, table, row, ann):
    """Every verb about one row, by name."""
    key = key_of(db, table)
    where, name = matches(row, key), table
    written = written_columns(db, table)
    first, target = sql.Identifier(key[0]), sql.Identifier("user_id" if "user_id" in written else written[0])
    values = {k: v for k, v in row.items() if k in written and v is not None and not isinstance(v, dict | list)}
    insert = insertion(name, values)
    mine = {**values, **({"user_id": ann} if "user_id" in values else {})}
    form = {
        "select": "select {first} from {name} where {where}",
        "select all columns": "select * from {name} where {where}",
        "count": "select count({first}) from {name} where {where}",
        "exists": "select exists (select {first} from {name} where {where})",
        "select for update": "select {first} from {name} where {where} for update",
        "update": "update {name} set {target} = {target} where {where}",
        "take over": "update {name} set {target} = " + sql.Literal(ann).as_string() + " where {where}",
        "delete": "delete from {name} where {where}",
    }
    made = {
        verb: sql.SQL(text).format(first=first, target=target, name=name, where=where) for verb, text in form.items()
    }
    made["insert"] = insert
    made["insert as mine"] = insertion(name, mine)
    made["upsert, ignoring"] = insert + sql.SQL(" on conflict do nothing")
    made["upsert, merging"] = insert + sql.SQL(" on conflict ({}) do update set {target} = excluded.{target}").format(
        sql.SQL(", ").join(map(sql.Identifier, key)), target=target
    )
    made["copy in"] = sql.SQL("copy {} from stdin").format(name)
    made["lock"] = sql.SQL("lock table {} in exclusive mode").format(name)
    made["truncate"] = sql.SQL("truncate {}").format(name)
    return made


def test_every_table_has_rows_of_both_and_each_reads_its_own(db, tenants):
    """Not vacuous: what follows is about rows that exist and that their owner sees."""
    for table in tables(db):
        assert db.execute(sql.SQL("select count(*) from {}").format(table)).fetchone()[0] >= 1, table
        if title(table).startswith("private."):
            continue
        for user in (tenants.ann, tenants.bob):
            seen = ask(db, "authenticated", user, sql.SQL("select user_id::text from {}").format(table))
            assert seen[0] == "rows", (table, seen)
            assert {row[0] for row in seen[1][0]} == {user}, table


def test_every_verb_on_every_table_as_another_tenant_shows_and_changes_nothing(db, tenants):
    before = contents(db)
    asked = 0
    for table in tables(db):
        row = tenants.bob_rows[title(table)]
        ghost = ghost_of(row, key_of(db, table))
        theirs, nobodys = (statements(db, table, r, tenants.ann) for r in (row, ghost))
        for role, user in (
            ("authenticated", tenants.ann),
            ("authenticated", None),
            ("anon", None),
            ("anon", tenants.ann),
        ):
            for verb, statement in theirs.items():
                answer = ask(db, role, user, statement)
                place = f"{role} {verb} {title(table)}"
                assert answer == ask(db, role, user, nobodys[verb]), f"{place}: {_NEVER}"
                asked += 1
                if answer[0] != "rows":
                    assert answer[0] == DENIED, f"{place}: {answer}"
                    continue
                assert verb.startswith(("select", "count", "exists")), f"{place} is allowed"
                assert role == "authenticated", f"{place} is allowed"
                assert answer[1][0] in ([], [(0,)], [(False,)]), f"{place}: {answer}"

    assert contents(db) == before
    assert asked == len(tables(db)) * 4 * 15


def test_workers_write_no_table_by_themselves(db, tenants):
    """service_role goes past row-level security, so it may only select: functions take the lease's tenant."""
    before = contents(db)
    for table in tables(db):
        for verb, statement in statements(db, table, tenants.bob_rows[title(table)], tenants.ann).items():
            answer = ask(db, "service_role", None, statement)
            reading = verb in ("select", "select all columns", "count", "exists") and title(table).startswith("public.")
            assert answer[0] == ("rows" if reading else DENIED), f"{verb} {title(table)}: {answer}"

    assert contents(db) == before


@pytest.mark.parametrize("sub", [None, "00000000-0000-0000-0000-000000000000"])
def test_a_token_without_a_user_or_of_nobody_matches_no_row(db, tenants, sub):
    """A null auth.uid() equals nothing."""
    for table in tables(db, "public"):
        answer = ask(db, "authenticated", sub, sql.SQL("select user_id from {}").format(table))
        assert answer == ("rows", ([], 0)), table


def test_claims_of_the_last_request_do_not_stay_with_the_connection(db, tenants):
    """Connections are pooled: what Bob's request set is gone with its transaction."""
    assert ask(db, "authenticated", tenants.bob, "select user_id from public.profiles")[1][1] == 1

    db.execute("set role authenticated")
    left_over = db.execute("select user_id from public.profiles").fetchall()
    db.execute("reset role")

    assert left_over == []


def test_user_metadata_opens_nothing(db, tenants):
    db.execute("set role authenticated")
    claims = f'{{"sub": "{tenants.ann}", "user_metadata": {{"is_admin": true}}, "app_metadata": {{"role": "admin"}}}}'
    with db.transaction(force_rollback=True):
        db.execute("select set_config('request.jwt.claims', %s, true)", [claims])
        seen = db.execute("select user_id::text from public.orders").fetchall()
    db.execute("reset role")

    assert seen == [(tenants.ann,)]


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_no_function_answers_end_users(db, tenants, role):
    """Every function of public and private, called for real with null arguments."""
    before = contents(db)
    functions = db.execute("""
        select f.oid::regprocedure::text, n.nspname, f.proname, f.prorettype = 'trigger'::regtype,
               array(select format_type(t, null) from unnest(f.proargtypes) with ordinality as a(t, i) order by i)
        from pg_proc f join pg_namespace n on n.oid = f.pronamespace
        where n.nspname in ('public', 'private') and f.prokind = 'f'""").fetchall()
    assert len(functions) > 50
    for name, schema, function, is_trigger, types in functions:
        nulls = sql.SQL(", ").join(sql.SQL("null::" + kind) for kind in types)
        call = sql.SQL("select {}({})").format(sql.Identifier(schema, function), nulls)
        answer = ask(db, role, tenants.ann, call)
        assert answer[0] == DENIED or (is_trigger and answer[0] == "0A000"), f"{name}: {answer}"

    assert contents(db) == before


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_no_sequence_answers_the_api(db, tenants, role):
    """A sequence that counts all tenants' rows tells each how many the others have."""
    sequences = db.execute(
        "select oid::regclass::text from pg_class where relkind = 'S' "
        "and relnamespace in ('public'::regnamespace, 'private'::regnamespace)"
    ).fetchall()
    assert sequences
    for (name,) in sequences:
        for statement in (f"select nextval('{name}')", f"select setval('{name}', 1)", f"select * from {name}"):
            assert ask(db, role, tenants.ann, statement)[0] == DENIED, statement


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_the_private_schema_is_out_of_reach(db, tenants, role):
    for table in tables(db, "private"):
        state, message = ask(db, role, tenants.ann, sql.SQL("select * from {}").format(table))
        assert (state, message) == (DENIED, "permission denied for schema private")


def test_the_lease_is_not_for_the_eyes_of_end_users(db, tenants):
    """Neither by name, nor by filter, order or the whole row as one value."""
    assert ask(db, "authenticated", tenants.ann, "select id from public.sync_jobs")[1][1] == 1
    for query in (
        "select lease_id from public.sync_jobs",
        "select id from public.sync_jobs where lease_id is not null",
        "select id from public.sync_jobs order by lease_id",
        "select to_jsonb(j) from public.sync_jobs as j",
        "select j from public.sync_jobs as j",
        "select * from public.sync_jobs",
    ):
        assert ask(db, "authenticated", tenants.ann, query)[0] == DENIED, query


def test_a_hole_in_the_wall_is_seen_by_these_statements(db, tenants):
    """The planted control: with one policy for all, the matrix is no longer blind to Bob's rows."""
    statement = statements(db, sql.Identifier("public", "orders"), tenants.bob_rows["public.orders"], tenants.ann)
    assert ask(db, "authenticated", tenants.ann, statement["select"]) == ("rows", ([], 0))
    db.execute("create policy hole on public.orders for select to authenticated using (true)")
    try:
        assert ask(db, "authenticated", tenants.ann, statement["select"])[1][1] == 1
    finally:
        db.execute("drop policy hole on public.orders")


def test_a_page_about_another_shop_lands_with_the_tenant_of_the_lease(db, tenants):
    """B8 row 60: `user_id` inside a record is data like any other, and equal keys of two connections are two rows."""
    with pytest.raises(psycopg.errors.UniqueViolation):
        db.execute(insertion(sql.Identifier("public", "orders"), _plain(tenants.bob_rows["public.orders"])))
    copy = _plain(tenants.bob_rows["public.orders"]) | {
        "user_id": tenants.ann,
        "connection_id": tenants.ann_rows["public.connected_accounts"]["id"],
    }

    db.execute(insertion(sql.Identifier("public", "orders"), copy))

    owners = db.execute(
        "select user_id::text from public.orders where platform_id = %s", [copy["platform_id"]]
    ).fetchall()
    assert {owner for (owner,) in owners} == {tenants.ann, tenants.bob}


def _plain(row):
    return {name: psycopg.types.json.Jsonb(value) if isinstance(value, dict) else value for name, value in row.items()}
