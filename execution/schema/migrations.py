"""Applies supabase/migrations as the Supabase CLI does, so that `keeper migrate` and `supabase db push` may take turns.

Record: `supabase_migrations.schema_migrations(version, statements, name)`, made and filled as the CLI makes and
fills it (github.com/supabase/cli, pkg/migration).  What the CLI does not do: one runner at a time, whole files
or nothing, and a refusal when an applied file says something else now. Rows of files that are not ours are those of
the project that we share, and nobody's business here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from execution.errors import UserError
from execution.schema.migration_files import Migration, migration_files
from execution.schema.names import Made, made_by
from execution.schema.sql_text import Statement, meaning, statements

# Any number does, as long as nobody else takes this lock: "keeper" on a telephone's keys.
LOCK = 533737
LOCK_PATIENCE_MS = 60_000
# A file that ends our transaction could be applied by half.
_OWN_TRANSACTION = {"begin", "start", "commit", "rollback", "abort", "end", "prepare"}

_MOST_NAMED = 8
# Every name that is taken in these schemas, by the catalog that it stands in.
_TAKEN: LiteralString = """
    select k.kind, n.nspname || '.' || k.name
    from (select 'relation' as kind, c.relnamespace as schema, c.relname::text as name from pg_class as c
          union all select 'function', p.pronamespace, p.proname::text from pg_proc as p
          union all select 'trigger', c.relnamespace, t.tgname::text
                    from pg_trigger as t join pg_class as c on c.oid = t.tgrelid
          union all select 'type', t.typnamespace, t.typname::text from pg_type as t) as k
    join pg_namespace as n on n.oid = k.schema
    where n.nspname = any (%s)"""

Connection = psycopg.Connection[Any]


def migrate(database_url: str, *, include_all: bool = False) -> list[str]:
    """Apply what is pending, a transaction a file, and return the names of what was applied.

    Raises UserError, and applies nothing of the file at fault, when a file fails, was changed, makes what is there
    already, or is older than what is applied: that one is applied only where `include_all` says so.
    Two at once are harmless: each file is applied by whoever holds the lock, the other finds it done.
    """
    files = migration_files()
    applied: list[str] = []
    with _connected(database_url) as connection:
        while True:
            with connection.transaction():
                _lock(connection)
                _make_record(connection)
                todo = _pending(connection, files)
                if not todo:
                    return applied
                _refuse_late(files, todo, include_all=include_all)
                _refuse_taken(connection, files, todo)
                _apply(connection, todo[0])
            applied.append(todo[0].title)


def pending(database_url: str) -> list[str]:
    """The names of migrations that are not applied yet, writing nothing; the same refusals as `migrate`."""
    files = migration_files()
    with _connected(database_url) as connection:
        return [migration.title for migration in _pending(connection, files)]


def _connected(database_url: str) -> Connection:
    try:
        # Prepared statements do not survive a pooler such as hosted Supabase's.
        return psycopg.connect(database_url, autocommit=True, prepare_threshold=None, connect_timeout=10)
    except psycopg.Error as error:
        # Never the driver's own words: of an address that it cannot read they quote the password.
        said = _said(error)
    raise UserError(
        f"The database at DATABASE_URL cannot be reached: {said}.",
        hint="Check DATABASE_URL; special characters of its password are written as %40 and the like.",
    )


def _said(error: psycopg.Error) -> str:
    """Why no connection was made, in our words."""
    if not isinstance(error, psycopg.OperationalError):
        return "the address cannot be read"
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return "it does not answer in time"
    return "no connection was made, or it refuses the user"


def _lock(connection: Connection) -> None:
    """Taken for the transaction only, so that it also works through a pooler."""
    connection.execute(sql.SQL("set local lock_timeout = {}").format(sql.Literal(f"{LOCK_PATIENCE_MS}ms")))
    connection.execute("set local statement_timeout = 0")
    try:
        connection.execute("select pg_advisory_xact_lock(%s)", [LOCK])
    except psycopg.errors.LockNotAvailable as error:
        message = f"Another process has been migrating this database for {LOCK_PATIENCE_MS // 1000} seconds."
        raise UserError(message, hint="Wait for it and try again.") from error


def _make_record(connection: Connection) -> None:
    if _has_record(connection):
        return
    connection.execute("create schema if not exists supabase_migrations")
    connection.execute(
        """create table supabase_migrations.schema_migrations (
               version text not null primary key, statements text[], name text
           )"""
    )


def _has_record(connection: Connection) -> bool:
    row = connection.execute("select to_regclass('supabase_migrations.schema_migrations') is not null").fetchone()
    return bool(row and row[0])


def _pending(connection: Connection, files: list[Migration]) -> list[Migration]:
    done = _done(connection)
    for migration in files:
        name, texts = done.get(migration.version, (None, None))
        if name is not None and name != migration.name:
            message = f"The number of {migration.title} is taken by the project's own migration {name}."
            raise UserError(message, hint="Give that one another number.")
        if texts is not None and meaning(migration.read()) != meaning("\n;\n".join(texts)):
            message = f"{migration.path.name} was changed after it had been applied."
            raise UserError(message, hint="Put it back as it was, and write a new migration for the change.")
    return [migration for migration in files if migration.version not in done]


def _refuse_late(files: list[Migration], todo: list[Migration], *, include_all: bool) -> None:
    """An older file that turns up after newer ones were applied would run on a schema that it does not know."""
    pending = {migration.version for migration in todo}
    newest = max((migration.version for migration in files if migration.version not in pending), default="")
    late = [migration.title for migration in todo if migration.version < newest]
    if late and not include_all:
        verb = "is older than what is" if len(late) == 1 else "are older than what is"
        raise UserError(
            f"{', '.join(late)} {verb} applied already:",
            hint="give it a newer number, or apply it all the same with `keeper migrate --include-all`.",
        )


def _refuse_taken(connection: Connection, files: list[Migration], todo: list[Migration]) -> None:
    """In a project that others share, their tables and functions may have our names: told before anything is made."""
    pending = {migration.version for migration in todo}
    ours = {one for migration in files if migration.version not in pending for one in made_by(migration)}
    made = dict.fromkeys(one for migration in todo for one in made_by(migration) if one not in ours)
    there = _taken(connection, made)
    taken = [one.name for one in made if one in there]
    if taken:
        shown = ", ".join(taken[:_MOST_NAMED]) + (
            f" and {len(taken) - _MOST_NAMED} more" if taken[_MOST_NAMED:] else ""
        )
        raise UserError(
            f"Keeper would make {shown}, and the project has {'it' if len(taken) == 1 else 'them'} already; "
            "nothing was changed:",
            hint="rename or move what is there, or give Keeper a project of its own.",
        )


def _taken(connection: Connection, made: Iterable[Made]) -> set[Made]:
    """All in one look: most of a first migration's time went into asking name by name."""
    schemas = sorted({one.name.split(".")[0] for one in made})
    return {Made(kind=kind, name=name) for kind, name in connection.execute(_TAKEN, [schemas])}


