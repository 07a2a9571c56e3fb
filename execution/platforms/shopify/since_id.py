"""Shopify's legacy REST lists, in the order of ids (`rising`); the sheet, section 6.

`since_id` goes on from any place, whoever asks; the `Link` header tells whether another page follows. Its own
`page_info` is not followed: it lives for an unknown time, takes no filters beside it, and says nothing that the last
id does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import orjson

from execution.errors import Retriable
from execution.http.messages import Request, Response
from execution.pagination.keyset import KeysetPaginator, KeysetPosition
from execution.pagination.page_body import Content
from execution.pagination.paginator import Bounds, Probe, Send
from execution.platforms.shopify.history import demand_history, iso_time, scopes
from execution.streams import Lookup, Pages, Stream

_NEXT = re.compile(r'rel="?next"?')


@dataclass(frozen=True, kw_only=True)
class SinceIdPages(Pages):
    """A list of REST's: its name, which is its envelope's as well, and the fields that are asked for.

    `time` is the time that a window bounds.
    """

    root: str
    fields: tuple[str, ...]
    time: str = "created_at"
    limit: int = 250
    history_scope: str = ""

    def by_ids(self, params: Mapping[str, str]) -> Callable[[Lookup, Sequence[str]], Request]:
        """How records of the list are asked for by id. One that is gone is not in the answer."""

        def request(_lookup: Lookup, ids: Sequence[str]) -> Request:
            asked = {**params, "ids": ",".join(ids), "limit": self.limit, "fields": ",".join(self.fields)}
            return Request(path=f"/{self.root}.json", params=asked)

        return request


class SinceIdPaginator(KeysetPaginator[KeysetPosition]):
    """The paginator of `SinceIdPages`."""

    def __init__(self, stream: Stream) -> None:
        if not isinstance(stream.pages, SinceIdPages):
            raise TypeError(f"{stream.name} is no list of REST's")
        self.pages = stream.pages
        super().__init__(stream, limit=self.pages.limit)

    @property
    def records_at(self) -> str:
        return self.pages.root

    def page(self, position: KeysetPosition, size: int) -> Request:
        fields = ",".join(self.pages.fields)
        params = {**self._filters(position), "limit": size, "since_id": position.since, "fields": fields}
        return Request(path=f"/{self.pages.root}.json", params=params)

    def key_page(self, position: KeysetPosition) -> Request:
        params = {**self._filters(position), "limit": 1, "since_id": position.since, "fields": "id"}
        return Request(path=f"/{self.pages.root}.json", params=params)

    def read(self, response: Response) -> Content:
        content = self.read_page(response)
        more = bool(_NEXT.search(response.headers.get("link", "")))
        return replace(content, count=None, facts={"more": more})

    def probe_newest(self, send: Send, bounds: Bounds) -> Probe | None:
        """The count, and the record that the platform puts first: the newest one."""
        filters = self._filters(self.begin(bounds))
        counted = send(Request(path=f"/{self.pages.root}/count.json", params=filters))
        first = self.read_page(
            send(Request(path=f"/{self.pages.root}.json", params={**filters, "limit": 1, "fields": "id"}))
        )
        try:
            count = int(orjson.loads(counted.body)["count"])
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            raise Retriable("the answer to the count is none") from None
        if self.pages.history_scope:
            demand_history(self.stream, self.pages.history_scope, scopes(send), bounds)
        return Probe(count=count, newest=first.keys[0] if first.keys else None)

    def _filters(self, position: KeysetPosition) -> dict[str, str]:
        """All states unless told otherwise: REST's own default is open orders alone."""
        filters = dict(self.stream.params)
        if position.window_start is not None:
            filters[f"{self.pages.time}_min"] = iso_time(position.window_start)
        if position.until is not None:
            filters[f"{self.pages.time}_max"] = iso_time(position.until)
        return filters
