"""Pages by number over a list that has its newest record first and moves while it is read.

- A record that comes stands at the head and moves all others towards later pages: the walk meets some twice and loses
  none. What came is read at the end: the head again, down to the time at which the reading before it began, until one
  page alone reaches there. At that answer everything that the list holds has been seen.
- A record that goes moves those behind it forward, and the walk skips as many. The total, which stands on every page,
  is smaller then: such a pass is never believed, and the list is read again.
- Both reckonings rest on the order. It is checked on every page; a list in any other order is believed only when two
  passes or more agree with its total.

Then the distinct keys of the pass are the total, or the list is read again; after some passes the walk ends as
incomplete, with numbers. Going on after a pause needs no step back: the total of before is compared with the one after.
Some answers hold nothing but the records: without a total, two passes in a row must have brought the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Self, cast

from execution.errors import Retriable
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
    Walk,
    again,
    next_window,
    not_proven,
    open_window,
)
from execution.streams import NumberedPages, Stream

_SLACK_PAGES = 5
_FACTS = ("current_page", "last_page", "per_page", "total")


@dataclass(frozen=True, kw_only=True)
class NumberedPlace(Place):
    """`page` is the next to read."""

    page: int = 1
    # All pages were read, and the first ones are read once more, down to `anchor`: a time before which all is known.
    head: bool = False
    anchor: str | None = None
    # Times of the newest record on the first page of this reading, and of the oldest on the page before.
    newest: str | None = None
    oldest: str | None = None
    # Without an anchor (a doubtful list): distinct keys before the page in hand, and whether the list stood still.
    known: int | None = None
    calm: bool = False
    # Distinct keys of the pass before this one, and of all passes up to it.
    before: tuple[int, int] | None = None
    size: int | None = None
    last_page: int | None = None
    # In this pass the total never fell, nor did the size of a page change.
    steady: bool = True
    # Every page was in order, and none began with a newer record than the one before ended with, unless some came.
    ordered: bool = True

    @property
    def position(self) -> int:
        return self.page

    def restarted(self) -> Self:
        fresh = NumberedPlace()
        return replace(
            self,
            page=1,
            head=False,
            anchor=None,
            newest=None,
            oldest=None,
            known=None,
            calm=False,
            size=None,
            last_page=None,
            steady=fresh.steady,
            ordered=fresh.ordered,
            pages=0,
            count=None,
        )


class NumberedWalk(Walk[NumberedPlace]):
    """The walk of `NumberedPages`."""

    place_type = NumberedPlace

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self.pages = cast("NumberedPages", stream.pages)

    def begin(self, bounds: Bounds) -> NumberedPlace:
        return open_window(self.stream, NumberedPlace(), bounds, bounds.start)

    def reread(self, window: ReadWindow, bounds: Bounds) -> NumberedPlace:
        """Mostly something came since: the head tells, within the same pass. If it does not, all is read again."""
        del bounds
        return NumberedPlace(part=window.part, pass_no=window.passes, head=True, only_part=True)

    def request(self, place: NumberedPlace) -> Ask:
        asked = self.params_of(place)
        asked |= {self.pages.limit_param: str(self.pages.limit), self.pages.page_param: str(place.page)}
        return Ask(path=self.stream.path, params=asked)

    def read(self, answer: Answer) -> Content:
        content = self.read_page(answer, facts=_FACTS, beside=self.pages.newest_first_by)
        return replace(content, count=_whole(content.facts.get("total")))

    def take(self, place: NumberedPlace, content: Content) -> Take[NumberedPlace]:
        facts = {name: _whole(content.facts.get(name)) for name in _FACTS}
        if facts["current_page"] not in (place.page, None):
            raise Retriable(f"page {facts['current_page']} came where page {place.page} was asked for")
        read = self._looked_at(place, content, facts)
        if place.head and place.anchor is None:
            return Take(place=read, closing=True)
        if not self._ends_reading(read, content):
            return Take(place=replace(read, page=place.page + 1), closing=False)
        if place.page == 1 or not read.ordered or self._endless(read):
            # The first page alone reached down to the anchor, or to the end: that is all there is.
            return Take(place=read, closing=True)
        return Take(place=replace(read, page=1, head=True, anchor=read.newest), closing=False)

    def close(self, place: NumberedPlace, bounds: Bounds, told: Told) -> NumberedPlace | Incomplete:
        if place.head and place.anchor is None:
            return self._feel(place, told)
        if self._proven(place, told):
            return next_window(self.stream, place, bounds)
        if place.tries < MAX_PASSES:
            return replace(again(place), before=(told.pass_keys, told.window_keys))
        return not_proven(self.stream, place, told)

    def fraction(self, place: NumberedPlace, bounds: Bounds) -> float:
        del bounds
        if place.done or place.head:
            return 1.0
        return min(1.0, (place.page - 1) / place.last_page) if place.last_page else 0.0

    def probe_newest(self, send: Send, bounds: Bounds) -> Probe | None:
        """The first page once more: the total, and a record that must be ours."""
        del bounds
        content = self.read(send(self.request(NumberedPlace())))
        return Probe(count=content.count, newest=content.keys[0] if content.keys else None)

    def calls_for(self, count: int, bounds: Bounds) -> int:
        """The pages, the head once more, and the probe."""
        del bounds
        pages = max(1, math.ceil(count / self.pages.limit))
        return pages + (1 if pages > 1 else 0) + 1

    def probe_count(self, send: Send, bounds: Bounds, windows: tuple[ReadWindow, ...]) -> Probe:
        raise NotImplementedError("the first page tells count and newest record")

    def _looked_at(self, place: NumberedPlace, content: Content, facts: dict[str, int | None]) -> NumberedPlace:
        """What this page says of the list and of the reading."""
        size = facts["per_page"] or place.size or self.pages.limit
        times = [time for time in content.beside if isinstance(time, str)]
        calm = content.count == place.count
        # Where some came, they have moved records of the page before onto this one.
        newest = place.oldest if calm and place.page > 1 else None
        return replace(
            place,
            pages=place.pages + 1,
            count=content.count,
            total=place.total if content.count is None else content.count,
            size=size,
            last_page=facts["last_page"],
            calm=calm,
            steady=place.steady and _not_less(place.count, content.count) and place.size in (size, None),
            ordered=place.ordered and _in_order(content.beside, newest),
            newest=next(iter(times), None) if place.page == 1 else place.newest,
            oldest=times[-1] if times else place.oldest,
        )

    def _ends_reading(self, read: NumberedPlace, content: Content) -> bool:
        """Where no last page is told, only an empty page is the end: a short one may have been cut by the platform."""
        at_end = read.last_page is not None and read.page >= read.last_page
        return at_end or _reaches(read) or not content.keys or self._endless(read)

    def _feel(self, place: NumberedPlace, told: Told) -> NumberedPlace:
        """Down to a page that holds nothing new, while the list stood still: from there on all is known. Then the
        usual head, from the time of the newest record that this reading began with.
        """
        fresh = not place.calm or place.known is None or told.pass_keys > place.known
        at_end = place.last_page is not None and place.page >= place.last_page
        if fresh and not at_end and not self._endless(place):
            return replace(place, page=place.page + 1, known=told.pass_keys)
        # An anchor before all times: a list without any is read down to its end.
        return replace(place, page=1, anchor=place.newest or "")

    def _proven(self, place: NumberedPlace, told: Told) -> bool:
        # The pass brought as many as the one before, and nothing that none had brought.
        repeated = place.before == (told.pass_keys, told.window_keys)
        if place.count is None:
            return repeated
        clean = place.ordered and told.pass_keys == place.count
        agreed = place.tries > 1 and told.window_keys == place.count
        return place.steady and (clean or agreed or (repeated and told.pass_keys == place.count))

    def _endless(self, read: NumberedPlace) -> bool:
        """An end to lists without one."""
        most = self.pages.most_pages
        if read.count is not None:
            most = 2 * (read.count // (read.size or 1)) + _SLACK_PAGES
        return read.pages > most


def _reaches(read: NumberedPlace) -> bool:
    """Older than the anchor, or nothing newer at all (a page that is full of one second's records)."""
    if not read.head or read.anchor is None or read.oldest is None:
        return False
    return read.oldest < read.anchor or (read.page == 1 and read.newest == read.anchor)


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _not_less(before: int | None, now: int | None) -> bool:
    return before is None or (now is not None and now >= before)


def _in_order(times: tuple[Any, ...], newest: str | None) -> bool:
    """Times as text: in one form and zone, as every list of one platform has them, they sort like moments."""
    line = (*((newest,) if newest is not None else ()), *times)
    return all(isinstance(time, str) for time in line) and all(a >= b for a, b in pairwise(line))
