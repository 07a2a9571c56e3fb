"""Pages by number over a list that has its newest record first and moves while it is read.

- A record that comes stands at the head and moves all others towards later pages: the reading meets some twice and
  loses none. What came is read at the end: the head again, down to the time at which the reading before it began, until
  one page alone reaches there. At that answer everything that the list holds has been seen.
- A record that goes moves those behind it forward, and the reading skips as many. The total, which stands on every
  page, is smaller then: such a pass is never believed, and the list is read again.
- Both reckonings rest on the order. It is checked on every page; a list in any other order is believed only when two
  passes or more agree with its total.

Then the distinct keys of the pass are the total, or the list is read again; after some passes the reading ends as
incomplete, with numbers. Going on after a pause needs no step back: the total of before is compared with the one after.
Some answers hold nothing but the records: without a total, two passes in a row must have brought the same. A list may
answer past its end with its last page: one that brings the keys of the page before it ends the reading. How much a page
holds is the platform's to say; how long a reading may be is counted in records that came.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Self, cast

from execution.errors import BodyTooBig, Retriable
from execution.http.messages import Request, Response
from execution.pagination import page_body
from execution.pagination.page_body import Content
from execution.pagination.paginator import (
    MAX_PASSES,
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
    next_window,
    not_proven,
    open_window,
)
from execution.streams import PageNumberPages, Stream

_SLACK_PAGES = 5
_FACTS = ("current_page", "last_page", "per_page", "total")


@dataclass(frozen=True, kw_only=True)
class PageNumberPosition(Position):
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
    # Records that came in this pass, and which the page before had: their digest, and whether this page has the same.
    came: int = 0
    had: str = ""
    repeats: bool = False
    # In this pass the total never fell, nor did the size of a page change.
    steady: bool = True
    # Every page was in order, and none began with a newer record than the one before ended with, unless some came.
    ordered: bool = True

    @property
    def index(self) -> int:
        return self.page

    def restarted(self) -> Self:
        fresh = PageNumberPosition()
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
            came=0,
            had="",
            repeats=False,
            steady=fresh.steady,
            ordered=fresh.ordered,
            pages=0,
            count=None,
            limit=None,
        )


class PageNumberPaginator(Paginator[PageNumberPosition]):
    """The paginator of `PageNumberPages`."""

    position_type = PageNumberPosition

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self.pages = cast("PageNumberPages", stream.pages)

    def begin(self, bounds: Bounds) -> PageNumberPosition:
        return open_window(self.stream, PageNumberPosition(), bounds, bounds.start)

    def at_random(self, bounds: Bounds, place: Place) -> PageNumberPosition:
        del bounds
        return PageNumberPosition(page=1 + place.before // self.pages.limit)

    def reread(self, window: ReadWindow, bounds: Bounds) -> PageNumberPosition:
        """Mostly something came since: the head tells, within the same pass. If it does not, all is read again."""
        del bounds
        return PageNumberPosition(part=window.part, pass_no=window.passes, head=True, only_part=True)

    def request(self, position: PageNumberPosition) -> Request:
        asked = self.params_of(position)
        limit = position.limit or self.pages.limit
        asked |= {self.pages.limit_param: str(limit), self.pages.page_param: str(position.page)}
        return Request(path=self.stream.path, params=asked)

    def smaller(self, position: PageNumberPosition) -> PageNumberPosition | None:
        """By a divisor, so that the place is a page's beginning still."""
        sizes = _sizes(self.pages.limit)
        at = sizes.index(position.limit or self.pages.limit) + 1
        return _resized(position, (position.page - 1) * sizes[at - 1], sizes[at]) if at < len(sizes) else None

    def beyond(self, caller: Caller, position: PageNumberPosition, signal: BodyTooBig) -> tuple[Response, Content]:
        """The next record has the total beside it."""
        response = caller.send(self.request(replace(position, page=position.page + 1)))
        told = self.read(response)
        content = page_body.in_place_of(signal.reason, {**self.params_of(position), "place": position.page})
        facts = {**told.facts, "current_page": position.page}
        return response, replace(content, count=told.count, facts=facts, beside=(None,))

    def read(self, response: Response) -> Content:
        content = self.read_page(response, facts=_FACTS, beside=self.pages.newest_first_by)
        return replace(content, count=_whole(content.facts.get("total")))

    def decide(self, position: PageNumberPosition, content: Content) -> Commit[PageNumberPosition]:
        facts = {name: _whole(content.facts.get(name)) for name in _FACTS}
        is_past_end = position.had == _digest(content.keys) and (facts["current_page"] or 0) < position.page
        if facts["current_page"] not in (position.page, None) and not is_past_end:
            raise Retriable(f"page {facts['current_page']} came where page {position.page} was asked for")
        read = self._looked_at(position, content, facts)
        if position.head and position.anchor is None:
            return Commit(position=read, closing=True)
        if not self._ends_reading(read, content):
            return Commit(position=self._next_page(read), closing=False)
        if position.page == 1 or not read.ordered or self._endless(read):
            # The first page alone reached down to the anchor, or to the end: that is all there is.
            return Commit(position=read, closing=True)
        return Commit(position=replace(read, page=1, head=True, anchor=read.newest, had=""), closing=False)

    def close(
        self, position: PageNumberPosition, bounds: Bounds, counts: AuditCounts
    ) -> PageNumberPosition | Incomplete:
        if position.head and position.anchor is None:
            return self._feel(position, counts)
        if self._proven(position, counts):
            return next_window(self.stream, position, bounds)
        if position.tries < MAX_PASSES:
            return replace(again(position), before=(counts.pass_keys, counts.window_keys))
        return not_proven(self.stream, position, counts)

    def fraction(self, position: PageNumberPosition, bounds: Bounds) -> float:
        del bounds
        if position.done or position.head:
            return 1.0
        return min(1.0, (position.page - 1) / position.last_page) if position.last_page else 0.0

    def probe_newest(self, send: Send, bounds: Bounds) -> Probe | None:
        """The first page once more: the total, and a record that must be ours."""
        del bounds
        try:
            content = self.read(send(self.request(PageNumberPosition())))
        except BodyTooBig:
            # A record that is not too big has the same total beside it.
            content = replace(self._second(send), keys=())
        return Probe(count=content.count, newest=content.keys[0] if content.keys else None)

    def _second(self, send: Send) -> Content:
        """One record by itself, of which nothing but the total is told."""
        return self.read(send(self.request(PageNumberPosition(page=2, limit=1))))

    def calls_for(self, count: int, bounds: Bounds) -> int:
        """The pages, the head once more, and the probe."""
        del bounds
        pages = max(1, math.ceil(count / self.pages.limit))
        return pages + (1 if pages > 1 else 0) + 1

    def probe_count(self, send: Send, bounds: Bounds, windows: tuple[ReadWindow, ...]) -> Probe:
        raise NotImplementedError("the first page tells count and newest record")

    def _looked_at(
        self, position: PageNumberPosition, content: Content, facts: dict[str, int | None]
    ) -> PageNumberPosition:
        """What this page says of the list and of the reading."""
        size = facts["per_page"] or position.size or self.pages.limit
        had = _digest(content.keys)
        times = [time for time in content.beside if isinstance(time, str)]
        calm = content.count == position.count
        # Where some came, they have moved records of the page before onto this one.
        newest = position.oldest if calm and position.page > 1 else None
        return replace(
            position,
            pages=position.pages + 1,
            count=content.count,
            total=position.total if content.count is None else content.count,
            size=size,
            last_page=facts["last_page"],
            came=position.came + len(content.keys),
            had=had,
            repeats=facts["last_page"] is None and bool(content.keys) and had == position.had,
            calm=calm,
            steady=position.steady and _not_less(position.count, content.count) and position.size in (size, None),
            ordered=position.ordered and _in_order(content.beside, newest),
            newest=next(iter(times), None) if position.page == 1 else position.newest,
            oldest=times[-1] if times else position.oldest,
        )

    def _next_page(self, read: PageNumberPosition) -> PageNumberPosition:
        """Of the usual size again as soon as a page of it begins here."""
        following = replace(read, page=read.page + 1)
        if read.limit is None:
            return following
        sizes, offset = _sizes(self.pages.limit), read.page * read.limit
        greater = sizes[sizes.index(read.limit) - 1]
        if offset % greater:
            return following
        return _resized(following, offset, None if greater == self.pages.limit else greater, usual=self.pages.limit)

    def _ends_reading(self, read: PageNumberPosition, content: Content) -> bool:
        """Where no last page is told, only an empty page is the end: a short one may have been cut by the platform."""
        at_end = read.last_page is not None and read.page >= read.last_page
        return at_end or _reaches(read) or not content.keys or read.repeats or self._endless(read)

    def _feel(self, position: PageNumberPosition, counts: AuditCounts) -> PageNumberPosition:
        """Down to a page that holds nothing new, while the list stood still: from there on all is known. Then the
        usual head, from the time of the newest record that this reading began with.
        """
        fresh = not position.calm or position.known is None or counts.pass_keys > position.known
        at_end = position.repeats or (position.last_page is not None and position.page >= position.last_page)
        if fresh and not at_end and not self._endless(position):
            return replace(position, page=position.page + 1, known=counts.pass_keys)
        # An anchor before all times: a list without any is read down to its end.
        return replace(position, page=1, anchor=position.newest or "", had="")

    def _proven(self, position: PageNumberPosition, counts: AuditCounts) -> bool:
        # The pass brought as many as the one before, and nothing that none had brought.
        repeated = position.before == (counts.pass_keys, counts.window_keys)
        if position.count is None:
            return repeated
        clean = position.ordered and counts.pass_keys == position.count
        agreed = position.tries > 1 and counts.window_keys == position.count
        return position.steady and (clean or agreed or (repeated and counts.pass_keys == position.count))

    def _endless(self, read: PageNumberPosition) -> bool:
        """An end to lists without one."""
        if read.count is None:
            return read.pages > self.pages.most_pages
        return read.came > 2 * read.count + _SLACK_PAGES * self.pages.limit


