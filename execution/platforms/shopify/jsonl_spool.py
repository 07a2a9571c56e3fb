"""A file of JSON lines, kept on disk until each parent is joined with its children, in whatever order they came.

Since 2026-01 a child's line may stand anywhere (Shopify's sheet, 0.4), so the join needs the whole file, and memory may
not hold it. SQLite keeps it in a private folder of this machine and survives the death of its process; on another
machine the file is fetched again from its start. It is removed when its last row is committed, and at the latest a day
later by the next one that is opened.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from execution.errors import Retriable

_OLDEST_S = 86_400
# A line longer than this is no record.
_LONGEST_LINE = 20 * 1024 * 1024
_BATCH_LINES = 500
_PARENT_AT_END = re.compile(rb',"__parentId":"[^"\\]*"\}$')

_TABLES = """
create table if not exists roots (n integer primary key, gid text not null, line blob not null);
create table if not exists kids (parent text not null, kind text not null, line blob not null);
create index if not exists kids_of on kids (parent);
create table if not exists state (bytes int not null, lines int not null, whole int not null);
"""


class _Line(msgspec.Struct):
    id: str | None = None
    typename: str | None = msgspec.field(name="__typename", default=None)
    parent: str | None = msgspec.field(name="__parentId", default=None)


_line = msgspec.json.Decoder(_Line)


class Spool:
    """The lines of one file. `bytes` are those that are kept; `whole` once the file has come to its end."""

    def __init__(self, name: str, *, folder: Path | None = None) -> None:
        folder = folder or private_folder()
        self._path = folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.spool"
        _remove_forgotten(folder)
        try:
            self._db = self._open()
        except sqlite3.OperationalError:
            raise Retriable("another process is reading this file") from None
        except sqlite3.DatabaseError:  # torn by a power cut
            self._path.unlink(missing_ok=True)
            self._db = self._open()
        self.bytes, self.lines, whole = self._db.execute("select bytes, lines, whole from state").fetchone()
        self.whole = bool(whole)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def fill(self, pieces: Iterator[bytes], over: Callable[[], bool]) -> None:
        """Take what comes, until the file ends or the time is over; every batch is kept by itself.

        However slowly it comes: the lease must not lapse over a batch. One line at least is taken each time.
        """
        rest = b""
        lines: list[bytes] = []
        for piece in pieces:
            *whole, rest = (rest + piece).split(b"\n")
            lines += whole
            if len(rest) > _LONGEST_LINE:
                raise Retriable("a line of the file has no end")
            late = over()
            if len(lines) >= _BATCH_LINES or (lines and late):
                self._keep(lines)
                lines = []
                if late:
                    return
        self._keep([*lines, rest] if rest else lines, missing_newline=bool(rest))
        self._db.execute("update state set whole = 1")
        self.whole = True

    def count(self) -> tuple[int, int]:
        """Lines, and those of them that are roots."""
        (roots,) = self._db.execute("select count(*) from roots").fetchone()
        return self.lines, roots

    def joined(self, after: int, size: int, nested: Mapping[str, str]) -> list[bytes]:
        """The roots after the first `after` ones, each with its children in the lists that `nested` names by their
        type; behind a dot, in a list of each child.
        """
        rows = self._db.execute("select gid, line from roots where n > ? order by n limit ?", (after, size)).fetchall()
        return [self._with_kids(gid, bytes(line), nested, "") for gid, line in rows]

    def close(self) -> None:
        self._db.close()

    def remove(self) -> None:
        self.close()
        self._path.unlink(missing_ok=True)

    def _open(self) -> sqlite3.Connection:
        # One thread at a time uses it, but not always the same one: pages are fetched ahead.
        db = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None, timeout=0)
        db.executescript("pragma locking_mode = exclusive; pragma synchronous = off; pragma cache_size = -4000;")
        db.executescript("begin exclusive;" + _TABLES + "commit;")
        if db.execute("select count(*) from state").fetchone() == (0,):
            db.execute("insert into state values (0, 0, 0)")
        return db

    def _keep(self, lines: list[bytes], *, missing_newline: bool = False) -> None:
        roots, kids = [], []
        for text in filter(None, lines):
            line = _read(text)
            if line.parent is None:
                roots.append((line.id or "", text))
            else:
                kids.append((line.parent, line.typename or _kind(line.id), text))
        self._db.execute("begin")
        self._db.executemany("insert into roots (gid, line) values (?, ?)", roots)
        self._db.executemany("insert into kids values (?, ?, ?)", kids)
        self.bytes += sum(len(line) + 1 for line in lines) - missing_newline
        self.lines += len(roots) + len(kids)
        self._db.execute("update state set bytes = ?, lines = ?", (self.bytes, self.lines))
        self._db.execute("commit")

    def _with_kids(self, gid: str, line: bytes, nested: Mapping[str, str], under: str) -> bytes:
        places = {kind: path.removeprefix(under) for kind, path in nested.items() if path.startswith(under)}
        below = {path.partition(".")[0] for path in places.values() if "." in path}
        lists: dict[str, list[bytes]] = {name: [] for name in places.values() if "." not in name}
        kids = self._db.execute("select kind, line from kids where parent = ? order by rowid", (gid,)).fetchall()
        for kind, kid in kids:
            if (name := places.get(kind)) in lists:
                text = _PARENT_AT_END.sub(b"}", bytes(kid))
                if name in below:
                    text = self._with_kids(_read(text).id or "", text, nested, f"{under}{name}.")
                lists[name].append(text)
        tail = b"".join(
            b',"' + name.encode() + b'":{"nodes":[' + b",".join(found) + b"]}" for name, found in lists.items()
        )
        return line.rstrip()[:-1] + tail + b"}"


def _read(text: bytes) -> _Line:
    try:
        return _line.decode(text)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        pass
    try:  # Python's own parser takes what a strict one refuses: such a record is judged where it lands
        loose = json.loads(text)
        return _Line(id=str(loose.get("id") or ""), parent=loose.get("__parentId"))
    except (ValueError, AttributeError, RecursionError):
        raise Retriable("a line of the file is no JSON") from None


def _kind(gid: str | None) -> str:
    """LineItem, of gid://shopify/LineItem/1."""
    return (gid or "").removeprefix("gid://shopify/").partition("/")[0]


def private_folder() -> Path:
    """A folder that only we can read: the lines hold what a seller's buyers bought."""
    folder = Path(tempfile.gettempdir()) / f"keeper-spool-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    result = folder.lstat()
    if folder.is_symlink() or result.st_uid != os.getuid() or result.st_mode & 0o077:
        raise Retriable(f"{folder} is not ours alone: remove it")
    return folder


def _remove_forgotten(folder: Path) -> None:
    for path in folder.glob("*.spool*"):
        try:
            if time.time() - path.stat().st_mtime > _OLDEST_S:
                path.unlink()
        except FileNotFoundError:  # another worker was quicker
            pass
