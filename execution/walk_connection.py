"""Pages of a GraphQL connection in the order of ids: each page asks for what comes after the last id that was read.

An id never changes and is never given twice, so nothing that is inserted or removed meanwhile moves what is still to
be read. A cursor would say the same less plainly: it is opaque, it stops at 25,000 objects (Shopify's sheet, 3.1), and
only its maker can go on from it. Each page is a slice of ids by itself, so there is no such end, and any worker can go
on at any place with any size of page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Generic, Self, TypeVar, cast

import orjson

from execution.errors import Fatal, Retriable
from execution.pages import Content
from execution.platforms import Answer, Ask
from execution.shopify_api import graphql
from execution.streams import Pages, Stream
from execution.walk import (
    MAX_PASSES,
    Bounds,
    Caller,
    Incomplete,
    Place,
    Probe,
    ReadWindow,
    Send,
    Take,
    Told,
    Turn,
    Wait,
    Walk,
    again,
    announce,
    next_window,
    not_proven,
    open_window,
)

# A page that is refused as too dear, or that the platform cannot manage, is asked for again at half its size.
_HALVINGS = 3
# Orders older than this are absent, without a word, unless `history_scope` was granted (sheet 0.7).
_SEEN_WITHOUT_SCOPE_S = 60 * 86_400


@dataclass(frozen=True, kw_only=True)
class ConnectionPages(Pages):
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

    def points(self, size: int) -> float:
        """What a page of this size costs at most (sheet, addendum: measured on 13,109 recorded answers)."""
        return 2 + max(1, math.floor(2 * math.log(size))) * self.node_points + 12


@dataclass(frozen=True, kw_only=True)
class ConnectionPlace(Place):
    """`since`: the last id that was read. `until`: no record from after this moment is read, in Unix seconds."""

    since: int = 0
    until: int | None = None
    seen: int = 0
    # Ids only ever rose in this pass.
    rising: bool = True

    @property
    def position(self) -> int:
        return self.seen

    def restarted(self) -> Self:
        return replace(self, since=0, seen=0, pages=0, count=None, rising=True)


C = TypeVar("C", bound=ConnectionPlace)


class ConnectionWalk(Walk[C], Generic[C]):
    """The walk of `ConnectionPages`."""

    place_type = cast("type[C]", ConnectionPlace)

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        if not isinstance(stream.pages, ConnectionPages):
            raise TypeError(f"{stream.name} has no connection")
        self.pages = stream.pages
        self._size = stream.pages.limit

    def begin(self, bounds: Bounds) -> C:
        return open_window(self.stream, self.place_type(until=bounds.end), bounds, bounds.start)

    def reread(self, window: ReadWindow) -> C:
        return self.place_type(
            part=window.part,
            window_start=window.start,
            window_end=window.end,
            until=window.end,
            pass_no=window.passes + 1,
            counted=True,
            only_part=True,
        )

    @property
    def records_at(self) -> str:
        return f"data.{self.pages.root}.nodes"

    def request(self, place: C) -> Ask:
        return self._page(place, self._size)

    def fetch(self, caller: Caller, place: C) -> Answer:
        """A page, at half its size and half of that where it is too much for the platform. Any size is right."""
        for _ in range(_HALVINGS):
            try:
                return caller.send(self._page(place, self._size))
            except (Fatal, Retriable) as signal:
                if self._size == 1 or (isinstance(signal, Fatal) and signal.code != "page_too_big"):
                    raise
                self._size = max(1, self._size // 2)
        return caller.send(self._page(place, self._size))

    def read(self, answer: Answer) -> Content:
        root, count = self.pages.root, self.pages.count
        more, counted = f"data.{root}.pageInfo.hasNextPage", f"data.{count}.count"
        content = self.read_page(answer, facts=(more, counted))
        if not isinstance(content.facts[more], bool):
            raise Retriable("the page does not say whether another one follows")
        return replace(content, count=content.facts[counted], facts={"more": content.facts[more]})

    def take(self, place: C, content: Content) -> Turn[C] | Wait[C] | Take[C]:
        ids = [int(key) for key in content.keys if key.isdecimal()]
        rising = all(low < high for low, high in zip([place.since, *ids], ids, strict=False))
        after = replace(
            announce(self.stream, place, content.count) if place.pages == 0 else place,
            count=content.count if place.pages == 0 else place.count,
            since=max([place.since, *ids]),
            seen=place.seen + len(content.keys),
            pages=place.pages + 1,
            rising=place.rising and rising,
        )
        # A page that brings nothing new would be asked for without end.
        return Take(place=after, closing=not content.facts["more"] or after.since == place.since)

    def close(self, place: C, bounds: Bounds, told: Told) -> C | Incomplete:
        """A pass over rising ids to the end misses nothing; the count is asked for afterwards, for the certificate."""
        if place.rising:
            return next_window(self.stream, place, bounds)
        return again(place) if place.tries < MAX_PASSES else not_proven(self.stream, place, told)

    def fraction(self, place: C, bounds: Bounds) -> float:
        del bounds
        if place.done:
            return 1.0
        return min(1.0, place.seen / place.count) if place.count else 0.0

    def probe_newest(self, send: Send, bounds: Bounds) -> Probe | None:
        """The count and the newest record, and whether we may see everything, in one call."""
        place = self.begin(bounds)
        scopes = "currentAppInstallation { accessScopes { handle } }" if self.pages.history_scope else ""
        query = (
            f"query KeeperProbe($query: String{self._count_variable}) {{ {self._count_field} {scopes} "
            f"newest: {self.pages.root}(first: 1, sortKey: ID, reverse: true, query: $query) {{ nodes {{ id }} }} }}"
        )
        data = data_of(send(graphql(query, self._variables(place), points=40)))
        try:
            count, nodes = data[self.pages.count], data["newest"]["nodes"]
            newest = str(nodes[0]["id"]).rpartition("/")[2] if nodes else None
            granted = {scope["handle"] for scope in data["currentAppInstallation"]["accessScopes"]} if scopes else set()
            exact = count["precision"] == "EXACT"
            counted = int(count["count"])
        except (KeyError, TypeError, ValueError, IndexError):
            raise Retriable("the answer to the count is none") from None
        if scopes:
            self._demand_history(granted, bounds)
        return Probe(count=counted if exact else None, newest=newest, detail={} if exact else {"at_least": counted})

    def probe_count(self, send: Send, bounds: Bounds, windows: tuple[ReadWindow, ...]) -> Probe:
        del windows
        return self.probe_newest(send, bounds) or Probe(count=None)

    def _demand_history(self, granted: set[str], bounds: Bounds) -> None:
        """What we may not see is absent without a word: everything that came is stored, and this is not complete."""
        if self.pages.history_scope in granted or bounds.end - bounds.start <= _SEEN_WITHOUT_SCOPE_S:
            return
        raise Fatal(
            f"{self.stream.name}: without {self.pages.history_scope} only the last 60 days are shown",
            code="history_limited",
            seller_message=(
                "Shopify shows us only the orders of the last 60 days, and those are copied. For your whole history "
                f"our app needs the permission {self.pages.history_scope}: please reconnect your shop and allow it."
            ),
        )

    def _page(self, place: C, size: int) -> Ask:
        """The first page brings the count along, for the progress bar."""
        pages, first = self.pages, place.pages == 0
        count = self._count_field if first else ""
        query = (
            f"query Keeper($first: Int!, $query: String{self._count_variable if first else ''}) {{ {count} "
            f"{pages.root}(first: $first, sortKey: ID, query: $query) "
            f"{{ nodes {{ {pages.node} }} pageInfo {{ hasNextPage }} }} }}"
        )
        variables = self._variables(place) if first else {"query": self._search(place)}
        return graphql(query, variables | {"first": size}, points=pages.points(size))

    @property
    def _count_field(self) -> str:
        taken = "query: $all, " if self.pages.count_takes_query else ""
        return f"{self.pages.count}({taken}limit: null) {{ count precision }}"

    @property
    def _count_variable(self) -> str:
        return ", $all: String" if self.pages.count_takes_query else ""

    def _variables(self, place: C) -> dict[str, Any]:
        counted = {"all": self._terms(place, self.pages.count_time)} if self.pages.count_takes_query else {}
        return {"query": self._search(place), **counted}

    def _search(self, place: C) -> str:
        after = f"id:>{place.since}" if place.since else ""
        return " ".join(filter(None, (self._terms(place, self.pages.time), after)))

    def _terms(self, place: C, word: str) -> str:
        """Times are quoted: without quotes they break at the colon, and match nearly everything (addendum)."""
        parts = [self.pages.terms]
        if word and place.window_start is not None:
            parts.append(f"{word}:>='{_iso(place.window_start)}'")
        if word and place.until is not None:
            parts.append(f"{word}:<='{_iso(place.until)}'")
        return " ".join(filter(None, parts))


def data_of(answer: Answer) -> dict[str, Any]:
    """What a small answer holds. Pages are never read so."""
    try:
        data: dict[str, Any] = orjson.loads(answer.body)["data"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise Retriable("the answer has no data") from None
    return data


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
