"""Lists that have nothing but a cursor: from their beginning to their end, and where nothing else proves them, twice.

The second reading asks otherwise (another size of page, or the other end first): a list that is cut, or loses a page,
comes out differently. Two readings that agree are believed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self, cast

from execution.http.messages import Response
from execution.pagination.page_body import Content
from execution.pagination.paginator import (
    MAX_PASSES,
    Advance,
    AuditCounts,
    Bounds,
    Commit,
    Incomplete,
    ReadWindow,
    again,
    not_proven,
)
from execution.platforms.square.pages import FACTS, Asked, SquarePages, SquarePaginator, SquarePosition, rfc3339
from execution.streams import Stream

_DAY = 86_400
# Square takes windows of 31 days at most (sheet 5). Each is asked for with the first second of the next one: whether
# its end belongs to it nobody says.
BOOKING_WINDOW = 31 * _DAY - 1
# How far ahead appointments are made.
_HORIZON = 400 * _DAY


@dataclass(frozen=True, kw_only=True)
class CursorPages(SquarePages):
    """`twice`: no other list and no count proves it."""

    twice: bool = False


@dataclass(frozen=True, kw_only=True)
class CursorPosition(SquarePosition):
    """`before`: a pass by its number, its distinct keys, and all passes up to it. `joined`: the cursor moved."""

    before: tuple[int, int, int] | None = None
    joined: bool = True

    def restarted(self) -> Self:
        return replace(super().restarted(), joined=True)


class CursorPaginator(SquarePaginator):
    """The paginator of `CursorPages`, and of lists that come in one answer."""

    position_type = CursorPosition

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self.twice = isinstance(stream.pages, CursorPages) and stream.pages.twice

    def asked(self, position: SquarePosition) -> Asked:
        return Asked(newest_first=position.pass_no % 2 == 0)

    def size_of(self, position: SquarePosition) -> int | None:
        """Seams of pages fall on other places the second time; what fitted into one page is two."""
        size, before = super().size_of(position), cast("CursorPosition", position).before
        if not size or size == 1 or position.pass_no % 2 or before is None:
            return size
        return min(size - 1, before[1] // 2 + 1) if 1 < before[1] <= size else size - 1

    def read(self, response: Response) -> Content:
        return replace(self.read_page(response, facts=FACTS), count=None)

    def decide(self, position: SquarePosition, content: Content) -> Advance[SquarePosition] | Commit[SquarePosition]:
        at, cursor = cast("CursorPosition", position), str(content.facts.get("cursor") or "")
        lost = bool(cursor) and self.goes_nowhere(at, content)
        after = replace(self.moved_on(at, content), cursor=cursor, joined=at.joined and not lost)
        return Commit(position=after, closing=not cursor or lost)

    def close(self, position: SquarePosition, bounds: Bounds, counts: AuditCounts) -> SquarePosition | Incomplete:
        at = cast("CursorPosition", position)
        keys = (counts.pass_keys, counts.window_keys)
        # Of two in a row: those between which others came were asked the same way, and may be cut the same way.
        if at.joined and (not self.twice or at.before == (at.pass_no - 1, *keys)):
            return self.following(position, bounds)
        if position.tries >= MAX_PASSES:
            return not_proven(self.stream, position, counts)
        return again(replace(at, before=(at.pass_no, *keys)))

    def following(self, position: SquarePosition, bounds: Bounds) -> SquarePosition:
        """After a window that holds."""
        return self.next_part(position, bounds)

    def fraction(self, position: SquarePosition, bounds: Bounds) -> float:
        del bounds
        return 1.0 if position.done else 0.0


@dataclass(frozen=True, kw_only=True)
class BookingPages(SquarePages):
    """Appointments: windows over the time at which they begin, from the first ones to those that are still to come."""


class BookingPaginator(CursorPaginator):
    """The paginator of `BookingPages`."""

    def asked(self, position: SquarePosition) -> Asked:
        return Asked(start=rfc3339(position.window_start or 0), end=rfc3339((position.window_end or 0) + 1))

    def size_of(self, position: SquarePosition) -> int | None:
        return SquarePaginator.size_of(self, position)

    def opened(self, position: SquarePosition, bounds: Bounds) -> SquarePosition:
        return self._window(position, bounds.start, bounds)

    def following(self, position: SquarePosition, bounds: Bounds) -> SquarePosition:
        start = (position.window_end or 0) + 1
        if position.only_part or start > _ahead(bounds).end:
            return replace(position, done=True)
        return self._window(replace(position, pass_no=1, tries=1), start, bounds)

    def gap(self, bounds: Bounds, windows: tuple[ReadWindow, ...]) -> str | None:
        return super().gap(_ahead(bounds), windows)

    def fraction(self, position: SquarePosition, bounds: Bounds) -> float:
        if position.done:
            return 1.0
        whole = max(_ahead(bounds).end - bounds.start, 1)
        return min(1.0, max(0.0, ((position.window_start or bounds.start) - bounds.start) / whole))

    def calls_for(self, count: int, bounds: Bounds) -> int:
        return max(count // self.pages.usual, 1 + (_ahead(bounds).end - bounds.start) // BOOKING_WINDOW)

    @staticmethod
    def _window(position: SquarePosition, start: int, bounds: Bounds) -> SquarePosition:
        end = min(start + BOOKING_WINDOW - 1, _ahead(bounds).end)
        return replace(position, window_start=start, window_end=end).restarted()


def _ahead(bounds: Bounds) -> Bounds:
    return Bounds(start=bounds.start, end=bounds.end + _HORIZON)
