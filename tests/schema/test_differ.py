"""The differ: nothing is left to write, and what is planted in either database is found and told."""

from __future__ import annotations

import shutil

import psycopg
import pytest

from execution.errors import UserError
from execution.schema.differ import Difference, by_hand, compare, migration_text
from execution.schema.files import FOLDER, build, functions, schema_files
from execution.schema.migration_files import FOLDER as MIGRATIONS
from execution.schema.migrations import migrate
from execution.schema.snapshot import snapshot
from execution.schema.sql_text import statements
from sandbox.stack import Stack
from tools import migration

FUNCTIONS = functions(schema_files())


@pytest.fixture(scope="module")
def urls(tmp_path_factory):
    """A database built from the schema files and one built from the migrations, on a cluster of their own."""

    def make(url):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("create database said template postgres")
        migrate(url)
        with psycopg.connect(url.rpartition("/")[0] + "/said", autocommit=True) as connection:
            build(connection, schema_files())
        found.append(url)

    found = []
    with Stack(tmp_path_factory.mktemp("differ"), durable=False, migrate=make).running():
        yield found[0].rpartition("/")[0] + "/said", found[0]


@pytest.fixture
def said(urls):
    """The database that says what schemas say; what a test does there is undone."""
    with psycopg.connect(urls[0], autocommit=True) as connection, connection.transaction(force_rollback=True):
        yield connection


@pytest.fixture
def made(urls):
    with psycopg.connect(urls[1], autocommit=True) as connection, connection.transaction(force_rollback=True):
        yield connection


@pytest.fixture(scope="module")
def present(urls):
    with psycopg.connect(urls[1], autocommit=True) as connection:
        return snapshot(connection)


def test_nothing_is_left_to_write(said, made):
    assert compare(said, made, FUNCTIONS) == Difference()
    assert not migration.stale_mappings()


def test_a_snapshot_sees_every_kind_that_there_is(made):
    kinds = {thing.kind for thing in snapshot(made)}

    assert kinds >= {"schema", "table", "column", "type", "constraint", "index", "policy", "trigger", "function",
                     "comment", "grant", "default grant", "row"}  # fmt: skip


