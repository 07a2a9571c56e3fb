"""Reading on by rising ids: each page asks for what comes after the last id that was read.

An id never changes and is never given twice, so nothing that is inserted or removed meanwhile moves what is still to
be read. A cursor would say the same less plainly: it is opaque, it may end early (one platform's after 25,000 objects),
and only its maker can go on from it. Each page is a slice of ids by itself, so there is no such end, and any worker can
go on at any place with any size of page.
"""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, Self, TypeVar, cast

from execution.errors import BodyTooBig, Fatal, Retriable
from execution.http.messages import Request, Response
from execution.pagination import page_body
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
    Place,
    Position,
    Probe,
    ReadWindow,
    Send,
    Wait,
    again,
    announce,
    grown,
    half_of,
    next_window,
    not_proven,
    open_window,
    reopened,
)
from execution.streams import Stream

# A page that is refused as too dear, or that the platform cannot manage, is asked for again at half its size. Not when
# so many seconds have gone: a platform that is away would use up the lease, and that counts as a death.
# Down to one record of 250.
_HALVINGS, _HALVING_S = 7, 12.0


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
        return replace(self, since=0, seen=0, pages=0, count=None, limit=None, rising=True)


R = TypeVar("R", bound=KeysetPosition)


class KeysetPaginator(Paginator[R], Generic[R]):
    """What lists in the order of ids have in common. `read` puts "more" among the facts of a page."""

    position_type = cast("type[R]", KeysetPosition)
    monotonic: Callable[[], float] = staticmethod(time.monotonic)

    def __init__(self, stream: Stream, *, limit: int) -> None:
        super().__init__(stream)
        self._size = limit

    @abstractmethod
    def page(self, position: R, size: int) -> Request:
        """The call for a page of this size."""

    def begin(self, bounds: Bounds) -> R:
        return open_window(self.stream, self.position_type(until=bounds.end), bounds, bounds.start)

    def reread(self, window: ReadWindow, bounds: Bounds) -> R:
        """Up to where the first reading went, also where the stream itself knows no windows."""
        return reopened(self.position_type(until=bounds.end), window)

    def at_random(self, bounds: Bounds, place: Place) -> R | None:
        """By pages, and not the first one, which brings a count along."""
        if not place.key.isdecimal():
            return None
        return self.position_type(since=int(place.key) - 1, until=bounds.end, pages=1)

    def request(self, position: R) -> Request:
        return self.page(position, self._size)

    def fetch(self, caller: Caller, position: R) -> Response:
        """A page, at half its size and half of that where it is too much for the platform. Any size is right."""
        ends_at = self.monotonic() + _HALVING_S
        if position.limit is not None:
            return caller.send(self.page(position, min(position.limit, self._size)))
        for _ in range(_HALVINGS):
            try:
                return caller.send(self.page(position, self._size))
            except (Fatal, Retriable) as signal:
                if self._size == 1 or self.monotonic() >= ends_at or not _is_too_much(signal):
                    raise
                self._size = max(1, self._size // 2)
        return caller.send(self.page(position, self._size))

    def smaller(self, position: R) -> R | None:
        limit = half_of(min(position.limit or self._size, self._size))
        return None if limit is None else replace(position, limit=limit)

    @abstractmethod
    def key_page(self, position: R) -> Request:
        """The call for the key alone of the record that comes next."""

    def beyond(self, caller: Caller, position: R, signal: BodyTooBig) -> tuple[Response, Content]:
        """The record's own key, which is little; what follows it is read from there on."""
        response = caller.send(self.key_page(position))
        told = self.read(response)
        key = next(iter(told.keys), None)
        if key is None:
            raise signal
        content = page_body.in_place_of(signal.reason, {"key": key}, key=key)
        return response, replace(content, facts={"more": True}, shown=told.shown)

    def decide(self, position: R, content: Content) -> Advance[R] | Wait[R] | Commit[R]:
        ids = [int(key) for key in content.keys if key.isdecimal()]
        rising = all(low < high for low, high in zip([position.since, *ids], ids, strict=False))
        after = replace(
            announce(self.stream, position, content.count) if position.pages == 0 else position,
            count=content.count if position.pages == 0 else position.count,
            since=max([position.since, *ids]),
            seen=position.seen + len(content.keys),
            pages=position.pages + 1,
            limit=grown(position.limit, self._size),
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


def _is_too_much(signal: Fatal | Retriable) -> bool:
    """May a smaller page help? Not where the platform says when to come again."""
    if isinstance(signal, BodyTooBig):
        return False  # the position goes on at a smaller size, also in the next slice
    return signal.code == "page_too_big" if isinstance(signal, Fatal) else signal.after is None
