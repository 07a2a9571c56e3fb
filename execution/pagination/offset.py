"""Pages by offset over a list that may move while it is read. What that can hide, and how it is seen:

- a record slips over a page boundary: pages overlap by one record, and the overlap no longer matches;
- the list grows or shrinks: its count changes during the pass;
- a page comes short, twice, empty or without end: the pass closes, and its distinct keys are not the count.

A window whose pass was not clean is read again, a few times, and then the walk ends as incomplete, with numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self, cast

from execution.http.messages import Answer, Ask
from execution.pagination.page_body import Content
from execution.pagination.paginator import (
    MAX_PASSES,
    Bounds,
    Incomplete,
    Place,
    Probe,
    ReadWindow,
    Send,
    Take,
    Told,
    Turn,
    Walk,
    again,
    announce,
    halve,
    next_window,
    not_proven,
    open_window,
    reopened,
)
from execution.streams import OffsetPages, Stream

_SLACK_PAGES = 5


@dataclass(frozen=True, kw_only=True)
class OffsetPlace(Place):
    """In this pass the count never changed (`steady`), each page began as the one before ended (`joined`)."""

    offset: int = 0
    steady: bool = True
    joined: bool = True
    last_key: str | None = None

    @property
    def position(self) -> int:
        return self.offset

    def restarted(self) -> Self:
        return replace(self, offset=0, pages=0, count=None, steady=True, joined=True, last_key=None)


class OffsetWalk(Walk[OffsetPlace]):
    """The walk of `OffsetPages`."""

    place_type = OffsetPlace

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self.pages = cast("OffsetPages", stream.pages)

    def begin(self, bounds: Bounds) -> OffsetPlace:
        return open_window(self.stream, OffsetPlace(), bounds, bounds.start)

    def reread(self, window: ReadWindow, bounds: Bounds) -> OffsetPlace:
        del bounds
        return reopened(OffsetPlace(), window)

    def request(self, place: OffsetPlace) -> Ask:
        return self._ask(
            self.params_of(place),
            (place.window_start, place.window_end),
            limit=self.pages.limit,
            offset=place.offset,
        )

    def read(self, answer: Answer) -> Content:
        return self.read_page(answer, count_at=self.pages.count_at)

    def take(self, place: OffsetPlace, content: Content) -> Turn[OffsetPlace] | Take[OffsetPlace]:
        if self._too_many(place, content):
            return Turn(place=halve(announce(self.stream, place, content.count)))
        first = place.pages == 0
        expected = content.count if first else place.count
        # An empty list that is still empty holds too: a worker that died before it closed the window asks for it again.
        overlap_holds = first or content.keys[:1] == (() if place.last_key is None else (place.last_key,))
        fresh = content.keys[0 if first else 1 :] if overlap_holds else content.keys
        reached = place.offset + len(content.keys)
        endless = place.pages + 1 > _page_limit(expected or 0, self.pages.limit)
        closing = reached >= (content.count or 0) or not fresh or endless or reached > self.pages.max_offset
        after = replace(
            announce(self.stream, place, content.count) if first else place,
            count=expected,
            steady=place.steady and content.count == expected,
            joined=place.joined and overlap_holds,
            pages=place.pages + 1,
            offset=max(reached - 1, 0),
            last_key=content.keys[-1] if content.keys else None,
        )
        return Take(place=after, closing=closing)

    def close(self, place: OffsetPlace, bounds: Bounds, told: Told) -> OffsetPlace | Incomplete:
        """A pass that was not clean is never believed at once, even when its numbers agree: a record that left and one
        that came hide each other. From the second try on, all passes together may prove a steady count (records of
        equal time come in changing order).
        """
        count = place.count or 0
        clean = place.steady and place.joined and told.pass_keys == count
        proven = place.steady and place.tries > 1 and told.window_keys == count
        if clean or proven:
            return next_window(self.stream, place, bounds)
        return again(place) if place.tries < MAX_PASSES else not_proven(self.stream, place, told)

    def fraction(self, place: OffsetPlace, bounds: Bounds) -> float:
        """By time where there are windows, else by parts."""
        if place.done:
            return 1.0
        inside = min(1.0, place.offset / place.count) if place.count else 0.0
        if self.stream.window is None or place.window_start is None or place.window_end is None:
            return (place.part + inside) / len(self.stream.parts)
        whole = max(bounds.end - bounds.start, 1)
        return (place.window_start - bounds.start + inside * (place.window_end - place.window_start)) / whole

    def probe_newest(self, send: Send, bounds: Bounds) -> Probe | None:
        """Count and newest record in one call, where the stream can turn its order round."""
        if not self.stream.newest_first:
            return None
        content = self._probe(send, {**self.stream.parts[0], **self.stream.newest_first}, bounds)
        return Probe(count=content.count, newest=content.keys[0] if content.keys else None)

    def probe_count(self, send: Send, bounds: Bounds, windows: tuple[ReadWindow, ...]) -> Probe:
        """Ask each part for the count once more, past its end: a record that is there was never announced.

        A grid's windows cannot be asked as one: they closed by count, and the balance proves them.
        """
        if self.stream.window and self.stream.window.grid_seconds:
            return Probe(count=None)
        total = 0
        for number, part in enumerate(self.stream.parts):
            announced = sum(window.provider_count for window in windows if window.part == number)
            content = self._probe(send, part, bounds, offset=min(announced, self.pages.max_offset))
            total += announced + len(content.keys) if content.keys else content.count or 0
        return Probe(count=total)

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
        ask = self._ask({**self.stream.params, **params}, (bounds.start, bounds.end), limit=1, offset=offset)
        return self.read(send(ask))

    def _ask(self, params: Mapping[str, str], span: tuple[int | None, int | None], *, limit: int, offset: int) -> Ask:
        asked, window = dict(params), self.stream.window
        if window:
            asked |= {window.min_param: str(span[0]), window.max_param: str(span[1])}
        asked |= {self.pages.limit_param: str(limit), self.pages.offset_param: str(offset)}
        return Ask(path=self.stream.path, params=asked)

    def _too_many(self, place: OffsetPlace, content: Content) -> bool:
        if self.stream.window is None or place.pages or place.window_start is None or place.window_end is None:
            return False
        return (content.count or 0) > self.pages.split_above and place.window_end > place.window_start


def _page_limit(count: int, limit: int) -> int:
    return count // max(limit - 1, 1) + _SLACK_PAGES
