"""How a stream's pages are walked: windows, offsets, passes. Pure: no network, no database, no clock.

The provider pages by offset over a list that may move while it is read. What that can hide, and how it is seen:

- a record slips over a page boundary: pages overlap by one record, and the overlap no longer matches;
- the list grows or shrinks: its count changes during the pass;
- a page comes short, twice, empty or without end: the pass closes, and its distinct keys are not the count.

A window whose pass was not clean is read again, a few times, and then the walk ends as incomplete, with numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from execution.streams import Stream

MAX_PASSES = 4
_SLACK_PAGES = 5


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """The frozen window of the whole job, in Unix seconds, both ends inclusive."""

    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a walk stands: exactly what a worker needs to go on, and what `sync_jobs.cursor` holds."""

    part: int = 0
    window_start: int | None = None
    window_end: int | None = None
    # Ends of windows that were halved, nearest last: the walk still has to reach each of them.
    ends: tuple[int, ...] = ()
    offset: int = 0
    # Passes over this window so far, over all readings of it; `tries` counts those of this reading alone.
    pass_no: int = 1
    tries: int = 1
    pages: int = 0
    # The provider's count on the first page of this pass.
    count: int | None = None
    # The count never changed in this pass, and every page began with the record that the one before ended with.
    steady: bool = True
    joined: bool = True
    last_key: str | None = None
    # Records that the provider announced so far, over all parts; None where windows make it unknowable.
    total: int | None = None
    counted: bool = False
    # A second reading of a doubtful window stays in its part.
    only_part: bool = False
    done: bool = False

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Place:
        fields = {**data, "ends": tuple(data.get("ends", ()))}
        return cls(**fields)

    def dump(self) -> dict[str, Any]:
        return {**asdict(self), "ends": list(self.ends)}


@dataclass(frozen=True, kw_only=True)
class Page:
    """What the walk needs to know of a page: the provider's count and the keys, in order."""

    count: int
    keys: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Halve:
    """The window holds too many records for offsets: read its halves. The page in hand is dropped."""

    place: Place


@dataclass(frozen=True, kw_only=True)
class Take:
    """Commit the page. `place` is where the walk stands then; `closing`: it ends its window's pass."""

    place: Place
    closing: bool


@dataclass(frozen=True, kw_only=True)
class Incomplete:
    """The window could not be read cleanly: say so, with numbers."""

    reason: str


def begin(stream: Stream, bounds: Bounds) -> Place:
    """The first page of the first window."""
    return _open_window(stream, Place(), bounds, bounds.start)


def reread(part: int, bounds: Bounds, passes: int, *, windowed: bool) -> Place:
    """The first page of one window that has been read `passes` times before and is doubtful."""
    start, end = (bounds.start, bounds.end) if windowed else (None, None)
    return Place(part=part, window_start=start, window_end=end, pass_no=passes + 1, counted=True, only_part=True)


def request(stream: Stream, place: Place) -> dict[str, str]:
    """The query parameters of the page at this place."""
    window = stream.window
    params = {**stream.params, **stream.parts[place.part]}
    if window:
        params |= {window.min_param: str(place.window_start), window.max_param: str(place.window_end)}
    return params | {stream.pages.limit_param: str(stream.pages.limit), stream.pages.offset_param: str(place.offset)}


def take(stream: Stream, place: Place, page: Page) -> Halve | Take:
    """Decide what a page means."""
    pages = stream.pages
    if _too_many(stream, place, page):
        return Halve(place=_halve(_announce(place, stream, page)))
    first = place.pages == 0
    expected = page.count if first else place.count
    # An empty list that is still empty holds too: a worker that died before it closed the window asks for it again.
    overlap_holds = first or page.keys[:1] == (() if place.last_key is None else (place.last_key,))
    fresh = page.keys[0 if first else 1 :] if overlap_holds else page.keys
    reached = place.offset + len(page.keys)
    endless = place.pages + 1 > _page_limit(expected or 0, pages.limit)
    closing = reached >= page.count or not fresh or endless or reached > pages.max_offset
    after = replace(
        _announce(place, stream, page) if first else place,
        count=expected,
        steady=place.steady and page.count == expected,
        joined=place.joined and overlap_holds,
        pages=place.pages + 1,
        offset=max(reached - 1, 0),
        last_key=page.keys[-1] if page.keys else None,
    )
    return Take(place=after, closing=closing)


