"""Applies supabase/migrations as the Supabase CLI does, so that `keeper migrate` and `supabase db push` may take turns.

Record: `supabase_migrations.schema_migrations(version, statements, name)`, made and filled as the CLI makes and
fills it (github.com/supabase/cli, pkg/migration).  What the CLI does not do: one runner at a time, whole files
or nothing, and a refusal when an applied file is gone or says something else now.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

from execution.errors import UserError
from execution.schema.migration_files import Migration, migration_files
from execution.schema.sql_text import Statement, meaning, statements

# Any number does, as long as nobody else takes this lock: "keeper" on a telephone's keys.
LOCK = 533737
LOCK_PATIENCE_MS = 60_000
# A file that ends our transaction could be applied by half.
_OWN_TRANSACTION = {"begin", "start", "commit", "rollback", "abort", "end", "prepare"}

Connection = psycopg.Connection[Any]


def migrate(database_url: str) -> list[str]:
    """Apply what is pending, a transaction a file, and return the names of what was applied.

    Raises UserError, and applies nothing of the file at fault, when a file fails, is missing or was changed.
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
        reason = " ".join(str(error).split()).rstrip(".?")
        raise UserError(f"The database cannot be reached: {reason}.", hint="Check DATABASE_URL.") from error


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
    known = {migration.version: migration for migration in files}
    for version, (name, texts) in done.items():
        if version not in known:
            message = f"Migration {version}_{name or ''} is applied, but its file is missing from the folder."
            raise UserError(message, hint="Bring the file back, or use a newer checkout.")
        if texts is not None and meaning(known[version].read()) != meaning("\n;\n".join(texts)):
            message = f"{known[version].path.name} was changed after it had been applied."
            raise UserError(message, hint="Put it back as it was, and write a new migration for the change.")
    return [migration for migration in files if migration.version not in done]


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
