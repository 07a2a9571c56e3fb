"""Lists that have nothing but a cursor: from their beginning to their end, and where nothing else proves them, twice.

The second reading asks otherwise (another size of page, or the other end first): a list that is cut, or loses a page,
comes out differently. Two readings that agree are believed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self, cast

from execution.errors import Refusal
from execution.http.messages import Response
from execution.pagination.page_body import Content
from execution.pagination.paginator import (
    MAX_PASSES,
    Advance,
    AuditCounts,
    Bounds,
    Caller,
    Commit,
    Incomplete,
    ReadWindow,
    again,
    not_proven,
)
from execution.platforms.rights import RIGHT_MISSING
from execution.platforms.square.api import told
from execution.platforms.square.pages import (
    FACTS,
    Asked,
    P,
    SquarePages,
    SquarePaginator,
    SquarePosition,
    last_of,
    rfc3339,
)
from execution.streams import Stream

_ALL_BOOKINGS = "APPOINTMENTS_ALL_READ"
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
    """`before`: a pass by its number, its distinct keys, and those of all passes up to it. `joined`: it moved on."""

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
        """In rounds what changed within the window, of lists that know it."""
        start, end = position.window_start, position.window_end
        return Asked(
            start=rfc3339(start) if start is not None else "",
            end=last_of(end) if end is not None else "",
            newest_first=position.pass_no % 2 == 0,
        )

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
    """Appointments: windows over the time at which they begin, from the first ones to those that are still to come.

    `back`, `ahead`: so many seconds before the reading's bounds and behind them.
    """

    back: int = 0
    ahead: int = _HORIZON


@dataclass(frozen=True, kw_only=True)
class BookingPosition(CursorPosition):
    """`allowed`: all appointments may be read, and not those alone that our own application made."""

    allowed: bool = False


class BookingPaginator(CursorPaginator):
    """The paginator of `BookingPages`. Without the right to all appointments the list is short and says nothing of it
    (sheet 0.5), so the token is asked first.
    """

    position_type = BookingPosition

    def fetch(self, caller: Caller, position: SquarePosition) -> Response:
        if not cast("BookingPosition", position).allowed and _ALL_BOOKINGS not in (told(caller.send) or ()):
            reason = f"not granted: {_ALL_BOOKINGS}"
            raise Refusal(reason, code=RIGHT_MISSING, facts={"right": _ALL_BOOKINGS}, of_shop=False)
        return super().fetch(caller, position)

    def asked(self, position: SquarePosition) -> Asked:
        return Asked(start=rfc3339(position.window_start or 0), end=rfc3339((position.window_end or 0) + 1))

    def size_of(self, position: SquarePosition) -> int | None:
        return SquarePaginator.size_of(self, position)

    def moved_on(self, position: P, content: Content) -> P:
        following = super().moved_on(position, content)
        return replace(following, allowed=True) if isinstance(following, BookingPosition) else following

    def opened(self, position: SquarePosition, bounds: Bounds) -> SquarePosition:
        return self._window(position, self._all_of(bounds).start, bounds)

    def following(self, position: SquarePosition, bounds: Bounds) -> SquarePosition:
        start = (position.window_end or 0) + 1
        if position.only_part or start > self._all_of(bounds).end:
            return replace(position, done=True)
        return self._window(replace(position, pass_no=1, tries=1), start, bounds)

    def gap(self, bounds: Bounds, windows: tuple[ReadWindow, ...]) -> str | None:
        return super().gap(self._all_of(bounds), windows)

    def fraction(self, position: SquarePosition, bounds: Bounds) -> float:
        if position.done:
            return 1.0
        all_of = self._all_of(bounds)
        whole = max(all_of.end - all_of.start, 1)
        return min(1.0, max(0.0, ((position.window_start or all_of.start) - all_of.start) / whole))

    def calls_for(self, count: int, bounds: Bounds) -> int:
        all_of = self._all_of(bounds)
        return max(count // self.pages.usual, 1 + (all_of.end - all_of.start) // BOOKING_WINDOW)

    def _window(self, position: SquarePosition, start: int, bounds: Bounds) -> SquarePosition:
        end = min(start + BOOKING_WINDOW - 1, self._all_of(bounds).end)
        return replace(position, window_start=start, window_end=end).restarted()

    def _all_of(self, bounds: Bounds) -> Bounds:
        pages = cast("BookingPages", self.pages)
        return Bounds(start=bounds.start - pages.back, end=bounds.end + pages.ahead)
