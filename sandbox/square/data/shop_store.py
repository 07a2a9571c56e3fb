"""A seller's records on disk: an index that answers filters and paging, and each record as the API answers it.

Memory holds no records, so a shop of thirty thousand orders costs no more than one of ten.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from sandbox.parts.responses import Doc
from sandbox.parts.shop_store import BaseShopStore
from sandbox.square.data.generation import Record, everything
from sandbox.square.data.records import index_of
from sandbox.square.data.shop import Shop
from sandbox.square.data.tables import INDEXES, TABLES

_BATCH = 2000
_INSERT = f"INSERT INTO records VALUES ({', '.join('?' * 13)})"  # noqa: S608 - our own words


class Listed(NamedTuple):
    """A record as a list found it: the value that it is sorted by, its key, and its bytes."""

    value: Any
    id: str
    doc: bytes


class Wanted(NamedTuple):
    """Which records of a kind, and in what order. `where` are terms of SQL with their values."""

    kind: str
    sort: str
    descending: bool
    where: tuple[tuple[str, tuple[Any, ...]], ...] = ()


class ShopStore(BaseShopStore):
    """Index and records of one seller."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        super().__init__(folder, shop.seed)
        self.shop = shop
        # Moves with every change.
        self.version = 0

    def build(self) -> None:
        """Write everything in one pass."""
        self.db.executescript(TABLES)
        self.db.execute("BEGIN")
        rows: list[tuple[Any, ...]] = []
        for record in everything(self.shop):
            rows.append(_row(record))
            if len(rows) == _BATCH:
                self.check_stopped()
                self.db.executemany(_INSERT, rows)
                rows.clear()
        self.db.executemany(_INSERT, rows)
        self.db.execute("COMMIT")
        self.db.executescript(INDEXES)

    # --- reading ----------------------------------------------------------------------------------------

    def page(self, wanted: Wanted, after: tuple[Any, str] | None, limit: int) -> list[Listed]:
        """So many records behind a place."""
        way, beyond = ("DESC", "<") if wanted.descending else ("ASC", ">")
        terms, values = ["kind = ?"], [wanted.kind]
        for term, given in wanted.where:
            terms.append(term)
            values.extend(given)
        if after is not None:
            terms.append(f"({wanted.sort}, id) {beyond} (?, ?)")
            values.extend(after)
        sql = (
            f"SELECT {wanted.sort}, id, doc FROM records WHERE {' AND '.join(terms)}"  # noqa: S608 - our own words
            f" ORDER BY {wanted.sort} {way}, id {way} LIMIT ?"
        )
        return [Listed(*row) for row in self.db.execute(sql, (*values, limit))]

    def count(self, wanted: Wanted) -> int:
        terms = ["kind = ?", *(term for term, _ in wanted.where)]
        values = [wanted.kind, *(value for _, given in wanted.where for value in given)]
        sql = f"SELECT count(*) FROM records WHERE {' AND '.join(terms)}"  # noqa: S608 - our own words
        return int(self.db.execute(sql, values).fetchone()[0])

    def raw(self, kind: str, key: str) -> bytes | None:
        found = self.db.execute("SELECT doc FROM records WHERE kind = ? AND id = ?", (kind, key)).fetchone()
        return found[0] if found else None

    def get(self, kind: str, key: str) -> Doc | None:
        raw = self.raw(kind, key)
        return None if raw is None else orjson.loads(raw)

    def several(self, kind: str, keys: Iterable[str]) -> list[bytes]:
        """Those that are there, in the order in which they were asked for."""
        return [raw for key in dict.fromkeys(keys) if (raw := self.raw(kind, key)) is not None]

    def children(self, kind: str, parent: str) -> list[Doc]:
        sql = "SELECT doc FROM records WHERE parent = ? AND kind = ? ORDER BY created, id"
        return [orjson.loads(raw) for (raw,) in self.db.execute(sql, (parent, kind))]

    def all(self, kind: str) -> Iterator[Doc]:
        """Every record of a kind, oldest first, a batch at a time."""
        last: tuple[Any, str] | None = None
        while batch := self.page(Wanted(kind, "created", descending=False), last, 200):
            last = (batch[-1].value, batch[-1].id)
            yield from (orjson.loads(found.doc) for found in batch)

    def key_at(self, kind: str, which: Any, where: str = "1", values: tuple[Any, ...] = ()) -> str | None:
        """Of "first", "last" or {"index": n}, in order of creation."""
        way = "DESC" if which == "last" else "ASC"
        offset = int(which["index"]) if isinstance(which, dict) else 0
        sql = (
            f"SELECT id FROM records WHERE kind = ? AND {where}"  # noqa: S608 - our own words
            f" ORDER BY created {way}, id {way} LIMIT 1 OFFSET ?"
        )
        found = self.db.execute(sql, (kind, *values, offset)).fetchone()
        return None if found is None else str(found[0])

    def newest(self, kind: str) -> int:
        """When the youngest change of a kind was, 0 where there is none."""
        found = self.db.execute("SELECT max(updated) FROM records WHERE kind = ?", (kind,)).fetchone()
        return int(found[0] or 0)

    # --- changes ----------------------------------------------------------------------------------------

    def put(self, kind: str, doc: Doc) -> None:
        """Replace or add a record."""
        self.version += 1
        record = Record(kind, doc)
        row = _row(record)
        self.db.execute("DELETE FROM records WHERE kind = ? AND id = ?", (kind, row[1]))
        self.db.execute(_INSERT, row)

    def remove(self, kind: str, key: str) -> None:
        self.version += 1
        self.db.execute("DELETE FROM records WHERE kind = ? AND id = ?", (kind, key))


def _row(record: Record) -> tuple[Any, ...]:
    return (*index_of(record.kind, record.doc), orjson.dumps(record.doc))
