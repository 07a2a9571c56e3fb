"""Which walk a stream has: a new way of paging is its module and one line here."""

from __future__ import annotations

from typing import Any

from execution.pagination.offset import OffsetWalk
from execution.pagination.page_number import NumberedWalk
from execution.pagination.paginator import Walk
from execution.platforms.shopify.bulk import BulkWalk
from execution.platforms.shopify.graphql_pages import ConnectionPages
from execution.platforms.shopify.since_id import SincePages, SinceWalk
from execution.streams import NumberedPages, OffsetPages, Pages, Stream

WALKS: dict[type[Pages], type[Walk[Any]]] = {
    OffsetPages: OffsetWalk,
    NumberedPages: NumberedWalk,
    ConnectionPages: BulkWalk,
    SincePages: SinceWalk,
}


def walk_of(stream: Stream) -> Walk[Any]:
    return WALKS[type(stream.pages)](stream)
