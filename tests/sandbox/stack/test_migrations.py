"""Migrations: in order, whole or not at all, on record as the Supabase CLI records them."""

from __future__ import annotations

import threading

import psycopg
import pytest

from execution.errors import UserError
from execution.schema.migrations import migrate, pending
from execution.schema.sql_text import meaning, statements


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


def test_a_missing_file_is_refused(url, folder):
    gone = folder("1_gone.sql", "create table a (id int);")
    migrate(url)
    gone.unlink()
    folder("2_next.sql", "create table b (id int);")

    for act in (migrate, pending):
        with pytest.raises(UserError, match="1_gone is applied, but its file is missing"):
            act(url)
    assert _rows(url, TABLES) == [("a",)]


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
