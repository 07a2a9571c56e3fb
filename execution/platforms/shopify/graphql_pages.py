"""Pages of a GraphQL connection of Shopify's, in the order of ids (`rising`)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from execution.errors import Fatal, Retriable
from execution.http.messages import Request, Response
from execution.pagination.keyset import KeysetPaginator, KeysetPosition
from execution.pagination.page_body import Content
from execution.pagination.paginator import Bounds, Caller, Probe, Send
from execution.platforms.rights import NOT_APPROVED, RIGHT_MISSING
from execution.platforms.shopify.graphql import GRANTED, data_of, granted_in, graphql
from execution.platforms.shopify.history import demand_history, iso_time
from execution.streams import Pages, Stream


@dataclass(frozen=True, kw_only=True)
class News:
    """Another list of which a call shows the newest change, under its entity's name: an alias, and no call of its own.

    `right`: where it is not granted, nothing is asked of that list.
    """

    entity: str
    root: str
    right: str
    terms: str = ""

    @property
    def field(self) -> str:
        return (
            f"{self.entity}: {self.root}(first: 1, sortKey: UPDATED_AT, reverse: true, query: ${self.entity}) "
            "{ nodes { id updatedAt } }"
        )


@dataclass(frozen=True, kw_only=True)
class GraphqlPages(Pages):
    """A root connection of Shopify's GraphQL API.

    `node` is what is selected of each record. `terms` is part of every search; `time` is the search word for the time
    that a window bounds, `count_time` the same for the count, where the count takes another word or none at all.
    `node_points` is what one record costs. `history_scope` is the leave to see everything, where that is needed.
    """

    root: str
    count: str
    node: str
    node_points: int
    terms: str = ""
    time: str = "created_at"
    count_time: str = "created_at"
    count_takes_query: bool = True
    limit: int = 250
    history_scope: str = ""
    # Exported in bulk from this many records on, where the platform lets us; None: never.
    bulk_from: int | None = None
    # Where the records of a nested connection belong, by the type in their ids: {"LineItem": "lineItems"}.
    nested: Mapping[str, str] | None = None
    # The node as a bulk export takes it: nested connections as edges.
    bulk_node: str = ""
    # Lists whose news in the same window the first page tells: the pulse of a shop is one call.
    news: tuple[News, ...] = ()

    def points(self, size: int) -> float:
        """What a page of this size costs at most (sheet, addendum: measured on 13,109 recorded answers)."""
        return 2 + max(1, math.floor(2 * math.log(size))) * self.node_points + 12 + 3 * len(self.news)


C = TypeVar("C", bound=KeysetPosition)
_NOT_ALLOWED = (RIGHT_MISSING, *NOT_APPROVED)


class GraphqlPaginator(KeysetPaginator[C], Generic[C]):
    """The paginator of `GraphqlPages`."""

    def __init__(self, stream: Stream) -> None:
        if not isinstance(stream.pages, GraphqlPages):
            raise TypeError(f"{stream.name} has no connection")
        self.pages = stream.pages
        super().__init__(stream, limit=self.pages.limit)

    @property
    def records_at(self) -> str:
        return f"data.{self.pages.root}.nodes"

    def fetch(self, caller: Caller, position: C) -> Response:
        """Where another list may not be read, this one is all the same."""
        try:
            return super().fetch(caller, position)
        except Fatal as signal:
            if not (self.pages.news and position.pages == 0 and signal.code in _NOT_ALLOWED):
                raise
            self.pages = replace(self.pages, news=())
            return super().fetch(caller, position)

    def read(self, response: Response) -> Content:
        root, count = self.pages.root, self.pages.count
        more, counted = f"data.{root}.pageInfo.hasNextPage", f"data.{count}.count"
        news = {f"data.{one.entity}.nodes": one.entity for one in self.pages.news}
        content = self.read_page(response, facts=(more, counted, *news))
        if not isinstance(content.facts[more], bool):
            raise Retriable("the page does not say whether another one follows")
        shown = {entity: content.facts[at] for at, entity in news.items() if isinstance(content.facts[at], list)}
        return replace(content, count=content.facts[counted], facts={"more": content.facts[more]}, shown=shown)

    def probe_newest(self, send: Send, bounds: Bounds) -> Probe | None:
        """The count and the newest record, and whether we may see everything, in one call."""
        position = self.begin(bounds)
        scopes = GRANTED if self.pages.history_scope else ""
        query = (
            f"query KeeperProbe($query: String{self._count_variable}) {{ {self._count_field} {scopes} "
            f"newest: {self.pages.root}(first: 1, sortKey: ID, reverse: true, query: $query) {{ nodes {{ id }} }} }}"
        )
        data = data_of(send(graphql(query, self._variables(position), points=40)))
        try:
            count, nodes = data[self.pages.count], data["newest"]["nodes"]
            newest = str(nodes[0]["id"]).rpartition("/")[2] if nodes else None
            exact = count["precision"] == "EXACT"
            counted = int(count["count"])
        except (KeyError, TypeError, ValueError, IndexError):
            raise Retriable("the answer to the count is none") from None
        if scopes:
            demand_history(self.stream, self.pages.history_scope, granted_in(data), bounds)
        return Probe(count=counted if exact else None, newest=newest, detail={} if exact else {"at_least": counted})

    def page(self, position: C, size: int) -> Request:
        return self._page(position, size, self.pages.node)

    def key_page(self, position: C) -> Request:
        return self._page(position, 1, "id")

    def _page(self, position: C, size: int, node: str) -> Request:
        """The first page brings the count along, for the progress bar."""
        pages, first = self.pages, position.pages == 0
        beside = " ".join((self._count_field, *(one.field for one in pages.news))) if first else ""
        more = self._count_variable + "".join(f", ${one.entity}: String" for one in pages.news) if first else ""
        query = (
            f"query Keeper($first: Int!, $query: String{more}) {{ {beside} "
            f"{pages.root}(first: $first, sortKey: ID, query: $query) "
            f"{{ nodes {{ {node} }} pageInfo {{ hasNextPage }} }} }}"
        )
        variables = self._variables(position) if first else {"query": self._search(position)}
        if first:
            variables |= {one.entity: self._terms(position, pages.time, one.terms) for one in pages.news}
        return graphql(query, variables | {"first": size}, points=pages.points(size))

    @property
    def _count_field(self) -> str:
        taken = "query: $all, " if self.pages.count_takes_query else ""
        return f"{self.pages.count}({taken}limit: null) {{ count precision }}"

    @property
    def _count_variable(self) -> str:
        return ", $all: String" if self.pages.count_takes_query else ""

    def _variables(self, position: C) -> dict[str, Any]:
        counted = {"all": self._terms(position, self.pages.count_time, self.pages.terms)}
        counted = counted if self.pages.count_takes_query else {}
        return {"query": self._search(position), **counted}

    def _search(self, position: C) -> str:
        after = f"id:>{position.since}" if position.since else ""
        return " ".join(filter(None, (self._terms(position, self.pages.time, self.pages.terms), after)))

    def _terms(self, position: C, word: str, terms: str) -> str:
        """Times are quoted: without quotes they break at the colon, and match nearly everything (addendum)."""
        parts = [terms]
        if word and position.window_start is not None:
            parts.append(f"{word}:>='{iso_time(position.window_start)}'")
        if word and position.until is not None:
            parts.append(f"{word}:<='{iso_time(position.until)}'")
        return " ".join(filter(None, parts))
