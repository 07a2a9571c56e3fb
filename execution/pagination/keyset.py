"""Reading on by rising ids: each page asks for what comes after the last id that was read.

An id never changes and is never given twice, so nothing that is inserted or removed meanwhile moves what is still to
be read. A cursor would say the same less plainly: it is opaque, it stops at 25,000 objects (Shopify's sheet, 3.1), and
only its maker can go on from it. Each page is a slice of ids by itself, so there is no such end, and any worker can go
on at any place with any size of page.
"""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Generic, Self, TypeVar, cast

from execution.errors import Fatal, Retriable
from execution.http.messages import Request, Response
from execution.pagination.page_body import Content
from execution.pagination.paginator import (
    MAX_PASSES,
    Advance,
    AuditCounts,
    Bounds,
    Caller,
    Commit,
    Incomplete,
    Paginator,
    Position,
    Probe,
    ReadWindow,
    Send,
    Wait,
    again,
    announce,
    next_window,
    not_proven,
    open_window,
    reopened,
)
from execution.platforms.shopify.graphql import GRANTED, data_of, granted_in, graphql
from execution.streams import Stream

# A page that is refused as too dear, or that the platform cannot manage, is asked for again at half its size. Not when
# so many seconds have gone: a platform that is away would use up the lease, and that counts as a death.
_HALVINGS, _HALVING_S = 3, 12.0
# Orders older than this are absent, without a word, unless the scope was granted (sheet 0.7).
_SEEN_WITHOUT_SCOPE_S = 60 * 86_400
_SCOPES = f"query KeeperScopes {{ {GRANTED} }}"


@dataclass(frozen=True, kw_only=True)
class KeysetPosition(Position):
    """`since`: the last id that was read. `until`: no record from after this moment is read, in Unix seconds."""

    since: int = 0
    until: int | None = None
    seen: int = 0
    # Ids only ever rose in this pass.
    rising: bool = True

    @property
    def index(self) -> int:
        return self.seen

    def restarted(self) -> Self:
        return replace(self, since=0, seen=0, pages=0, count=None, rising=True)


R = TypeVar("R", bound=KeysetPosition)


class KeysetPaginator(Paginator[R], Generic[R]):
    """What GraphQL's connections and REST's lists have in common. `read` puts "more" among the facts of a page."""

    position_type = cast("type[R]", KeysetPosition)
    monotonic: Callable[[], float] = staticmethod(time.monotonic)

    def __init__(self, stream: Stream, *, limit: int, history_scope: str) -> None:
        super().__init__(stream)
        self._size = limit
        self._history_scope = history_scope

    @abstractmethod
    def page(self, position: R, size: int) -> Request:
        """The call for a page of this size."""

    def begin(self, bounds: Bounds) -> R:
        return open_window(self.stream, self.position_type(until=bounds.end), bounds, bounds.start)

    def reread(self, window: ReadWindow, bounds: Bounds) -> R:
        """Up to where the first reading went, also where the stream itself knows no windows."""
        return reopened(self.position_type(until=bounds.end), window)

    def request(self, position: R) -> Request:
        return self.page(position, self._size)

    def fetch(self, caller: Caller, position: R) -> Response:
        """A page, at half its size and half of that where it is too much for the platform. Any size is right."""
        ends_at = self.monotonic() + _HALVING_S
        for _ in range(_HALVINGS):
            try:
                return caller.send(self.page(position, self._size))
            except (Fatal, Retriable) as signal:
                if self._size == 1 or self.monotonic() >= ends_at or not _is_too_much(signal):
                    raise
                self._size = max(1, self._size // 2)
        return caller.send(self.page(position, self._size))

    def decide(self, position: R, content: Content) -> Advance[R] | Wait[R] | Commit[R]:
        ids = [int(key) for key in content.keys if key.isdecimal()]
        rising = all(low < high for low, high in zip([position.since, *ids], ids, strict=False))
        after = replace(
            announce(self.stream, position, content.count) if position.pages == 0 else position,
            count=content.count if position.pages == 0 else position.count,
            since=max([position.since, *ids]),
            seen=position.seen + len(content.keys),
            pages=position.pages + 1,
            rising=position.rising and rising,
        )
        # A page that brings nothing new would be asked for without end.
        return Commit(position=after, closing=not content.facts["more"] or after.since == position.since)

    def close(self, position: R, bounds: Bounds, counts: AuditCounts) -> R | Incomplete:
        """A pass over rising ids to the end misses nothing; the count is asked for afterwards, for the certificate."""
        if position.rising:
            return next_window(self.stream, position, bounds)
        return again(position) if position.tries < MAX_PASSES else not_proven(self.stream, position, counts)

    def fraction(self, position: R, bounds: Bounds) -> float:
        del bounds
        if position.done:
            return 1.0
        return min(1.0, position.seen / position.count) if position.count else 0.0

    def probe_count(self, send: Send, bounds: Bounds, windows: tuple[ReadWindow, ...]) -> Probe:
        del windows
        return self.probe_newest(send, bounds) or Probe(count=None)

    def calls_for(self, count: int, bounds: Bounds) -> int:
        """The pages, and the probe."""
        del bounds
        return max(1, math.ceil(count / self._size)) + 1

    def demand_history(self, granted: set[str], bounds: Bounds) -> None:
        """What we may not see is absent without a word: everything that came is stored, and this is not complete."""
        if self._history_scope in granted or bounds.end - bounds.start <= _SEEN_WITHOUT_SCOPE_S:
            return
        raise Fatal(
            f"{self.stream.name}: without {self._history_scope} only the last 60 days are shown",
            code="history_limited",
            seller_message=(
                "Shopify shows us only the orders of the last 60 days, and those are copied. For your whole history "
                f"our app needs the permission {self._history_scope}: please reconnect your shop and allow it."
            ),
        )

    def scopes(self, send: Send) -> set[str]:
        """What the seller granted, as Shopify says."""
        return granted_in(data_of(send(graphql(_SCOPES, points=15))))


def _is_too_much(signal: Fatal | Retriable) -> bool:
    """May a smaller page help? Not where the platform says when to come again."""
    return signal.code == "page_too_big" if isinstance(signal, Fatal) else signal.after is None


def iso_time(seconds: int) -> str:
    """A moment as both of Shopify's APIs take it: in UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
