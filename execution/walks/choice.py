"""Which walk a stream has: a new way of paging is its module and one line here."""

from __future__ import annotations

from typing import Any

from execution.streams import NumberedPages, OffsetPages, Pages, Stream
from execution.walks.bulk import BulkWalk
from execution.walks.connection import ConnectionPages
from execution.walks.numbered import NumberedWalk
from execution.walks.offset import OffsetWalk
from execution.walks.since import SincePages, SinceWalk
from execution.walks.walk import Walk

WALKS: dict[type[Pages], type[Walk[Any]]] = {
    OffsetPages: OffsetWalk,
    NumberedPages: NumberedWalk,
    ConnectionPages: BulkWalk,
    SincePages: SinceWalk,
}


def walk_of(stream: Stream) -> Walk[Any]:
    return WALKS[type(stream.pages)](stream)
