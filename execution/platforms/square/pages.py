"""How Square's lists are asked for (sheet 3): their shapes as data, and what one call of them says.

A list has an opaque cursor, which dies within minutes (sheet 0.7), and no list but the customers' tells its count. So:

- a list with a filter by time goes on from the time that it has reached, never from a cursor: each page begins with the
  record that the one before ended with (`timed.py`);
- a list without one goes on by its cursor, from its beginning where that is dead, and is read twice where nothing else
  proves it (`cursors.py`).

Lists that show the seller's main location unless told otherwise are asked for each, by name; which there are is asked
of Square when the reading begins.
"""

from __future__ import annotations

import hashlib
import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Self, TypeVar, cast

import orjson

from execution.errors import Fatal, Retriable
from execution.http.messages import Request, Response
from execution.moments import moment_in
from execution.pagination.page_body import Content
from execution.pagination.paginator import (
    Bounds,
    Caller,
    Paginator,
    Position,
    Probe,
    ReadWindow,
    Send,
    gap_in_part,
    grown,
    half_of,
)
from execution.platforms.square.api import LOCATIONS_PATH
from execution.platforms.square.errors import CURSOR_DEAD
from execution.streams import Pages, Stream

# What an answer may hold beside its list. An empty list is left out (sheet 1), so that `{}` is one; whatever else an
# answer without its list holds, it is no page.
_BESIDE = frozenset({"cursor", "count", "latest_time"})
# So many empty pages in a row, and dead cursors in a pass, and it is given up.
_MOST_IDLE, _MOST_RESTARTS = 10, 3
# What every page tells beside its records.
FACTS = ("cursor", "locations", "restarted")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a call asks for: a span of time in RFC 3339, locations, and which end of the list comes first."""

    start: str = ""
    end: str = ""
    newest_first: bool = False
    locations: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SquarePages(Pages):
    """A list: `root` is its member in the answer, `query` what a call says, without its size and cursor.

    `limit`: how many records a call may ask for; None: the list takes no size. `page`: how many it then brings, for
    estimates. `locations`: how many a call takes; None: it shows all of them. `made_of`: of records without an id, the
    members that tell them apart.
    """

    root: str
    query: Callable[[Asked], Mapping[str, Any]] = lambda _: {}
    method: str = "GET"
    limit: int | None = 100
    page: int = 100
    locations: int | None = None
    made_of: tuple[str, ...] = ()

    @property
    def usual(self) -> int:
        return self.limit or self.page


@dataclass(frozen=True, kw_only=True)
class SquarePosition(Position):
    """`locations`: all of them, once they are known; a part is as many as a call takes.

    `cursor`: where the next call goes on; empty: at the beginning of what the position asks for. `first_key`: what the
    list began with in this pass; `had`: the keys of the page before, as a hash; `idle`: pages in a row that brought
    none. `restarts`: cursors of this pass that were dead.
    """

    locations: tuple[str, ...] | None = None
    cursor: str = ""
    seen: int = 0
    first_key: str | None = None
    had: str = ""
    idle: int = 0
    restarts: int = 0

    @property
    def index(self) -> int:
        return self.seen

    def restarted(self) -> Self:
        fresh = replace(self, cursor="", seen=0, pages=0, count=None, limit=None)
        return replace(fresh, first_key=None, had="", idle=0, restarts=0)


P = TypeVar("P", bound=SquarePosition)


class SquarePaginator(Paginator[SquarePosition]):
    """What all of Square's lists have in common."""

    position_type: type[SquarePosition] = SquarePosition

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self.pages = cast("SquarePages", stream.pages)

    @abstractmethod
    def asked(self, position: SquarePosition) -> Asked:
        """What the call of this position asks for."""

    @property
    def records_at(self) -> str:
        return self.pages.root

    def size_of(self, position: SquarePosition) -> int | None:
        """How many records the call of this position asks for."""
        return self.pages.limit and (position.limit or self.pages.limit)

    def request(self, position: SquarePosition) -> Request:
        fields = {**self.stream.params, **self.pages.query(self.asked(position))}
        if size := self.size_of(position):
            fields["limit"] = size
        if position.cursor:
            fields["cursor"] = position.cursor
        return self._call(self.stream.path, fields)

    def _call(self, path: str, fields: Mapping[str, Any]) -> Request:
        if self.pages.method == "POST":
            return Request(path=path, method="POST", body=orjson.dumps(fields))
        return Request(path=path, params=fields)

    def fetch(self, caller: Caller, position: SquarePosition) -> Response:
        if self.pages.locations and position.locations is None:
            return self._locations(caller.send(Request(path=LOCATIONS_PATH)))
        try:
            response = caller.send(self.request(position))
        except Fatal as signal:
            if signal.code != CURSOR_DEAD or not position.cursor:
                raise
            # The list once more from where its filter begins: what came is stored, and comes again at no cost.
            again = self.whole(caller.send(self.request(replace(position, cursor=""))), self.pages.root)
            return replace(again, body=b'{"restarted":true,' + again.body.lstrip()[1:])
        return self.whole(response, self.pages.root)

    def whole(self, response: Response, root: str) -> Response:
        """The answer with its list, where that was left out because it is empty, and with an id in each record.

        Raises Retriable where it is no answer to a list.
        """
        if b'"%b"' % root.encode() not in response.body or self.pages.made_of:
            document = _object(response.body)
            if root not in document and document.keys() - _BESIDE:
                raise Retriable(f"the answer has no list {root!r}")
            records = document.setdefault(root, [])
            for record in records if isinstance(records, list) and self.pages.made_of else ():
                if isinstance(record, dict):
                    record["id"] = ":".join(str(record.get(name) or "-") for name in self.pages.made_of)
            return replace(response, body=orjson.dumps(document))
        return response

    def _locations(self, response: Response) -> Response:
        """A page of no records that says which locations there are, the oldest first: new ones come behind."""
        found = _object(response.body).get("locations")
        rows = [one for one in found if isinstance(one, dict) and one.get("id")] if isinstance(found, list) else []
        if not rows:
            raise Retriable("the answer names no location")
        rows.sort(key=lambda one: (str(one.get("created_at") or ""), str(one["id"])))
        told = {self.pages.root: [], "locations": [str(one["id"]) for one in rows]}
        return replace(response, body=orjson.dumps(told))

    def with_locations(self, position: SquarePosition, content: Content) -> SquarePosition | None:
        """The position that knows its locations, where the page tells them."""
        told = content.facts.get("locations")
        return replace(position, locations=tuple(map(str, told))) if isinstance(told, list) else None

    def group(self, position: SquarePosition) -> tuple[str, ...]:
        """The locations of this part."""
        many = self.pages.locations
        return (position.locations or ())[position.part * many : (position.part + 1) * many] if many else ()

    def goes_nowhere(self, position: SquarePosition, content: Content) -> bool:
        """Whether to follow the cursor behind this page leads round in a circle: the page is the one before, or the
        first one again, or it is one more of very many that brought nothing, or cursors die as they are given out.
        """
        if content.facts.get("restarted"):
            return position.restarts >= _MOST_RESTARTS
        if not content.keys:
            return position.idle >= _MOST_IDLE
        begins_again = position.pages > 0 and content.keys[0] == position.first_key
        return bool(position.cursor) and (begins_again or keys_mark(content.keys) == position.had)

    def moved_on(self, position: P, content: Content) -> P:
        """The position behind this page, as far as all lists count alike."""
        return replace(
            position,
            pages=position.pages + 1,
            seen=position.seen + len(content.keys),
            limit=self.grown(position),
            first_key=position.first_key or next(iter(content.keys), None),
            had=keys_mark(content.keys),
            idle=0 if content.keys else position.idle + 1,
            restarts=position.restarts + bool(content.facts.get("restarted")),
        )

    def next_part(self, position: SquarePosition, bounds: Bounds) -> SquarePosition:
        """The first page of the next group of locations, or the end."""
        many = self.pages.locations
        groups = math.ceil(len(position.locations or ()) / many) if many else 1
        if position.only_part or position.part + 1 >= groups:
            return replace(position, done=True)
        return self.opened(replace(position, part=position.part + 1, pass_no=1, tries=1), bounds)

    def opened(self, position: SquarePosition, bounds: Bounds) -> SquarePosition:
        """The first page of a part: all of the bounds, where there are any."""
        if self.stream.window is None:
            return position.restarted()
        return replace(position, window_start=bounds.start, window_end=bounds.end).restarted()

    def begin(self, bounds: Bounds) -> SquarePosition:
        return self.opened(self.position_type(), bounds)

    def reread(self, window: ReadWindow, bounds: Bounds) -> SquarePosition:
        del bounds
        position = self.position_type(
            part=window.part,
            window_start=window.start,
            window_end=window.end,
            pass_no=window.passes + 1,
            counted=True,
            only_part=True,
        )
        return position.restarted()

    def smaller(self, position: SquarePosition) -> SquarePosition | None:
        size = self.size_of(position)
        limit = half_of(size) if size else None
        return None if limit is None else replace(position, limit=limit)

    def grown(self, position: SquarePosition) -> int | None:
        return grown(position.limit, self.pages.usual)

    def probe_count(self, send: Send, bounds: Bounds, windows: tuple[ReadWindow, ...]) -> Probe:
        """Nothing is asked once more: what a list says of its end was asked when it was reached."""
        del send, bounds, windows
        return Probe(count=None)

    def gap(self, bounds: Bounds, windows: tuple[ReadWindow, ...]) -> str | None:
        """How many parts there are hangs on the locations: that none is missing is the entity's own proof."""
        if bounds.end < bounds.start:
            return None
        parts = 1 + max((window.part for window in windows), default=0)
        gaps = (gap_in_part(part, bounds, [one for one in windows if one.part == part]) for part in range(parts))
        return next((gap for gap in gaps if gap), None)

    def calls_for(self, count: int, bounds: Bounds) -> int:
        del bounds
        return max(1, math.ceil(count / self.pages.usual)) + 1


@dataclass(frozen=True, kw_only=True)
class OnePage(SquarePages):
    """A list that comes whole, in one answer."""

    limit: int | None = field(default=None)


def keys_mark(keys: Sequence[str]) -> str:
    return hashlib.md5("\0".join(keys).encode(), usedforsecurity=False).hexdigest() if keys else ""


def rfc3339(seconds: int) -> str:
    """A moment as Square takes it, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def last_of(seconds: int) -> str:
    """The last moment of a second: whatever happened within it is before."""
    return rfc3339(seconds).replace("Z", ".999Z")


def in_order(text: object) -> tuple[int, str] | None:
    """A time by which records can be put in order, to its last digit; None where it is none."""
    moment = moment_in(text)
    if moment is None or not isinstance(text, str):
        return None
    fraction = "".join(c for c in text[19:].partition(".")[2][:9] if c.isdigit())
    return int(moment.timestamp() // 1), fraction.ljust(9, "0")


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Retriable("the answer is no JSON") from None
    if not isinstance(document, dict):
        raise Retriable("the answer is no object")
    return document
