"""The file of a shop's index: opened, filled and removed alike by every stand-in."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any


class Stopped(Exception):
    """The sandbox is going down while a shop is being built."""


class BaseShopStore(ABC):
    """The index of one shop."""

    def __init__(self, folder: Path, seed: int) -> None:
        # Set from the serving thread to end a build that nobody will use any more.
        self.stopped = False
        self._path = folder / f"shop-{seed}.sqlite"
        self._path.unlink(missing_ok=True)
        # The building thread and the serving thread use it in turn, never at once.
        self.db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        self.db.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-8000; PRAGMA locking_mode=EXCLUSIVE;"
        )

    @abstractmethod
    def build(self) -> None:
        """Write the whole index; it asks `go_on` on its way."""

    def check_stopped(self) -> None:
        """Stopped where the build has been."""
        if self.stopped:
            raise Stopped

    def position_of(self, table: str, which: Any) -> int | None:
        """Of "first", "last" or {"index": n}, in order of creation."""
        way = "DESC" if which == "last" else "ASC"
        offset = int(which["index"]) if isinstance(which, dict) else 0
        sql = f"SELECT pos FROM {table} ORDER BY created {way}, pos {way} LIMIT 1 OFFSET ?"  # noqa: S608 - our own words
        found = self.db.execute(sql, (offset,)).fetchone()
        return None if found is None else int(found[0])

    def close(self) -> None:
        self.db.close()
        self._path.unlink(missing_ok=True)
