"""Which walk a stream has: a new way of paging is its module and one line here."""

from __future__ import annotations

from typing import Any

from execution.streams import NumberedPages, OffsetPages, Pages, Stream
from execution.walk import Walk
from execution.walk_bulk import BulkWalk
from execution.walk_connection import ConnectionPages
from execution.walk_numbered import NumberedWalk
from execution.walk_offset import OffsetWalk
from execution.walk_since import SincePages, SinceWalk

WALKS: dict[type[Pages], type[Walk[Any]]] = {
    OffsetPages: OffsetWalk,
    NumberedPages: NumberedWalk,
    ConnectionPages: BulkWalk,
    SincePages: SinceWalk,
}


def walk_of(stream: Stream) -> Walk[Any]:
    return WALKS[type(stream.pages)](stream)
