"""Which paginator a stream has, by the type of its `pages`. A platform with a way of paging of its own adds it here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from execution.pagination.head import HeadPaginator
from execution.pagination.offset import OffsetPaginator
from execution.pagination.page_number import PageNumberPaginator
from execution.pagination.paginator import Paginator
from execution.streams import HeadPages, OffsetPages, PageNumberPages, Pages, Stream

Paginators = Mapping[type[Pages], type[Paginator[Any]]]

_PAGINATORS: dict[type[Pages], type[Paginator[Any]]] = {
    HeadPages: HeadPaginator,
    OffsetPages: OffsetPaginator,
    PageNumberPages: PageNumberPaginator,
}


def add(paginators: Paginators) -> None:
    """Ways of paging that a platform brings."""
    _PAGINATORS.update(paginators)


def paginator_of(stream: Stream) -> Paginator[Any]:
    return _PAGINATORS[type(stream.pages)](stream)
