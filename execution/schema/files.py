"""The files of supabase/schemas: the truth about the database, in the order that config.toml lists them in."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from execution.errors import UserError
from execution.schema.migrations import Connection, run
from execution.schema.sql_text import Statement, statements
from execution.shipped import folder as shipped_folder

FOLDER = shipped_folder("supabase")
_FUNCTION = re.compile(r"create\s+(?:or\s+replace\s+)?(?:function|procedure)\s+([\w.]+)\s*\(", re.IGNORECASE)
_BESIDE = re.compile(r"(?:grant|revoke|comment\s+on)\b.*?\bfunction\s+([\w.]+)\s*\(", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class SchemaFile:
    """A file, with its place below supabase/."""

    name: str
    statements: tuple[Statement, ...]


@dataclass(frozen=True, kw_only=True)
class Function:
    """A function as its file has it: with its promise above it, and the grants and comments beside it."""

    name: str
    file: str
    text: str
    beside: tuple[str, ...]


def schema_files(folder: Path = FOLDER) -> list[SchemaFile]:
    """Every file in its order; UserError where config.toml and the folder disagree."""
    config = tomllib.loads((folder / "config.toml").read_text(encoding="utf-8"))
    paths: list[Path] = []
    for pattern in config["db"]["migrations"]["schema_paths"]:
        found = sorted(folder.glob(pattern.removeprefix("./")))
        if not found:
            raise UserError(f"config.toml lists {pattern}, and there is no such file.", hint="Mend `schema_paths`.")
        paths += [path for path in found if path not in paths]
    listed = {path.relative_to(folder).as_posix() for path in paths}
    unlisted = {path.relative_to(folder).as_posix() for path in folder.glob("schemas/**/*.sql")} - listed
    if unlisted:
        raise UserError(
            f"config.toml does not list {', '.join(sorted(unlisted))}.", hint="Add it to `schema_paths`, in its place."
        )
    return [
        SchemaFile(
            name=path.relative_to(folder).as_posix(), statements=tuple(statements(path.read_text(encoding="utf-8")))
        )
        for path in paths
    ]


def functions(files: Iterable[SchemaFile]) -> dict[str, Function]:
    """Every function by its name, in the files' order; UserError where two have one name."""
    found: dict[str, Function] = {}
    for file in files:
        for statement in file.statements:
            body = statement.text[statement.first :]
            match = _FUNCTION.match(body)
            if match is None:
                continue
            name = match[1]
            if name in found:
                raise UserError(
                    f"{name} is defined twice: in {found[name].file} and in {file.name}, line {statement.line}.",
                    hint="A function has one definition, in one file.",
                )
            promise = statement.text[: statement.first].rpartition("\n\n")[2]
            beside = tuple(other.text[other.first :] + ";" for other in file.statements if _named_by(other) == name)
            found[name] = Function(name=name, file=file.name, text=f"{promise}{body};", beside=beside)
    return found


def _named_by(statement: Statement) -> str | None:
    match = _BESIDE.match(statement.text, statement.first)
    return match[1] if match else None


def build(connection: Connection, files: Iterable[SchemaFile]) -> None:
    """Make in an empty database what the files say; UserError with file and line where one fails."""
    for file in files:
        with connection.transaction():
            run(connection, file.name, list(file.statements))
