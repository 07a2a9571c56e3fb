"""What every way of paging has in common: the protocol that the slice and the certificate speak.

A paginator decides, from a position and a page, where to go next. It is pure: no network, no database, no clock;
whoever works it sends its requests, commits its pages and keeps its position. One module per way of paging implements
`Paginator` (`offset.py`, …), and `registry.py` picks it by the type of `Stream.pages` (docs/decisions/010).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import timedelta
from typing import Any, Generic, Protocol, Self, TypeVar

import msgspec

from execution.errors import BodyTooBig, CursorUnreadable
from execution.http.messages import Request, Response
from execution.pagination import page_body
from execution.pagination.page_body import Content
from execution.streams import Stream

MAX_PASSES = 4


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """The frozen window of the whole job, in Unix seconds, both ends inclusive."""

    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Place:
    """A record of ours, drawn at random: its key, its time (Unix seconds), how many of all `rows` are before it."""

    key: str
    at: int | None
    before: int
    rows: int


@dataclass(frozen=True, kw_only=True)
class Position:
    """Where a paginator stands: exactly what a worker needs to go on, and what `sync_jobs.cursor` holds.

    These fields are what the slice reads; each paginator adds its own. All values are JSON.
    """

    part: int = 0
    window_start: int | None = None
    window_end: int | None = None
    # Ends of windows that were halved, nearest last: the paginator still has to reach each of them.
    ends: tuple[int, ...] = ()
    # Passes over this window so far, over all readings of it; `tries` counts those of this reading alone.
    pass_no: int = 1
    tries: int = 1
    # Pages of this pass so far.
    pages: int = 0
    # The provider's count, as far as this pass knows it.
    count: int | None = None
    # Records that the provider announced so far, over all parts; None where it is unknowable.
    total: int | None = None
    counted: bool = False
    # How many records a page is asked for, where as many as usual do not fit into a body.
    limit: int | None = None
    # A second reading of a doubtful window stays in its part.
    only_part: bool = False
    done: bool = False

    @property
    def index(self) -> int:
        """Where the next page stands inside its window, as the audit says it: an offset, a page number, a line."""
        raise NotImplementedError

    def restarted(self) -> Self:
        """The first page of a new pass over the same window."""
        raise NotImplementedError

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Self:
        """Raises CursorUnreadable where this is no position of this paginator."""
        if unknown := data.keys() - {known.name for known in fields(cls)}:
            raise CursorUnreadable(f"the position has unknown fields: {', '.join(sorted(unknown))}")
        try:
            return msgspec.convert(data, cls)
        except msgspec.ValidationError as error:
            raise CursorUnreadable(f"the position cannot be read: {error}") from None

    def dump(self) -> dict[str, Any]:
        """As JSON would give it back; `limit` only where there is one, so that older code reads the rest."""
        values = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        return values if self.limit is not None else {name: values[name] for name in values if name != "limit"}


P = TypeVar("P", bound=Position)


@dataclass(frozen=True, kw_only=True)
class Advance(Generic[P]):
    """Nothing to commit: save the position and go on from there."""

    position: P


@dataclass(frozen=True, kw_only=True)
class Wait(Generic[P]):
    """Nothing to commit, and nothing to do for a while: save the position and end the slice, at no attempt."""

    position: P
    reason: str
    delay: timedelta
    code: str = "export_pending"


@dataclass(frozen=True, kw_only=True)
class Commit(Generic[P]):
    """Commit the page. `position` is where the paginator stands then; `closing`: ask `close` before going on."""

    position: P
    closing: bool


@dataclass(frozen=True, kw_only=True)
class Incomplete:
    """The window could not be read cleanly: say so, with numbers."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class AuditCounts:
    """What the database has of the window in hand: distinct keys of this pass, and of all passes."""

    pass_keys: int
    window_keys: int


@dataclass(frozen=True, kw_only=True)
class ReadWindow:
    """One window of the pagination audit; ends are Unix seconds, None where the stream has no windows."""

    part: int
    start: int | None
    end: int | None
    passes: int
    provider_count: int = 0


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What the platform says when asked once more: its count (None: it does not tell), the newest record's key.

    `past_end`: keys that it shows behind all that it announced. One that is known proves nothing new.
    """

    count: int | None
    newest: str | None = None
    past_end: tuple[str, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)


class Caller(Protocol):
    """The way to the platform, for the job's own shop. A file is read from `offset` on, as its bytes come."""

    def send(self, request: Request, /) -> Response: ...
    def download(self, url: str, /, *, offset: int = 0) -> AbstractContextManager[Iterator[bytes]]: ...


