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


def newest_version() -> str:
    """The number of the newest migration that this code brings."""
    return migration_files()[-1].version


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
