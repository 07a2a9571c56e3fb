"""The files of supabase/migrations, read without a database: workers need the newest number and no driver."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from execution.errors import UserError
from execution.shipped import folder as shipped_folder

_NAME = re.compile(r"([0-9]+)_(.+)\.sql")
FOLDER = shipped_folder("supabase") / "migrations"


@dataclass(frozen=True, kw_only=True)
class Migration:
    """A file of the folder."""

    version: str
    name: str
    path: Path

    @property
    def title(self) -> str:
        return f"{self.version}_{self.name}"

    def read(self) -> str:
        """Its text; UserError where it cannot be read."""
        try:
            return self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{self.path.name} cannot be read: {error}.") from error


def known_versions() -> list[str]:
    """The numbers of all migrations that this code brings."""
    return [migration.version for migration in migration_files()]


def newest_version() -> str:
    """The number of the newest migration that this code brings."""
    return known_versions()[-1]


def export(target: Path) -> list[str]:
    """Write our files into the migrations of another project; answers the names of those that were not there.

    UserError, and nothing is written, where a file of the name or of the number is there and says something else.
    """
    files = migration_files()
    there = {path.name: path for path in target.glob("*.sql")}
    numbers = {match[1]: name for name in there if (match := _NAME.fullmatch(name))}
    for migration in files:
        name = numbers.get(migration.version, migration.path.name)
        path = there.get(name)
        if path is not None and (name != migration.path.name or path.read_text(encoding="utf-8") != migration.read()):
            raise UserError(
                f"{path} has the number of Keeper's {migration.path.name}, and other text; nothing was written:",
                hint="give your own migration another number.",
            )
    new = [migration for migration in files if migration.path.name not in there]
    try:
        target.mkdir(parents=True, exist_ok=True)
        for migration in new:
            (target / migration.path.name).write_text(migration.read(), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{target} cannot be written: {error.strerror}.", hint="Name another folder.") from None
    return [migration.path.name for migration in new]


def migration_files() -> list[Migration]:
    """Every file by its number; UserError where a name is unfit or a number stands twice."""
    folder = Path(os.environ.get("KEEPER_MIGRATIONS_DIR") or FOLDER)
    if not folder.is_dir():
        raise UserError(f"There is no folder of migrations at {folder}.", hint="Set KEEPER_MIGRATIONS_DIR.")
    found: dict[str, Migration] = {}
    for path in sorted(folder.glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise UserError(f"{path.name} is not named <number>_<name>.sql.", hint="Rename it, or move it elsewhere.")
        if match[1] in found:
            raise UserError(f"{path.name} and {found[match[1]].path.name} have the same number.", hint="Renumber one.")
        found[match[1]] = Migration(version=match[1], name=match[2], path=path)
    return [found[version] for version in sorted(found)]