def _done(connection: Connection) -> dict[str, tuple[str | None, list[str] | None]]:
    if not _has_record(connection):
        return {}
    rows = connection.execute("select version, name, statements from supabase_migrations.schema_migrations")
    return {version: (name, texts) for version, name, texts in rows}


def _apply(connection: Connection, migration: Migration) -> None:
    found = statements(migration.read())
    for statement in found:
        if statement.tokens[0].lower() in _OWN_TRANSACTION:
            message = f"{migration.path.name}, line {statement.line}: a migration runs in one transaction of its own."
            raise UserError(message, hint=f"Remove `{statement.tokens[0]}`.")
    run(connection, migration.path.name, found)
    connection.execute(
        "insert into supabase_migrations.schema_migrations (version, name, statements) values (%s, %s, %s)",
        [migration.version, migration.name, [statement.text for statement in found]],
    )
    connection.execute("notify pgrst, 'reload schema'")


def run(connection: Connection, file: str, found: list[Statement]) -> None:
    """Run the statements of a file; a UserError names the place of the one that fails."""
    # psycopg prepares nothing here and sends no parameters, so `%` and `:` in the text stay as they are.
    for statement in found:
        try:
            connection.execute(statement.text.encode())
        except psycopg.Error as error:
            raise UserError(_where(file, statement, error), hint="Nothing of this file was applied.") from error


def _where(file: str, statement: Statement, error: psycopg.Error) -> str:
    """File, line and PostgreSQL's own words: the position it names, else where the statement starts."""
    line = statement.line
    if error.diag.statement_position:
        line += statement.text.count("\n", statement.first, int(error.diag.statement_position) - 1)
    detail = " ".join(part for part in (error.diag.message_primary, error.diag.message_detail) if part)
    return f"{file}, line {line}: {detail or ' '.join(str(error).split())}."
