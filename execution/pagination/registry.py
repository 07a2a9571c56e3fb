"""Which paginator a stream has: a new way of paging is its module and one line here."""

from __future__ import annotations

from typing import Any

from execution.pagination.offset import OffsetPaginator
from execution.pagination.page_number import PageNumberPaginator
from execution.pagination.paginator import Paginator
from execution.platforms.shopify.bulk import BulkPaginator
from execution.platforms.shopify.graphql_pages import GraphqlPages
from execution.platforms.shopify.since_id import SinceIdPages, SinceIdPaginator
from execution.streams import OffsetPages, PageNumberPages, Pages, Stream

PAGINATORS: dict[type[Pages], type[Paginator[Any]]] = {
    OffsetPages: OffsetPaginator,
    PageNumberPages: PageNumberPaginator,
    GraphqlPages: BulkPaginator,
    SinceIdPages: SinceIdPaginator,
}


def paginator_of(stream: Stream) -> Paginator[Any]:
    return PAGINATORS[type(stream.pages)](stream)
