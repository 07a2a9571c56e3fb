"""Write a migration of the functions that supabase/schemas say otherwise than supabase/migrations make them.

    make migration NAME=what_changes        write supabase/migrations/<utc time>_<name>.sql
    make migration ARGS=--dry-run           print it
    make migration ARGS=--check             say whether anything is left to write

Two databases are built in an embedded PostgreSQL of their own and compared. Tables, columns, indexes, policies,
triggers, grants on them and rows are written by hand: what is missing is listed.

Exit status: 0 nothing is left to write, 1 something is, 2 it cannot be told.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from execution.catalog import PLATFORMS, steps_of
from execution.errors import UserError
from execution.schema.differ import Difference, compare, migration_text
from execution.schema.files import build, functions, schema_files
from execution.schema.mapping import mapping_sql
from execution.schema.migration_files import FOLDER, newest_version
from execution.schema.migrations import migrate
from sandbox.stack import Stack, StackError

_NAME = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
_MAPPING = FOLDER.parent / "schemas" / "mapping"


def left_to_write(database_url: str) -> Difference:
    """`database_url`: an empty database that nobody else is connected to, as hosted Supabase hands it over."""
    files = schema_files()
    said_url = database_url.rpartition("/")[0] + "/schemas"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"create database schemas template {connection.info.dbname}".encode())
    migrate(database_url)
    with psycopg.connect(said_url, autocommit=True) as said, psycopg.connect(database_url, autocommit=True) as made:
        build(said, files)
        return compare(said, made, functions(files))


def stale_mappings() -> dict[Path, str]:
    """The files of the generated mapping that the streams say otherwise, with what should stand in them."""
    wanted = {_MAPPING / f"{platform}.sql": mapping_sql(platform, steps_of(platform)) for platform in PLATFORMS}
    return {path: text for path, text in wanted.items() if not path.exists() or path.read_text() != text}


def new_file(name: str) -> Path:
    """Named by the time, and behind every other migration whatever the clock says."""
    newest = datetime.strptime(newest_version(), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    moment = max(datetime.now(UTC), newest + timedelta(seconds=1))
    return FOLDER / f"{moment:%Y%m%d%H%M%S}_{name}.sql"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="make migration", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", nargs="?", default="", help="what changes, in words joined by _")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if anything is left to write")
    parser.add_argument("--dry-run", action="store_true", help="print the migration instead of writing it")
    options = parser.parse_args(arguments)
    writes = not (options.check or options.dry_run)
    if writes and not _NAME.fullmatch(options.name):
        parser.error("say what changes, in small letters: NAME=what_changes")
    try:
        stale = stale_mappings()
        if stale and not writes:
            print("Streams have changed:", *(f"  {path.name} of schemas/mapping" for path in stale), sep="\n")
            return 1
        for path, text in stale.items():
            path.write_text(text, encoding="utf-8")
        return _tell(_difference(), options.name or "what_changes", writes=writes)
    except (UserError, StackError) as error:
        print(error, file=sys.stderr)
        return 2


def _difference() -> Difference:
    found: list[Difference] = []
    with tempfile.TemporaryDirectory(prefix="keeper-migration-") as folder:
        stack = Stack(folder, durable=False, migrate=lambda url: found.append(left_to_write(url)))
        with stack.running():
            return found[0]


def _tell(difference: Difference, name: str, *, writes: bool) -> int:
    if difference.by_hand:
        print("To be written by hand, in a migration that comes first:", *difference.by_hand, sep="\n  ")
        return 1
    if not difference.statements:
        print("Nothing is left to write.")
        return 0
    text = migration_text(name, difference.statements)
    if not writes:
        print(text, end="")
        return 1
    path = new_file(name)
    path.write_text(text, encoding="utf-8")
    print(
        f"Written: {path.relative_to(FOLDER.parents[1])}. Read it, say in its first line why, and run `keeper migrate`."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