def _reaches(read: PageNumberPosition) -> bool:
    """Older than the anchor, or nothing newer at all (a page that is full of one second's records)."""
    if not read.head or read.anchor is None or read.oldest is None:
        return False
    return read.oldest < read.anchor or (read.page == 1 and read.newest == read.anchor)


def _sizes(limit: int) -> list[int]:
    """The sizes that a page may shrink to, each a divisor of the one before, down to one."""
    sizes = [limit]
    while (size := sizes[-1]) > 1:
        sizes.append(size // next(by for by in range(2, size + 1) if size % by == 0))
    return sizes


def _resized(position: PageNumberPosition, offset: int, limit: int | None, *, usual: int = 0) -> PageNumberPosition:
    """The page of this size that begins at an offset. How many pages there are is told anew."""
    return replace(position, limit=limit, page=offset // (limit or usual) + 1, size=None, last_page=None, had="")


def _digest(keys: tuple[str, ...]) -> str:
    return hashlib.md5("\n".join(keys).encode(), usedforsecurity=False).hexdigest()


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _not_less(before: int | None, now: int | None) -> bool:
    return before is None or (now is not None and now >= before)


def _in_order(times: tuple[Any, ...], newest: str | None) -> bool:
    """Times as text: in one form and zone, as every list of one platform has them, they sort like moments."""
    line = (*((newest,) if newest is not None else ()), *times)
    return all(isinstance(time, str) for time in line) and all(a >= b for a, b in pairwise(line))
