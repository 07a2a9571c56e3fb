"""What payouts are made of: payouts are listed, each location's from its first on, and the entries of each are read.

A payout's entries are a list of their own, with a cursor: a payout is read again from its beginning where that is dead.
What came is proven by the payouts' amounts (`private.prove_square_payout_entries`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self, cast

import orjson

from execution.http.messages import Request, Response
from execution.pagination import page_body
from execution.pagination.page_body import Content
from execution.pagination.paginator import (
    MAX_PASSES,
    Advance,
    AuditCounts,
    Bounds,
    Commit,
    Incomplete,
    again,
    not_proven,
)
from execution.platforms.square.pages import (
    FACTS,
    Asked,
    SquarePages,
    SquarePaginator,
    SquarePosition,
    in_order,
    last_of,
    rfc3339,
)
from execution.streams import Records, Stream

# A payout that is paid out in a later one has no entries of its own.
_WITHOUT = "SIMPLE"
_LISTED = Records(name="payouts", table="", key="id", updated=(), columns=())


@dataclass(frozen=True, kw_only=True)
class PayoutEntryPages(SquarePages):
    """`payouts`: the list of payouts; the stream's own path is that of a payout's entries, with `{id}`."""

    payouts: Stream


@dataclass(frozen=True, kw_only=True)
class PayoutEntryPosition(SquarePosition):
    """`waiting`: payouts whose entries are to be read, the first one now. `since`, `known`: the time up to which they
    were listed, and those at that time. `ended`: there are no more.
    """

    waiting: tuple[str, ...] = ()
    since: str = ""
    known: tuple[str, ...] = ()
    ended: bool = False
    joined: bool = True

    def restarted(self) -> Self:
        return replace(super().restarted(), waiting=(), since="", known=(), ended=False, joined=True)


class PayoutEntryPaginator(SquarePaginator):
    """The paginator of `PayoutEntryPages`."""

    position_type = PayoutEntryPosition

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self.payouts = cast("PayoutEntryPages", stream.pages).payouts

    def asked(self, position: SquarePosition) -> Asked:
        at = cast("PayoutEntryPosition", position)
        start = at.since or rfc3339(at.window_start or 0)
        return Asked(start=start, end=last_of(at.window_end or 0), locations=self.group(position))

    def request(self, position: SquarePosition) -> Request:
        at = cast("PayoutEntryPosition", position)
        if not at.waiting:
            listed = cast("SquarePages", self.payouts.pages)
            fields = {**listed.query(self.asked(position)), "limit": listed.usual}
            return self._call(self.payouts.path, fields | ({"cursor": at.cursor} if at.cursor else {}))
        fields = {"sort_order": "ASC", "limit": self.size_of(position) or self.pages.usual}
        path = self.stream.path.replace("{id}", at.waiting[0])
        return self._call(path, fields | ({"cursor": at.cursor} if at.cursor else {}))

    def whole(self, response: Response, root: str) -> Response:
        """A list of payouts is a page of no entries that says which payouts there are."""
        if b'"payouts"' not in response.body:
            return super().whole(response, root)
        found = page_body.read_records(response.body, "payouts", _LISTED, facts=("cursor",), beside="created_at")
        kinds = page_body.read_records(response.body, "payouts", _LISTED, beside="type").beside
        told = {
            root: [],
            "cursor": found.facts.get("cursor"),
            "payouts": [list(one) for one in zip(found.keys, found.beside, kinds, strict=True)],
        }
        return replace(response, body=orjson.dumps(told))

    def read(self, response: Response) -> Content:
        return replace(self.read_page(response, facts=(*FACTS, "payouts")), count=None)

    def decide(self, position: SquarePosition, content: Content) -> Advance[SquarePosition] | Commit[SquarePosition]:
        if known := self.with_locations(position, content):
            return Advance(position=known)
        at, cursor = cast("PayoutEntryPosition", position), str(content.facts.get("cursor") or "")
        if not at.waiting:
            return self._listed(at, content, "" if cursor == at.cursor else cursor)
        lost = bool(cursor) and self.goes_nowhere(at, content)
        goes_on = bool(cursor) and not lost
        after = replace(self.moved_on(at, content), joined=at.joined and not lost)
        if goes_on:
            after = replace(after, cursor=cursor)
        else:
            after = replace(after, cursor="", first_key=None, had="", idle=0, waiting=at.waiting[1:])
        return Commit(position=after, closing=after.ended and not after.waiting)

    def _listed(
        self, at: PayoutEntryPosition, content: Content, cursor: str
    ) -> Advance[SquarePosition] | Commit[SquarePosition]:
        rows = [row for row in content.facts.get("payouts") or () if row[0] not in at.known]
        times = [in_order(row[1]) for row in rows]
        reached = max((time for time in times if time is not None), default=in_order(at.since))
        moved = reached != in_order(at.since)
        at_end = [row for row, time in zip(rows, times, strict=True) if time == reached]
        after = replace(
            at,
            waiting=tuple(str(row[0]) for row in rows if row[2] != _WITHOUT),
            since=str(at_end[-1][1]) if moved and at_end else at.since,
            known=tuple(str(row[0]) for row in at_end) if moved else (*at.known, *(str(row[0]) for row in rows)),
            # Payouts of one time that fill a page are passed by the cursor.
            cursor="" if moved else cursor,
            ended=not cursor,
        )
        if after.waiting:
            # The cursor is of the list of payouts; entries begin at their own beginning.
            return Advance(position=replace(after, cursor=""))
        if cursor:
            return Advance(position=after)
        return Commit(position=replace(after, pages=at.pages + 1), closing=True)

    def close(self, position: SquarePosition, bounds: Bounds, counts: AuditCounts) -> SquarePosition | Incomplete:
        if cast("PayoutEntryPosition", position).joined:
            return self.next_part(position, bounds)
        return again(position) if position.tries < MAX_PASSES else not_proven(self.stream, position, counts)

    def fraction(self, position: SquarePosition, bounds: Bounds) -> float:
        if position.done:
            return 1.0
        parts = max(1, math.ceil(len(position.locations or ()) / (self.pages.locations or 1)))
        reached = in_order(cast("PayoutEntryPosition", position).since)
        whole = max(bounds.end - bounds.start, 1)
        inside = 0.0 if reached is None else min(1.0, max(0.0, (reached[0] - bounds.start) / whole))
        return min(1.0, (position.part + inside) / parts)