def close(stream: Stream, place: Place, bounds: Bounds, pass_keys: int, window_keys: int) -> Place | Incomplete:
    """After the last page of a pass: on to the next window, or the same one again, or give up with numbers.

    `pass_keys` and `window_keys` are the distinct keys that this pass, and all passes, committed in the window. A
    pass that was not clean is never believed at once, even when its numbers agree: a record that left and one that
    came hide each other. From the second try on, all passes together may prove a steady count (records of equal
    time come in changing order).
    """
    count = place.count or 0
    clean = place.steady and place.joined and pass_keys == count
    proven = place.steady and place.tries > 1 and window_keys == count
    if clean or proven:
        return _next_window(stream, place, bounds)
    if place.tries >= MAX_PASSES:
        span = "" if place.window_start is None else f" between {place.window_start} and {place.window_end}"
        return Incomplete(
            reason=f"{stream.name}{span}: the platform announces {count} records, {pass_keys} came "
            f"({window_keys} over {place.pass_no} passes)"
        )
    return _first_page(replace(place, pass_no=place.pass_no + 1, tries=place.tries + 1))


def fraction(stream: Stream, place: Place, bounds: Bounds) -> float:
    """How far the walk is, 0 to 1: by time where there are windows, else by parts."""
    if place.done:
        return 1.0
    inside = min(1.0, place.offset / place.count) if place.count else 0.0
    if stream.window is None or place.window_start is None or place.window_end is None:
        return (place.part + inside) / len(stream.parts)
    whole = max(bounds.end - bounds.start, 1)
    return (place.window_start - bounds.start + inside * (place.window_end - place.window_start)) / whole


def _first_page(place: Place) -> Place:
    return replace(place, offset=0, pages=0, count=None, steady=True, joined=True, last_key=None)


def _too_many(stream: Stream, place: Place, page: Page) -> bool:
    if stream.window is None or place.pages or place.window_start is None or place.window_end is None:
        return False
    return page.count > stream.pages.split_above and place.window_end > place.window_start


def _halve(place: Place) -> Place:
    start, end = place.window_start or 0, place.window_end or 0
    return _first_page(replace(place, window_end=(start + end) // 2, ends=(*place.ends, end)))


def _announce(place: Place, stream: Stream, page: Page) -> Place:
    """Add what the provider announces for this part to the total, once; a grid's total is not known before its end."""
    if place.counted or (stream.window and stream.window.grid_seconds):
        return place
    return replace(place, total=(place.total or 0) + page.count, counted=True)


def _page_limit(count: int, limit: int) -> int:
    return count // max(limit - 1, 1) + _SLACK_PAGES


def _next_window(stream: Stream, place: Place, bounds: Bounds) -> Place:
    if stream.window and place.window_end is not None and place.window_end < bounds.end:
        start = place.window_end + 1
        if place.ends:
            *ends, end = place.ends
            return _first_page(replace(place, window_start=start, window_end=end, ends=tuple(ends), pass_no=1, tries=1))
        return _open_window(stream, place, bounds, start)
    if place.part + 1 < len(stream.parts) and not place.only_part:
        return _open_window(stream, replace(place, part=place.part + 1, counted=False), bounds, bounds.start)
    return replace(place, done=True)


def _open_window(stream: Stream, place: Place, bounds: Bounds, start: int) -> Place:
    if stream.window is None:
        return _first_page(replace(place, window_start=None, window_end=None, ends=(), pass_no=1, tries=1))
    end, grid = bounds.end, stream.window.grid_seconds
    if grid:
        end = min((start // grid + 1) * grid - 1, bounds.end)
    return _first_page(replace(place, window_start=start, window_end=end, ends=(), pass_no=1, tries=1))
