"""What a user takes along: a line of JSON a row, table by table, read as it is written, with a manifest at the end.

Which tables and columns: those that row-level security shows their owner (SQL: export.sql). Rows come in pages by key:
each is as it stood at some moment between the manifest's `begun_at` and `ended_at`; what was there at both is in it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import orjson

from execution.errors import UserError
from execution.store import Rpc

VERSION = 1
MANIFEST = "manifest.json"


@dataclass(kw_only=True)
class ExportedTable:
    """A table's lines: how many, and what they add up to."""

    table: str
    rows: int = 0
    bytes: int = 0
    sha256: str = ""
    file: str | None = None


@dataclass(kw_only=True)
class Export:
    """One export: its lines, and the manifest once they were read to the end."""

    store: Rpc
    user_id: str
    now: Callable[[], datetime]
    # One shop alone, in place of all that the user has.
    connection_id: str | None = None
    tables: list[ExportedTable] = field(default_factory=list)
    _begun_at: str = ""

    def lines(self) -> Iterator[tuple[str, bytes]]:
        """The name of the table, and the line."""
        self._begun_at, self.tables = self.now().isoformat(), []
        shops = [self.connection_id] if self.connection_id else self._shops()
        for one in self.store.rpc("export_tables"):
            if self.connection_id and not one["of_connection"]:
                continue
            told, digest = ExportedTable(table=one["table"]), hashlib.sha256()
            for shop in shops if one["of_connection"] else [None]:
                for row in self._rows(one["table"], shop):
                    line = orjson.dumps({"table": one["table"], **row}) + b"\n"
                    told.rows, told.bytes = told.rows + 1, told.bytes + len(line)
                    digest.update(line)
                    yield one["table"], line
            told.sha256 = digest.hexdigest()
            self.tables.append(told)

    def manifest(self) -> dict[str, Any]:
        """What was exported, when, and how to prove that it is whole."""
        whose = {"connection_id": self.connection_id} if self.connection_id else {}
        return {
            "format": "keeper.export",
            "version": VERSION,
            "user_id": self.user_id,
            **whose,
            "begun_at": self._begun_at,
            "ended_at": self.now().isoformat(),
            "tables": [asdict(one) for one in self.tables],
        }

    def _shops(self) -> list[str]:
        return [row["id"] for row in self._rows("connected_accounts", None)]

    def _rows(self, table: str, shop: str | None) -> Iterator[dict[str, Any]]:
        after: list[str] | None = None
        while True:
            page = self.store.rpc(
                "export_rows", p_user_id=self.user_id, p_table=table, p_connection_id=shop, p_after=after
            )
            yield from page["rows"]
            after = page["after"]
            if not page["rows"]:
                return


def stream(export: Export) -> Iterator[bytes]:
    """All lines, and a last one with the manifest: without it the stream was cut."""
    for _, line in export.lines():
        yield line
    yield orjson.dumps({"manifest": export.manifest()}) + b"\n"


def write(export: Export, folder: Path, *, told: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """A file a table into a folder that is new or empty, the manifest last. Answers the manifest.

    Raises UserError for a folder that cannot be used. Nobody but whoever exports may read the files.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UserError(f"{folder} is not empty:", hint="name a folder that is new or empty.")
        _write_tables(export, folder, told)
        manifest = export.manifest()
        with _opened(folder / MANIFEST) as file:
            file.write(orjson.dumps(manifest, option=orjson.OPT_INDENT_2) + b"\n")
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror}):", hint="name another folder.") from None
    return manifest


def _write_tables(export: Export, folder: Path, told: Callable[[str], None]) -> None:
    file: IO[bytes] | None = None
    written = ""
    try:
        for table, line in export.lines():
            if file is None or table != written:
                if file is not None:
                    file.close()
                file, written = _opened(folder / f"{table}.ndjson"), table
                told(f"Exporting {table} …")
            file.write(line)
    finally:
        if file is not None:
            file.close()
    for one in export.tables:
        one.file = f"{one.table}.ndjson" if one.rows else None


def _opened(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