Send = Callable[[Request], Response]


class Paginator(ABC, Generic[P]):
    """One way of reading a stream's pages.

        position = begin(bounds)  or  load(saved)  or  reread(doubtful window)
        until position.done:  fetch → read → decide → (commit) → close, at the end of a pass

    `fetch` may run ahead, in another thread, while the page before commits. `release` ends the paginator's own
    resources (a file on disk) with the slice; a position alone must be enough to go on without them.
    """

    position_type: type[P]

    def __init__(self, stream: Stream) -> None:
        self.stream = stream

    def load(self, data: Mapping[str, Any]) -> P:
        return self.position_type.load(data)

    def params_of(self, position: P) -> dict[str, str]:
        """The stream's own parameters, and those of the part that is being read."""
        return {**self.stream.params, **self.stream.parts[position.part]}

    @abstractmethod
    def begin(self, bounds: Bounds) -> P:
        """The first request of the first window."""

    @abstractmethod
    def reread(self, window: ReadWindow, bounds: Bounds) -> P:
        """The first request over a window that was read before and is doubtful."""

    def at_random(self, bounds: Bounds, place: Place) -> P | None:
        """The page that begins about here, of a list that is whole. None: this list has no place to begin at."""
        del bounds, place
        return None

    @abstractmethod
    def request(self, position: P) -> Request:
        """The call that this position stands for."""

    def fetch(self, caller: Caller, position: P) -> Response:
        """Get what this position stands for. A paginator that reads files overrides this."""
        return caller.send(self.request(position))

    def smaller(self, position: P) -> P | None:
        """The same place with fewer records to a page. None: one alone is asked for, or this list knows no size."""
        del position
        return None

    def beyond(self, caller: Caller, position: P, signal: BodyTooBig) -> tuple[Response, Content]:
        """A page in place of the one record that stands here and is bigger than a body may be, from what its neighbour
        tells of the list. Raises the signal where the reading cannot go on without the record.
        """
        del caller, position
        raise signal

    @property
    def records_at(self) -> str:
        """Where the bodies that `fetch` brings have their records."""
        return self.stream.records_at

    @abstractmethod
    def read(self, response: Response) -> Content:
        """What the page says. Raises Retriable where it is no page."""

    def read_page(
        self, response: Response, *, count_at: str | None = None, facts: tuple[str, ...] = (), beside: str = ""
    ) -> Content:
        """The usual way to read: keys, the count, and further members by their dotted paths."""
        return page_body.read_records(
            response.body, self.records_at, self.stream.records, count_at=count_at, facts=facts, beside=beside
        )

    @abstractmethod
    def decide(self, position: P, content: Content) -> Advance[P] | Wait[P] | Commit[P]:
        """Decide what a page means."""

    @abstractmethod
    def close(self, position: P, bounds: Bounds, counts: AuditCounts) -> P | Incomplete:
        """After a closing page: on to the next window, or the same one again, or give up with numbers."""

    @abstractmethod
    def fraction(self, position: P, bounds: Bounds) -> float:
        """How far the reading is, 0 to 1."""

    def probe_newest(self, send: Send, bounds: Bounds) -> Probe | None:
        """Ask for count and newest record in one call, where the stream can. None: `probe_count` is asked instead."""
        del send, bounds
        return None

    @abstractmethod
    def probe_count(self, send: Send, bounds: Bounds, windows: tuple[ReadWindow, ...]) -> Probe:
        """Ask for the count once more, after the reading."""

    def ask_count(self, send: Send, bounds: Bounds) -> int | None:
        """How many records there are, before anything is read: in one call where the platform can say it in one."""
        probe = self.probe_newest(send, bounds)
        return probe.count if probe else None

    @abstractmethod
    def calls_for(self, count: int, bounds: Bounds) -> int:
        """About how many calls a reading of so many records takes, from the first page to the last proof."""

    @property
    def counts_spans(self) -> bool:
        """Can the platform be asked how many records it has between two times?"""
        return False

    def count_between(self, send: Send, bounds: Bounds) -> int:
        """How many records the platform has in this span, where `counts_spans`."""
        raise NotImplementedError

    def gap(self, bounds: Bounds, windows: tuple[ReadWindow, ...]) -> str | None:
        """The first stretch of the bounds that no window covers, or None."""
        if bounds.end < bounds.start:
            return None
        for part in range(len(self.stream.parts)):
            if gap := gap_in_part(part, bounds, [window for window in windows if window.part == part]):
                return gap
        return None

    def release(self) -> None:
        """The slice is over."""