PLANTED = {
    "table": ("create table private.planted (id int)", "schemas have table private.planted, no migration makes it"),
    "unlogged": (
        "alter table private.rate_limits set unlogged",
        'table private.rate_limits is "table, unlogged" in schemas, "tab',
    ),
    "view": ("create view private.planted as select 1 as one", "schemas have table private.planted, no migration mak"),
    "view's text": (
        "create or replace view private.synced_tables as select oid, relname::text as name from pg_catalog.pg_class",
        "view private.synced_tables is",
    ),
    "row level security": (
        "alter table public.orders disable row level security",
        'table public.orders is "table, forced" in schemas, "table, row level security, forced" by migrations',
    ),
    "forced": ("alter table public.orders no force row level security", 'table public.orders is "table, row level sec'),
    "fillfactor": ("alter table public.sync_jobs set (fillfactor = 70)", "table public.sync_jobs is"),
    "column": (
        "alter table public.orders add column foo int",
        "schemas have column public.orders.foo, no migration makes it",
    ),
    "column's type": (
        "alter table public.orders alter country type varchar(2)",
        'column public.orders.country is "character varying(2)" in schemas, "text" by migrations',
    ),
    "not null": ("alter table public.orders alter country set not null", 'column public.orders.country is "text not n'),
    "default": ("alter table public.orders alter country set default 'US'", "column public.orders.country is"),
    "collation": ('alter table public.orders alter country type text collate "C"', "column public.orders.country is"),
    "identity": ("alter table private.admin_actions alter id drop identity", "column private.admin_actions.id is"),
    "generated": (
        "alter table private.platform_tokens alter access_key_id drop expression",
        "column private.platform_tokens.access_key_id is",
    ),
    "composite type": ("alter type private.landed add attribute more int", "type private.landed is"),
    "enum": ("create type private.planted as enum ('a')", "schemas have type private.planted, no migration makes it"),
    "domain": ("create domain private.planted as int check (value > 0)", "schemas have type private.planted, no mig"),
    "sequence": ("create sequence private.planted", "schemas have sequence private.planted, no migration makes it"),
    "check": (
        "alter table public.orders add constraint planted check (total_amount > 0)",
        "schemas have constraint planted on public.orders, no migration makes it",
    ),
    "foreign key": (
        "alter table public.orders add constraint planted foreign key (user_id) references public.profiles (user_id)",
        "schemas have constraint planted on public.orders, no migration makes it",
    ),
    "primary key": (
        "alter table public.orders drop constraint orders_pkey",
        "migrations make constraint orders_pkey on public.orders, schemas do not have it",
    ),
    "index": (
        "create index planted on public.orders (country)",
        "schemas have index public.planted, no migration makes it",
    ),
    "index's condition": (
        "drop index public.sync_jobs_claim; create index sync_jobs_claim on public.sync_jobs (priority, served_at, id)",
        "index public.sync_jobs_claim is",
    ),
    "statistics": (
        "create statistics private.planted on country, status from public.orders",
        "schemas have statistics",
    ),
    "policy": (
        "create policy planted on public.orders using (true)",
        "schemas have policy planted on public.orders, no migration makes it",
    ),
    "policy's condition": (
        "alter policy own_rows on public.orders using (true)",
        "policy own_rows on public.orders is",
    ),
    "policy's roles": ("alter policy own_rows on public.orders to anon", "policy own_rows on public.orders is"),
    "trigger": (
        "drop trigger forget_connection on public.connected_accounts",
        "migrations make trigger forget_connection on public.connected_accounts, schemas do not have it",
    ),
    "trigger on auth": (
        "create trigger planted after insert on auth.users for each row execute function private.create_profile()",
        "schemas have trigger planted on auth.users, no migration makes it",
    ),
    "disabled trigger": (
        "alter table public.connected_accounts disable trigger forget_connection",
        "trigger forget_connection on public.connected_accounts is",
    ),
    "grant on a table": (
        "grant delete on public.orders to authenticated",
        "schemas have grant DELETE on table public.orders to authenticated, no migration makes it",
    ),
    "revoked grant": (
        "revoke select on public.orders from authenticated",
        "migrations make grant SELECT on table publ",
    ),
    "grant option": (
        "grant select on public.orders to service_role with grant option",
        'grant SELECT on table public.orders to service_role is "with grant option" in schemas, "" by migrations',
    ),
    "grant on a column": (
        "grant update (country) on public.orders to authenticated",
        "schemas have grant UPDATE on column public.orders.country to authenticated, no migration makes it",
    ),
    "grant on a schema": (
        "grant usage on schema private to anon",
        "schemas have grant USAGE on schema private to anon",
    ),
    "grant on a type": (
        "grant usage on type private.landed to anon",
        "schemas have grant USAGE on type private.landed",
    ),
    "default grant": (
        "alter default privileges in schema public grant select on tables to anon",
        "schemas have default grant SELECT on r in public to anon, no migration makes it",
    ),
    "comment on a table": (
        "comment on table public.orders is 'planted'",
        "schemas have comment table public.orders, n",
    ),
    "comment on a column": (
        "comment on column public.orders.country is 'x'",
        "schemas have comment table column publi",
    ),
    "comment on an index": ("comment on index public.sync_jobs_claim is 'x'", "schemas have comment index public.sync"),
    "comment on a policy": (
        "comment on policy own_rows on public.orders is 'x'",
        "schemas have comment policy own_row",
    ),
    "row": (
        "insert into private.plan_weights values ('planted', 3)",
        'schemas have row ["planted"] of private.plan_weights, no migration makes it',
    ),
    "changed row": (
        "update private.currencies set digits = 3 where code = 'USD'",
        'row ["USD"] of private.currencies is',
    ),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_what_only_a_person_may_write_is_named(said, present, kind):
    statement, result = PLANTED[kind]
    said.execute(statement.encode())

    left = by_hand(snapshot(said), present)

    assert [line for line in left if line.startswith(result)], left


def test_what_migrations_alone_make_is_named(said, made):
    made.execute("alter table public.orders add column foo int; create table private.planted (id int)")

    assert compare(said, made, FUNCTIONS).by_hand == (
        "migrations make column public.orders.foo, schemas do not have it",
        "migrations make table private.planted, schemas do not have it",
    )


def test_a_table_that_is_missing_is_one_line(said, made):
    """Its columns, constraints, indexes, policies and grants are not told one by one."""
    said.execute(
        """create table private.planted (id int primary key, t text unique check (t <> ''));
           create index planted_by_text on private.planted (t); grant select on private.planted to service_role;
           alter table private.planted enable row level security; create policy p on private.planted using (true)"""
    )

    assert compare(said, made, FUNCTIONS).by_hand == ("schemas have table private.planted, no migration makes it",)


@pytest.fixture
def edited(said, tmp_path):
    """Edit a file of schemas, run its functions that changed, and have all functions as the files say them."""
    shutil.copytree(FOLDER / "schemas", tmp_path / "schemas")
    shutil.copy(FOLDER / "config.toml", tmp_path)

    def edit(name, *pairs, first=""):
        path = tmp_path / "schemas" / name
        text = path.read_text()
        for old, new in pairs:
            assert old in text
            text = text.replace(old, new)
        path.write_text(text)
        said.execute(first.encode())
        found = functions(schema_files(tmp_path))
        for function in found.values():
            if function != FUNCTIONS.get(function.name):
                said.execute("\n".join([function.text, *function.beside]).encode())
        return found

    return edit


def test_a_changed_line_is_a_migration_of_that_function_alone(said, made, edited):
    old, new = "received_at < new.started_at", "received_at <= new.started_at"

    left = compare(said, made, edited("webhooks.sql", (old, new)))

    assert left.by_hand == ()
    assert left.statements == (FUNCTIONS["private.events_worked"].text.replace(old, new),)


def test_other_arguments_need_a_drop_and_the_grants_again(said, made, edited):
    changed = edited(
        "tenants.sql",
        ("set_plan(p_user_id uuid, p_plan text)", "set_plan(p_user_id uuid, p_plan text, p_why text default '')"),
        ("public.set_plan(uuid, text)", "public.set_plan(uuid, text, text)"),
        first="drop function public.set_plan(uuid, text)",
    )

    left = compare(said, made, changed)

    assert left.by_hand == ()
    assert [" ".join(text.split()[:3]) for text in left.statements] == [
        "drop function public.set_plan(uuid,text);", "-- set_plan: put",
        "revoke all on", "grant execute on",
    ]  # fmt: skip


def test_another_result_needs_a_drop(said, made, edited):
    changed = edited(
        "installation.sql",
        ("p_known text[] default null) returns text", "p_known text[] default null) returns varchar"),
        first="drop function public.schema_version(text[])",
    )

    left = compare(said, made, changed)

    assert left.statements[0] == "drop function public.schema_version(text[]);"
    assert len(left.statements) == 4


def test_a_new_function_comes_with_its_grants_and_one_that_is_gone_is_dropped(said, made, edited):
    one = FUNCTIONS["public.user_by_email"]
    changed = edited(
        "tenants.sql", ("user_by_email", "user_of_email"), first="drop function public.user_by_email(text)"
    )

    left = compare(said, made, changed)

    assert left.statements == (
        *(text.replace("user_by_email", "user_of_email") for text in (one.text, *one.beside)),
        "drop function public.user_by_email(text);",
    )


def test_grants_alone_are_given_again(said, made):
    one = FUNCTIONS["public.claim_job"]
    made.execute("revoke execute on function public.claim_job(uuid, text, int) from service_role")

    assert compare(said, made, FUNCTIONS).statements == one.beside


def test_a_grant_that_no_statement_takes_away_is_named(said, made):
    made.execute("grant execute on function private.round_of(double precision) to anon")

    left = compare(said, made, FUNCTIONS)

    assert left.by_hand == (
        "migrations make grant EXECUTE on function private.round_of(double precision) to anon, schemas do not have it",
    )


def test_what_stands_in_the_way_of_a_drop_is_told(said, made, edited):
    """An index uses the function: it must go first, by hand."""
    changed = edited(
        "virtual_time.sql",
        (
            "round_of(p_virtual_time double precision) returns double precision",
            "round_of(p_virtual_time double precision) returns real",
        ),
        first="drop function private.round_of(double precision) cascade",
    )
    said.execute(
        """create index sync_jobs_virtual_time
           on public.sync_jobs (private.round_of(virtual_time), priority, served_at, id) where status = 'queued'"""
    )

    with pytest.raises(UserError, match=r"The migration would fail: cannot drop function .* depend"):
        compare(said, made, changed)


def test_a_file_that_fails_is_told_with_its_line(urls):
    files = schema_files()
    result = r'^schemas/tenants\.sql, line 3: relation "profiles" already exists'
    with psycopg.connect(urls[1], autocommit=True) as made, pytest.raises(UserError, match=result):
        build(made, [file for file in files if file.name == "schemas/tenants.sql"])


def test_the_text_of_a_migration_is_one_of_ours():
    text = migration_text("what_changes", [FUNCTIONS["public.claim_job"].text])

    assert text.startswith("-- What changes: functions as supabase/schemas say them.\n\n-- claim_job: ")
    assert len(statements(text)) == 1


class TestCommand:
    """`make migration`, with the comparison told."""

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path, monkeypatch):
        (tmp_path / "migrations").mkdir()
        monkeypatch.setattr(migration, "FOLDER", tmp_path / "migrations")
        monkeypatch.setattr(migration, "stale_mappings", dict)
        self.folder, self.patch = tmp_path / "migrations", monkeypatch

    def run(self, left, *arguments):
        self.patch.setattr(migration, "_difference", lambda: left)
        return migration.main([*arguments])

    def test_nothing_is_left(self, capsys):
        assert self.run(Difference(), "--check") == 0
        assert capsys.readouterr().out == "Nothing is left to write.\n"

    def test_a_migration_is_written_behind_all_others(self, capsys):
        self.patch.setattr(migration, "newest_version", lambda: "29991231235959")

        assert self.run(Difference(statements=("select 1;",)), "what_changes") == 0

        (path,) = self.folder.iterdir()
        assert path.name == "30000101000000_what_changes.sql"
        assert path.read_text() == "-- What changes: functions as supabase/schemas say them.\n\nselect 1;\n"
        assert "30000101000000_what_changes.sql" in capsys.readouterr().out

    @pytest.mark.parametrize("option", ["--check", "--dry-run"])
    def test_it_is_only_told(self, capsys, option):
        assert self.run(Difference(statements=("select 1;",)), option) == 1
        assert "select 1;" in capsys.readouterr().out
        assert list(self.folder.iterdir()) == []

    def test_what_is_missing_is_listed(self, capsys):
        assert self.run(Difference(by_hand=("schemas have table a, no migration makes it",)), "x") == 1
        assert capsys.readouterr().out.splitlines()[1:] == ["  schemas have table a, no migration makes it"]
        assert list(self.folder.iterdir()) == []

    def test_streams_that_changed_are_told(self, capsys):
        self.patch.setattr(migration, "stale_mappings", lambda: {MIGRATIONS / "etsy.sql": "new"})

        assert self.run(Difference(), "--check") == 1
        assert "etsy.sql" in capsys.readouterr().out

    @pytest.mark.parametrize("arguments", [[], ["What Changes"], ["../x"]])
    def test_it_wants_a_name(self, capsys, arguments):
        with pytest.raises(SystemExit) as ended:
            self.run(Difference(), *arguments)
        assert ended.value.code == 2
        assert "NAME=what_changes" in capsys.readouterr().err

    def test_trouble_is_one_line(self, capsys):
        def fail():
            raise UserError("It is broken.", hint="Mend it.")

        self.patch.setattr(migration, "_difference", fail)
        assert migration.main(["--check"]) == 2
        assert "It is broken." in capsys.readouterr().err
