"""Pages by offset over a list that may move while it is read. What that can hide, and how it is seen:

- a record slips over a page boundary: pages overlap by one record, and the overlap no longer matches;
- the list grows or shrinks: its count changes during the pass;
- a page comes short, twice, empty or without end: the pass closes, and its distinct keys are not the count.

How much a page holds is the platform's to say: the next one begins where what came ended, however little was asked for
or given. Pages of one record cannot overlap: they are believed when two passes agree.

A window whose pass was not clean is read again, a few times, and then the reading ends as incomplete, with numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self, cast

from execution.errors import BodyTooBig
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
    again,
    announce,
    grown,
    half_of,
    halve,
    next_window,
    not_proven,
    open_window,
    reopened,
)
from execution.streams import OffsetPages, Stream

_SLACK_PAGES = 5


@dataclass(frozen=True, kw_only=True)
class OffsetPosition(Position):
    """In this pass the count never changed (`steady`), each page began as the one before ended (`joined`)."""

    offset: int = 0
    steady: bool = True
    joined: bool = True
    # The next page begins with the record that the last one ended with.
    overlaps: bool = True
    last_key: str | None = None

    @property
    def index(self) -> int:
        return self.offset

    def restarted(self) -> Self:
        return replace(
            self, offset=0, pages=0, count=None, limit=None, steady=True, joined=True, overlaps=True, last_key=None
        )


class OffsetPaginator(Paginator[OffsetPosition]):
    """The paginator of `OffsetPages`."""

    position_type = OffsetPosition

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self.pages = cast("OffsetPages", stream.pages)

    def begin(self, bounds: Bounds) -> OffsetPosition:
        return open_window(self.stream, OffsetPosition(), bounds, bounds.start)

    def reread(self, window: ReadWindow, bounds: Bounds) -> OffsetPosition:
        del bounds
        return reopened(OffsetPosition(), window)

    def at_random(self, bounds: Bounds, place: Place) -> OffsetPosition | None:
        """From the record's own time on: an offset would count what is asked for besides."""
        if self.stream.window is None or place.at is None:
            return None
        start, longest = max(place.at, bounds.start), self.stream.window.grid_seconds
        end = bounds.end if longest is None else min(bounds.end, start + longest - 1)
        return OffsetPosition(window_start=start, window_end=end) if start <= end else None

    def request(self, position: OffsetPosition) -> Request:
        return self._request(
            self.params_of(position),
            (position.window_start, position.window_end),
            limit=position.limit or self.pages.limit,
            offset=position.offset,
        )

    def smaller(self, position: OffsetPosition) -> OffsetPosition | None:
        limit = half_of(position.limit or self.pages.limit)
        return None if limit is None else replace(position, limit=limit)

    def beyond(self, caller: Caller, position: OffsetPosition, signal: BodyTooBig) -> tuple[Response, Content]:
        """The next record has the count beside it."""
        neighbour = replace(position, offset=position.offset + 1, limit=1)
        response = caller.send(self.request(neighbour))
        place = {"window": [position.window_start, position.window_end], "offset": position.offset}
        content = page_body.in_place_of(signal.reason, {**self.params_of(position), **place})
        return response, replace(content, count=self.read(response).count)

    def read(self, response: Response) -> Content:
        return self.read_page(response, count_at=self.pages.count_at)

    def decide(self, position: OffsetPosition, content: Content) -> Advance[OffsetPosition] | Commit[OffsetPosition]:
        if self._too_many(position, content):
            return Advance(position=halve(announce(self.stream, position, content.count)))
        first = position.pages == 0
        expected = content.count if first else position.count
        # An empty list that is still empty holds too: a worker that died before it closed the window asks for it again.
        overlap_holds = first or content.keys[:1] == (() if position.last_key is None else (position.last_key,))
        overlap_holds = overlap_holds and position.overlaps
        fresh = content.keys[0 if first else 1 :] if overlap_holds else content.keys
        reached = position.offset + len(content.keys)
        endless = reached > (expected or 0) + _SLACK_PAGES * self.pages.limit
        overlaps = len(content.keys) != 1 or reached >= (content.count or 0)
        at_end = reached >= (content.count or 0) or (overlaps and not fresh)
        closing = at_end or endless or reached > self.pages.max_offset
        after = replace(
            announce(self.stream, position, content.count) if first else position,
            count=expected,
            steady=position.steady and content.count == expected,
            joined=position.joined and overlap_holds,
            pages=position.pages + 1,
            limit=grown(position.limit, self.pages.limit),
            overlaps=overlaps,
            offset=max(reached - 1, 0) if overlaps else reached,
            last_key=content.keys[-1] if content.keys else None,
        )
        return Commit(position=after, closing=closing)

    def close(self, position: OffsetPosition, bounds: Bounds, counts: AuditCounts) -> OffsetPosition | Incomplete:
        """A pass that was not clean is never believed at once, even when its numbers agree: a record that left and one
        that came hide each other. From the second try on, all passes together may prove a steady count (records of
        equal time come in changing order).
        """
        count = position.count or 0
        clean = position.steady and position.joined and counts.pass_keys == count
        proven = position.steady and position.tries > 1 and counts.window_keys == count
        if clean or proven:
            return next_window(self.stream, position, bounds)
        return again(position) if position.tries < MAX_PASSES else not_proven(self.stream, position, counts)

    def fraction(self, position: OffsetPosition, bounds: Bounds) -> float:
        """By time where there are windows, else by parts."""
        if position.done:
            return 1.0
        inside = min(1.0, position.offset / position.count) if position.count else 0.0
        if self.stream.window is None or position.window_start is None or position.window_end is None:
            return (position.part + inside) / len(self.stream.parts)
        whole = max(bounds.end - bounds.start, 1)
        return (position.window_start - bounds.start + inside * (position.window_end - position.window_start)) / whole

    def probe_newest(self, send: Send, bounds: Bounds) -> Probe | None:
        """Count and newest record in one call, where the stream can turn its order round."""
        if not self.stream.newest_first:
            return None
        content = self._probe(send, {**self.stream.parts[0], **self.stream.newest_first}, bounds)
        return Probe(count=content.count, newest=content.keys[0] if content.keys else None)

    def probe_count(self, send: Send, bounds: Bounds, windows: tuple[ReadWindow, ...]) -> Probe:
        """Ask each part for the count once more, past its end: a record that is there was never announced, unless it is
        one that is known (some platforms answer an offset past the end with their last page).

        A grid's windows cannot be asked as one: they closed by count, and the balance proves them.
        """
        if self.stream.window and self.stream.window.grid_seconds:
            return Probe(count=None)
        total = 0
        past: list[str] = []
        for number, part in enumerate(self.stream.parts):
            announced = sum(window.provider_count for window in windows if window.part == number)
            content = self._probe(send, part, bounds, offset=min(announced, self.pages.max_offset))
            total += announced if content.keys else content.count or 0
            past += content.keys
        return Probe(count=total, past_end=tuple(past))

    def ask_count(self, send: Send, bounds: Bounds) -> int | None:
        """Of the first part alone, where there are several; of the middle of the time in a grid: shops grow."""
        window = self.stream.window
        if window and window.grid_seconds:
            half = min(window.grid_seconds, bounds.end - bounds.start) // 2
            middle = (bounds.start + bounds.end) // 2
            bounds = Bounds(start=middle - half, end=middle + half - 1)
        return self._probe(send, self.stream.parts[0], bounds).count

    def calls_for(self, count: int, bounds: Bounds) -> int:
        """Pages overlap by one record; a window that holds too much costs the call that tells so; each further part is
        taken for one page; at the end the newest record is asked for, or each part's count. A grid: every cell like
        the middle one.
        """
        window, parts = self.stream.window, len(self.stream.parts)
        if window and window.grid_seconds:
            cells = bounds.end // window.grid_seconds - bounds.start // window.grid_seconds + 1
            return cells * self._pages_of(count)
        windows = 1
        while window and count / windows > self.pages.split_above:
            windows *= 2
        reading = windows * self._pages_of(math.ceil(count / windows)) + windows - 1
        return reading + parts - 1 + (1 if self.stream.newest_first else parts)

    def _pages_of(self, count: int) -> int:
        limit = self.pages.limit
        return 1 + math.ceil(max(0, count - limit) / max(1, limit - 1))

    @property
    def counts_spans(self) -> bool:
        return self.stream.window is not None and not self.stream.window.grid_seconds

    def count_between(self, send: Send, bounds: Bounds) -> int:
        return self._probe(send, {}, bounds).count or 0

    def _probe(self, send: Send, params: Mapping[str, str], bounds: Bounds, *, offset: int = 0) -> Content:
        """One record, for the count beside it."""
        span, params = (bounds.start, bounds.end), {**self.stream.params, **params}
        try:
            return self.read(send(self._request(params, span, limit=1, offset=offset)))
        except BodyTooBig:
            # The record is too big to be fetched; the one behind it has the same count beside it.
            content = self.read(send(self._request(params, span, limit=1, offset=offset + 1)))
            return replace(content, keys=())

    def _request(
        self, params: Mapping[str, str], span: tuple[int | None, int | None], *, limit: int, offset: int
    ) -> Request:
        asked, window = dict(params), self.stream.window
        if window:
            asked |= {window.min_param: str(span[0]), window.max_param: str(span[1])}
        asked |= {self.pages.limit_param: str(limit), self.pages.offset_param: str(offset)}
        return Request(path=self.stream.path, params=asked)

    def _too_many(self, position: OffsetPosition, content: Content) -> bool:
        if self.stream.window is None or position.pages or position.window_start is None or position.window_end is None:
            return False
        return (content.count or 0) > self.pages.split_above and position.window_end > position.window_start