def gap_in_part(part: int, bounds: Bounds, windows: list[ReadWindow]) -> str | None:
    """The first stretch of the bounds that no window of a part covers."""
    if not windows:
        return f"part {part} was never read"
    reached = bounds.start
    for window in sorted(windows, key=lambda w: w.start or 0):
        if window.start is None or window.end is None:
            reached = bounds.end + 1
        elif window.start > reached:
            return f"nothing read from {reached} to {window.start - 1}"
        else:
            reached = max(reached, window.end + 1)
    return f"nothing read from {reached} to {bounds.end}" if reached <= bounds.end else None


def open_window(stream: Stream, position: P, bounds: Bounds, start: int) -> P:
    """The first page of the window that begins here: all of the bounds, or a cell of the stream's grid."""
    if stream.window is None:
        return replace(position, window_start=None, window_end=None, ends=(), pass_no=1, tries=1).restarted()
    end, grid = bounds.end, stream.window.grid_seconds
    if grid:
        end = min((start // grid + 1) * grid - 1, bounds.end)
    return replace(position, window_start=start, window_end=end, ends=(), pass_no=1, tries=1).restarted()


def next_window(stream: Stream, position: P, bounds: Bounds) -> P:
    """The window after this one, the next part's first, or the end."""
    if stream.window and position.window_end is not None and position.window_end < bounds.end:
        start = position.window_end + 1
        if position.ends:
            *ends, end = position.ends
            return replace(
                position, window_start=start, window_end=end, ends=tuple(ends), pass_no=1, tries=1
            ).restarted()
        return open_window(stream, position, bounds, start)
    if position.part + 1 < len(stream.parts) and not position.only_part:
        return open_window(stream, replace(position, part=position.part + 1, counted=False), bounds, bounds.start)
    return replace(position, done=True)


def halve(position: P) -> P:
    """The first half of a window that holds too much; the paginator will come to the other."""
    start, end = position.window_start or 0, position.window_end or 0
    return replace(position, window_end=(start + end) // 2, ends=(*position.ends, end)).restarted()


def announce(stream: Stream, position: P, count: int | None) -> P:
    """Add what the provider announces for this part to the total, once; a grid's total is not known before its end."""
    if position.counted or count is None or (stream.window and stream.window.grid_seconds):
        return position
    return replace(position, total=(position.total or 0) + count, counted=True)


def reopened(position: P, window: ReadWindow) -> P:
    """The first page of one more pass over a window that was read before; the paginator stays in its part."""
    return replace(
        position,
        part=window.part,
        window_start=window.start,
        window_end=window.end,
        pass_no=window.passes + 1,
        counted=True,
        only_part=True,
    )


def again(position: P) -> P:
    """One more pass over the same window."""
    return replace(position, pass_no=position.pass_no + 1, tries=position.tries + 1).restarted()


def once_more(position: P) -> P:
    """A reading of the same window from the beginning, as if it had never been tried."""
    return replace(again(position), tries=1)


def half_of(limit: int) -> int | None:
    """As many records as may fit where so many do not; None where it was one."""
    return limit // 2 or None


def grown(limit: int | None, usual: int) -> int | None:
    """Twice as many, after a page that fit; None once that is as usual."""
    return None if limit is None or 2 * limit >= usual else 2 * limit


def not_proven(stream: Stream, position: Position, counts: AuditCounts) -> Incomplete:
    """The numbers of a window that no pass could prove."""
    span = "" if position.window_start is None else f" between {position.window_start} and {position.window_end}"
    return Incomplete(
        reason=f"{stream.name}{span}: the platform announces {position.count} records, {counts.pass_keys} came "
        f"({counts.window_keys} over {position.pass_no} passes)"
    )
