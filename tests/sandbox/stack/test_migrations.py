"""Migrations: in order, whole or not at all, on record as the Supabase CLI records them."""

from __future__ import annotations

import threading

import psycopg
import pytest

from execution.errors import UserError
from execution.schema.migration_files import export
from execution.schema.migrations import migrate, pending
from execution.schema.sql_text import meaning, statements
from execution.settings import database_url


@pytest.fixture
def url(bare):
    """A database of its own, owned by `postgres`, dropped afterwards."""
    with psycopg.connect(bare.env["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("drop database if exists migrated with (force)")
        connection.execute("create database migrated")
        yield bare.env["DATABASE_URL"].removesuffix("/postgres") + "/migrated"
        connection.execute("drop database migrated with (force)")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of migrations; write files with `folder(name, text)`."""
    monkeypatch.setenv("KEEPER_MIGRATIONS_DIR", str(tmp_path))

    def write(name, text):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def _rows(url, statement):
    with psycopg.connect(url) as connection:
        return connection.execute(statement).fetchall()


RECORD = "select version, name, statements from supabase_migrations.schema_migrations order by version"
TABLES = "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1"


def test_what_is_pending_is_applied_once_and_in_order(url, folder):
    folder("20_b.sql", "insert into a values (2);")
    folder("10_a.sql", "create table a (id int);")

    assert pending(url) == ["10_a", "20_b"]
    assert migrate(url) == ["10_a", "20_b"]
    assert (migrate(url), pending(url)) == ([], [])
    assert _rows(url, "select id from a") == [(2,)]


def test_the_record_is_the_one_of_the_supabase_cli(url, folder):
    """Its table, its columns and types; statements without their `;`."""
    folder(
        "20261122000100_a_b.sql", "-- why\ncreate table a (id int);\n\ncreate table b (t text default ';');\n-- end\n"
    )

    migrate(url)

    assert _rows(url, RECORD) == [
        ("20261122000100", "a_b", ["-- why\ncreate table a (id int)", "create table b (t text default ';')"])
    ]
    assert _rows(
        url,
        """select column_name::text, udt_name::text, is_nullable::text from information_schema.columns
           where table_name = 'schema_migrations' order by ordinal_position""",
    ) == [("version", "text", "NO"), ("statements", "_text", "YES"), ("name", "text", "YES")]


def test_a_record_made_by_the_cli_is_taken_over(url, folder):
    """Also one without statements, as old versions of the CLI wrote."""
    folder("1_a.sql", "create table a (id int);")
    folder("2_b.sql", "create table b (id int);")
    with psycopg.connect(url) as connection:
        connection.execute("create schema supabase_migrations")
        connection.execute(
            """create table supabase_migrations.schema_migrations
               (version text primary key, statements text[], name text)"""
        )
        connection.execute("insert into supabase_migrations.schema_migrations values ('1', null, null)")

    assert migrate(url) == ["2_b"]


def test_a_failing_file_leaves_nothing_and_its_place_is_named(url, folder):
    folder("1_good.sql", "create table good (id int);")
    folder("2_bad.sql", "-- first\ncreate table bad (id int);\n\n/* two\nlines */\nselect 1,\n  nonsense;\n")

    with pytest.raises(UserError) as refused:
        migrate(url)

    assert str(refused.value).startswith('2_bad.sql, line 7: column "nonsense" does not exist')
    assert _rows(url, TABLES) == [("good",)]
    assert pending(url) == ["2_bad"]


def test_an_error_without_a_position_is_placed_at_its_statement(url, folder):
    folder("1_bad.sql", "create table a (id int primary key);\n\n-- twice\ninsert into a values (1), (1);\n")

    with pytest.raises(UserError, match=r"1_bad\.sql, line 4: duplicate key.*already exists"):
        migrate(url)


@pytest.mark.parametrize("words", ["commit", "BEGIN", "rollback", "start transaction"])
def test_a_file_that_ends_the_transaction_is_refused_before_anything_runs(url, folder, words):
    folder("1_own.sql", f"create table a (id int);\n{words};\nselect nonsense;")

    with pytest.raises(UserError, match=r"1_own\.sql, line 2"):
        migrate(url)

    assert _rows(url, TABLES) == []


def _foreign(url, version, name):
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into supabase_migrations.schema_migrations (version, name, statements) values (%s, %s, %s)",
            [version, name, ["select 1"]],
        )


@pytest.mark.parametrize("version", ["0", "15", "99991231235959"])
def test_rows_of_the_projects_own_migrations_are_left_alone(url, folder, version):
    """Older, between and newer than ours; in either order."""
    folder("1_a.sql", "create table a (id int);")
    migrate(url)
    _foreign(url, version, "theirs")
    folder("20_b.sql", "create table b (id int);")

    assert pending(url) == ["20_b"]
    assert migrate(url) == ["20_b"]
    assert (version, "theirs", ["select 1"]) in _rows(url, RECORD)


def test_a_number_that_the_project_has_given_is_told(url, folder):
    folder("1_a.sql", "create table a (id int);")
    migrate(url)
    _foreign(url, "2", "theirs")
    folder("2_b.sql", "create table b (id int);")

    with pytest.raises(UserError, match="The number of 2_b is taken by the project's own migration theirs"):
        migrate(url)


def test_an_older_file_that_turns_up_late_is_refused_unless_it_is_meant(url, folder):
    """Also several, and with newer ones beside them: nothing of them is applied."""
    folder("20_b.sql", "create table b (id int);")
    migrate(url)
    folder("10_a.sql", "create table a (id int);")
    folder("15_late.sql", "create table late (id int);")
    folder("30_c.sql", "create table c (id int);")

    with pytest.raises(UserError, match=r"10_a, 15_late are older than what is applied already.*--include-all"):
        migrate(url)
    assert _rows(url, TABLES) == [("b",)]
    assert migrate(url, include_all=True) == ["10_a", "15_late", "30_c"]


@pytest.mark.parametrize(
    ("theirs", "ours", "named"),
    [
        ("create table public.orders (id int)", "create table public.orders (id int);", "public.orders"),
        ("create view orders as select 1", "create unlogged table orders (id int);", "public.orders"),
        ("create sequence orders", "create table if not exists public.orders (id int);", "public.orders"),
        (
            "create function public.figures(int) returns int language sql as 'select 1'",
            "create or replace function public.figures() returns int language sql as 'select 2';",
            "public.figures",
        ),
        (
            "create table theirs (id int); create index orders_by_time on theirs (id)",
            "create table ours (id int); create unique index if not exists orders_by_time on public.ours (id);",
            "public.orders_by_time",
        ),
        (
            """create schema auth; create table auth.users (id int);
               create function made() returns trigger language plpgsql as 'begin return new; end';
               create trigger create_profile after insert on auth.users for each row execute function made()""",
            """create trigger create_profile after insert or update of id on auth.users
                   for each row execute function public.made();""",
            "auth.create_profile",
        ),
        ("create type mood as enum ('a')", "create domain public.mood as text;", "public.mood"),
        ("create table public.orders (id int)", "select 1; create view orders as select 2;", "public.orders"),
    ],
)
def test_a_name_that_is_taken_is_told_before_anything_is_made(url, folder, theirs, ours, named):
    with psycopg.connect(url) as connection:
        connection.execute(theirs)
    before = _rows(url, "select count(*) from pg_class")
    folder("1_a.sql", "create table a (id int);")
    folder("2_b.sql", ours)

    with pytest.raises(UserError) as refused:
        migrate(url)

    assert f"Keeper would make {named}, and the project has it already; nothing was changed" in str(refused.value)
    assert _rows(url, "select count(*) from pg_class") == before
    assert "\n" not in str(refused.value)


def test_what_is_ours_already_may_be_made_again(url, folder):
    """A function that is replaced, a table that is dropped and made anew."""
    function = "create or replace function public.f() returns int language sql as 'select {}';"
    folder("1_a.sql", "create table a (id int);" + function.format(1))
    migrate(url)
    folder("2_b.sql", "drop table a; create table a (id text);" + function.format(2))

    assert migrate(url) == ["2_b"]


def test_the_whole_schema_says_which_names_are_taken(url, monkeypatch):
    """Our own migrations, in a project that has tables of the most usual names."""
    monkeypatch.delenv("KEEPER_MIGRATIONS_DIR", raising=False)
    with psycopg.connect(url) as connection:
        connection.execute("create table public.profiles (id uuid); create table public.orders (id uuid)")

    with pytest.raises(
        UserError, match=r"Keeper would make public\.profiles, public\.orders, and the project has them"
    ):
        migrate(url)


def test_migrations_are_exported_once_and_nothing_is_written_over(tmp_path, folder):
    """Into a folder with the project's own; a second time there is nothing to do; a number that is taken is told."""
    folder("1_a.sql", "create table a (id int);")
    folder("2_b.sql", "create table b (id int);")
    target = tmp_path / "project" / "migrations"

    assert export(target) == ["1_a.sql", "2_b.sql"]
    (target / "15_own.sql").write_text("select 1;")
    assert export(target) == []

    (target / "2_b.sql").rename(target / "2_own.sql")
    (target / "1_a.sql").unlink()
    with pytest.raises(UserError, match=r"2_own\.sql has the number of Keeper's 2_b\.sql"):
        export(target)
    assert not (target / "1_a.sql").exists()


def test_a_changed_file_is_refused_a_changed_comment_is_not(url, folder):
    folder("1_a.sql", "create table a (note text default 'a  b') -- here\n; select 1")
    migrate(url)

    folder("1_a.sql", "-- said better\ncreate  table a (\n  note text default 'a  b') ;\n select 1; -- there\n")
    assert migrate(url) == []

    folder("1_a.sql", "create table a (note text default 'a b');")
    with pytest.raises(UserError, match=r"1_a\.sql was changed"):
        migrate(url)


@pytest.mark.parametrize(
    ("names", "message"),
    [(["add_table.sql"], "not named"), (["1_a.sql", "1_b.sql"], "same number")],
)
def test_names_that_leave_the_order_open_are_refused(url, folder, names, message):
    for name in names:
        folder(name, "select 1;")

    with pytest.raises(UserError, match=message):
        migrate(url)


def test_several_at_once_apply_each_file_once(url, folder):
    for number in range(1, 6):
        folder(f"{number}_t.sql", f"select pg_sleep(0.02); create table t{number} (id int);")
    done, failures = [], []

    def run():
        try:
            done.extend(migrate(url))
        except UserError as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (sorted(done), failures) == ([f"{number}_t" for number in range(1, 6)], [])


def test_an_absent_database_is_one_line(folder):
    with pytest.raises(UserError, match="cannot be reached") as refused:
        migrate("postgresql://postgres@127.0.0.1:1/postgres")

    assert "\n" not in str(refused.value)
    assert "DATABASE_URL" in str(refused.value)


SECRET = "canary-word"


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://postgres:{SECRET}@127.0.0.1:1/postgres",
        f"postgresql://postgres:{SECRET}@127.0.0.1:{SECRET}/postgres",
        f"postgresql://postgres:x@{SECRET}@127.0.0.1:1/postgres",
        f"postgresql://postgres:{SECRET}%zz@127.0.0.1:1/postgres",
        f"postgresql://postgres:[{SECRET}@127.0.0.1:1/postgres",
        f"postgresql://postgres:{SECRET}/x@127.0.0.1:1/postgres",
        f"postgresql://postgres:a#{SECRET}@127.0.0.1:1/postgres",
        f"postgresql://postgres:?{SECRET}=1@127.0.0.1:1/postgres",
        f"postgresql://postgres@127.0.0.1:1/postgres?pasword={SECRET}&{SECRET}",
        f"host=127.0.0.1 port=1 password={SECRET}",
        f"host=127.0.0.1 port=1 password='{SECRET}",
        f"postgres:{SECRET}@127.0.0.1",
    ],
)
def test_no_part_of_a_password_is_in_what_is_told(folder, address):
    """Neither of our check's words nor of the driver's, which quote what they could not read."""
    folder("1_a.sql", "select 1;")
    for act in (lambda: migrate(address), lambda: migrate(database_url({"DATABASE_URL": address}))):
        with pytest.raises(UserError) as refused:
            act()
        assert SECRET not in str(refused.value)
        assert SECRET not in str(refused.value.__cause__)
        assert "DATABASE_URL" in str(refused.value)


