"""A list of Square's in this process, sound or with one defect, and a reading of it as `stream_step` does one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from execution.errors import Refusal
from execution.http.messages import Request, Response
from execution.pagination.paginator import AuditCounts, Bounds, Commit, Incomplete, Paginator
from execution.pagination.registry import paginator_of
from execution.platforms.square.errors import CURSOR_DEAD
from execution.platforms.square.pages import in_order
from execution.streams import Stream

NOW = datetime(2026, 12, 1, tzinfo=UTC)
BOUNDS = Bounds(start=1_700_000_000, end=1_750_000_000)
_MOST_CALLS = 600
Row = dict[str, Any]


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def rows(count: int, *, every: float = 3600.0, time: str = "created_at", location: str = "L0") -> list[Row]:
    """Records in the order of time, an hour apart unless told otherwise."""
    return [
        {"id": f"{location}k{n:05}", time: moment(BOUNDS.start + 60 + n * every), "location_id": location}
        for n in range(count)
    ]


@dataclass
class Shelf:
    """`size`: how many a page holds at most. `page_of`: what becomes of a page (its number in the list, its records,
    how many follow). `before`: what happens before the nth call.
    """

    root: str
    records: list[Row]
    size: int
    time: str = "created_at"
    locations: tuple[str, ...] = ("L0",)
    page_of: Callable[[int, list[Row], int], tuple[list[Row], int]] = lambda _number, page, rest: (page, rest)
    before: dict[int, Callable[[Shelf], None]] = field(default_factory=dict)
    dead_after: int | None = None
    always_dead: bool = False
    scopes: tuple[str, ...] = ("APPOINTMENTS_READ", "APPOINTMENTS_ALL_READ")
    shuffled: bool = False
    counts: Callable[[int], int] = lambda count: count
    asked: list[Mapping[str, Any]] = field(default_factory=list)

    def send(self, request: Request) -> Response:
        assert len(self.asked) < _MOST_CALLS, "the reading does not end"
        if change := self.before.get(len(self.asked) + 1):
            change(self)
        if request.path == "/oauth2/token/status":
            return answer({"scopes": list(self.scopes)})
        if request.path == "/v2/locations":
            found = [{"id": one, "created_at": f"2020-01-{n + 1:02}T00:00:00Z"} for n, one in enumerate(self.locations)]
            return answer({"locations": found[::-1]})
        fields: dict[str, Any] = json.loads(request.body) if request.body else dict(request.params)
        self.asked.append(fields)
        return answer(self._page(fields))

    def download(self, url: str, *, offset: int = 0) -> AbstractContextManager[Iterator[bytes]]:
        raise NotImplementedError

    def _page(self, fields: Mapping[str, Any]) -> Row:
        start, end, newest_first, wanted = span(fields)
        found = [
            one
            for one in self.records
            if (wanted is None or one["location_id"] in wanted)
            and (not start or (in_order(one[self.time]) or (0, "")) >= (in_order(start) or (0, "")))
            and (not end or (in_order(one[self.time]) or (0, "")) <= (in_order(end) or (0, "")))
        ]
        if not self.shuffled:
            found.sort(key=lambda one: (in_order(one.get(self.time)) or (0, ""), one["id"]), reverse=newest_first)
        at = 0
        if cursor := fields.get("cursor"):
            if self.always_dead or (self.dead_after is not None and len(self.asked) >= self.dead_after):
                self.dead_after = None
                raise Refusal("INVALID_CURSOR", code=CURSOR_DEAD, of_shop=False)
            at = int(str(cursor).removeprefix("c"))
        size = min(self.size, int(fields.get("limit") or self.size))
        page, rest = self.page_of(at // size, found[at : at + size], max(0, len(found) - at - size))
        told: Row = {self.root: page} if page else {}
        if rest:
            told["cursor"] = f"c{at + size}"
        return told | ({"count": self.counts(len(found))} if fields.get("count") else {})


def answer(document: Row) -> Response:
    return Response(status=200, body=json.dumps(document).encode(), headers={}, fetched_at=NOW)


def span(fields: Mapping[str, Any]) -> tuple[str, str, bool, list[str] | None]:
    """From when, until when, which end first, and where: in whichever form a call says it."""
    query = fields.get("query") or {}
    times = query.get("filter", {}).get("date_time_filter", query.get("filter", {}))
    bounds: Mapping[str, str] = next(iter(times.values()), {}) if times else {}
    start = bounds.get("start_at") or fields.get("begin_time") or fields.get("start_at_min") or ""
    end = bounds.get("end_at") or fields.get("end_time") or fields.get("start_at_max") or ""
    sort = query.get("sort") or fields.get("sort") or fields
    order = sort.get("sort_order") or sort.get("order") or "ASC"
    wanted = fields.get("location_ids") or ([fields["location_id"]] if "location_id" in fields else None)
    return start, end, order == "DESC", wanted


@dataclass
class Reading:
    """What came, and whether the paginator gave up; `windows`: keys by part and window."""

    keys: set[str]
    gave_up: Incomplete | None
    calls: int
    windows: dict[tuple[int, int | None, int | None], set[str]]


def read(stream: Stream, shelf: Shelf, *, bounds: Bounds = BOUNDS, pause: bool = False) -> Reading:
    """`pause`: every page is another worker's, who has nothing but the position."""
    paginator: Paginator[Any] = paginator_of(stream)
    position = paginator.begin(bounds)
    passes: dict[tuple[int, int | None, int | None], dict[int, set[str]]] = {}
    gave_up = None
    while not position.done and gave_up is None:
        position = paginator.load(json.loads(json.dumps(position.dump())))
        if pause:
            paginator = paginator_of(stream)
        content = paginator.read(paginator.fetch(shelf, position))
        decision = paginator.decide(position, content)
        if not isinstance(decision, Commit):
            position = decision.position
            continue
        of_window = passes.setdefault((position.part, position.window_start, position.window_end), {})
        of_window.setdefault(position.pass_no, set()).update(content.keys)
        counts = AuditCounts(
            pass_keys=len(of_window[position.pass_no]), window_keys=len(set().union(*of_window.values()))
        )
        position = decision.position
        if decision.closing:
            following = paginator.close(position, bounds, counts)
            if isinstance(following, Incomplete):
                gave_up = following
            else:
                position = following
    windows = {window: set().union(*of_window.values()) for window, of_window in passes.items()}
    return Reading(
        keys=set().union(*windows.values()) if windows else set(),
        gave_up=gave_up,
        calls=len(shelf.asked),
        windows=windows,
    )
