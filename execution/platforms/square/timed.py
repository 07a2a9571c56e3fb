"""Lists with a filter by time, oldest first: each page begins at the time that the one before reached.

The filter's beginning is inclusive, so that the page brings the record that the last one ended with: a page that was
dropped, cut, or moved meanwhile does not. Whoever comes after a pause goes on from that time: a cursor would be dead.
A cursor is followed only where it must be: through records of one time that are more than a page, and where a list does
not come in order. At the end the newest record is asked for from the other side, and the count where the list has one:
an end that came too soon, and a list that is said to be empty once, are not believed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Self, cast

import orjson

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
    Probe,
    ReadWindow,
    Send,
    again,
    announce,
    not_proven,
)
from execution.platforms.square.pages import (
    FACTS,
    Asked,
    SquarePages,
    SquarePaginator,
    SquarePosition,
    in_order,
    last_of,
    rfc3339,
)
from execution.streams import Stream


@dataclass(frozen=True, kw_only=True)
class TimedPages(SquarePages):
    """`time`: the member by which the list is filtered and ordered.

    `census`: another call that brings the newest records and tells the count of all, without any filter. `asks_end`:
    the list's end is asked for from the other side; a round does not, for the next one looks back.
    """

    time: str = "created_at"
    asks_end: bool = True
    census: Request | None = None


@dataclass(frozen=True, kw_only=True)
class TimedPosition(SquarePosition):
    """`since`: the time that was reached, as it came; `last_key`: the record that has it.

    `tail`: the list has ended, and is asked for its newest record. In this pass each page began as the one before ended
    (`joined`), or the list is in no order and its cursor is followed (`by_cursor`).
    """

    since: str = ""
    last_key: str | None = None
    tail: bool = False
    joined: bool = True
    by_cursor: bool = False

    def restarted(self) -> Self:
        plain = replace(super().restarted(), since="", last_key=None, tail=False, joined=True)
        return replace(plain, by_cursor=False)


class TimedPaginator(SquarePaginator):
    """The paginator of `TimedPages`."""

    position_type = TimedPosition

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self.timed = cast("TimedPages", stream.pages)

    def asked(self, position: SquarePosition) -> Asked:
        at = cast("TimedPosition", position)
        start, end = rfc3339(at.window_start or 0), last_of(at.window_end or 0)
        resumed = at.since and not at.tail and not (at.cursor and at.by_cursor)
        return Asked(
            start=at.since if resumed else start, end=end, newest_first=at.tail, locations=self.group(position)
        )

    def size_of(self, position: SquarePosition) -> int | None:
        return 1 if cast("TimedPosition", position).tail else super().size_of(position)

    def request(self, position: SquarePosition) -> Request:
        at_end = cast("TimedPosition", position).tail
        return self.timed.census if at_end and self.timed.census else super().request(position)

    def fetch(self, caller: Caller, position: SquarePosition) -> Response:
        response = super().fetch(caller, position)
        at = cast("TimedPosition", position)
        if not (at.tail and self.timed.census):
            return response
        document = orjson.loads(response.body)
        times = [in_order(one.get(self.timed.time)) for one in document[self.pages.root] if isinstance(one, dict)]
        if times and all(time is not None and time[0] > (at.window_end or 0) for time in times):
            # So many have come since the window ended that nobody can say how many are in it.
            document.pop("count", None)
        return replace(response, body=orjson.dumps(document))

    def read(self, response: Response) -> Content:
        content = self.read_page(response, facts=(*FACTS, "count"), beside=self.timed.time)
        count = content.facts.get("count")
        return replace(content, count=count if isinstance(count, int) and not isinstance(count, bool) else None)

    def decide(self, position: SquarePosition, content: Content) -> Advance[SquarePosition] | Commit[SquarePosition]:
        if known := self.with_locations(position, content):
            return Advance(position=known)
        at = cast("TimedPosition", position)
        return Commit(position=self._at_end(at, content), closing=True) if at.tail else self._page(at, content)

    def _page(self, at: TimedPosition, content: Content) -> Commit[SquarePosition]:
        times, cursor = [in_order(text) for text in content.beside], str(content.facts.get("cursor") or "")
        lost = bool(cursor) and self.goes_nowhere(at, content)
        before = in_order(at.since)
        known = [time for time in times if time is not None]
        in_line = known if before is None else [before, *known]
        ordered = len(known) == len(times) and all(a <= b for a, b in pairwise(in_line))
        follows = bool(at.cursor)
        joined = follows or at.last_key is None or at.last_key in content.keys
        reached = ordered and bool(known)
        moved = reached and (before is None or known[-1] > before)
        by_cursor = at.by_cursor or not ordered
        after = replace(
            self.moved_on(at, content),
            joined=at.joined and joined and not lost,
            by_cursor=by_cursor,
            since=str(content.beside[-1]) if reached else at.since,
            last_key=content.keys[-1] if reached else at.last_key,
            # Records of one time that fill a page are passed by the cursor, and so is a list that is in no order.
            cursor=cursor if by_cursor or not moved else "",
            tail=not cursor or lost,
        )
        if not after.tail:
            return Commit(position=after, closing=False)
        return Commit(position=replace(after, cursor=""), closing=not self.timed.asks_end)

    def _at_end(self, at: TimedPosition, content: Content) -> TimedPosition:
        newest, reached = next(iter(content.beside), None), in_order(at.since)
        told = in_order(newest)
        if at.by_cursor or not content.keys or self.timed.census:
            # A census brings what is newer than the window as well: it counts.
            whole = at.by_cursor or at.last_key is None or bool(content.keys)
        else:
            whole = content.keys[0] == at.last_key or (told is not None and reached is not None and told <= reached)
        counted = announce(self.stream, at, content.count)
        return replace(counted, pages=at.pages + 1, joined=at.joined and whole, count=content.count)

    def _is_whole(self, at: TimedPosition) -> bool:
        """Whether the window holds all that a census counts: nothing is older than where histories begin."""
        return self.stream.window is not None and (at.window_start or 0) <= self.stream.window.earliest

    def close(self, position: SquarePosition, bounds: Bounds, counts: AuditCounts) -> SquarePosition | Incomplete:
        at = cast("TimedPosition", position)
        if at.joined and (not self._is_whole(at) or at.count in (None, counts.pass_keys)):
            return self.next_part(position, bounds)
        return again(position) if position.tries < MAX_PASSES else not_proven(self.stream, position, counts)

    def fraction(self, position: SquarePosition, bounds: Bounds) -> float:
        """By time inside a part, as far as the locations are known."""
        if position.done:
            return 1.0
        many = self.pages.locations
        parts = max(1, math.ceil(len(position.locations or ()) / many)) if many else 1
        reached = in_order(cast("TimedPosition", position).since)
        whole = max(bounds.end - bounds.start, 1)
        inside = 0.0 if reached is None else min(1.0, max(0.0, (reached[0] - bounds.start) / whole))
        return min(1.0, (position.part + inside) / parts)

    def probe_count(self, send: Send, bounds: Bounds, windows: tuple[ReadWindow, ...]) -> Probe:
        """What the list told at its end; it is not asked again for what it has told."""
        whole = self.stream.window is not None and bounds.start <= self.stream.window.earliest
        if self.timed.census is None or not whole:
            return super().probe_count(send, bounds, windows)
        return Probe(count=sum(window.provider_count for window in windows))

    def calls_for(self, count: int, bounds: Bounds) -> int:
        """Pages overlap by one record; the end is asked for."""
        del bounds
        return 1 + math.ceil(max(0, count - self.pages.usual) / max(1, self.pages.usual - 1)) + 1