def test_postgrest_is_told_to_read_the_schema_again(url, folder):
    """Also where no event trigger does it, as in this database."""
    folder("1_a.sql", "create table a (id int);")
    with psycopg.connect(url, autocommit=True) as listener:
        listener.execute("listen pgrst")

        migrate(url)

        assert [note.payload for note in listener.notifies(timeout=5, stop_after=1)] == ["reload schema"]


def test_percent_signs_and_placeholders_are_only_text(url, folder):
    folder("1_a.sql", "create table a as select '100 %s %' || $$ $1 :x $$ as t;")

    migrate(url)

    assert _rows(url, "select t from a") == [("100 %s % $1 :x ",)]


@pytest.mark.parametrize(
    "text",
    [
        "select ';', \"a;b\", E'it\\'s;', 'it''s;'",
        "create function f() returns int language plpgsql as $x$ begin return 1; end; $x$",
        "create function f() returns int begin atomic select case when true then 1 end; select 2; end",
        "select 1 /* a; /* b; */ c; */ + 2",
        "select $$;$$ || $a$ $$;$$ $a$ || price$1",
        "select 'größe;' as größe -- ;",
    ],
)
def test_a_semicolon_inside_ends_no_statement(text):
    found = statements(f"{text}\n;\nselect 2;")

    assert [one.text for one in found] == [text, "select 2"]


def test_all_of_a_file_is_in_its_statements(request):
    """Our own migrations: nothing but `;` and space between statements is dropped, and they mean the same again."""
    files = sorted((request.config.rootpath / "supabase" / "migrations").glob("*.sql"))

    for path in files:
        source = path.read_text()
        found = statements(source)
        assert meaning("\n;".join(one.text for one in found)) == meaning(source)
        assert all(one.text[one.first :].startswith(one.tokens[0]) for one in found)
    assert files
