"""The newest part of a list by number, from its first page down to the window's start.

What came while it is read moves all others towards later pages: some are met twice, none is lost. What goes moves them
forward, and may hide one: the total fell, and the head is read again. A list that is not in order says nothing by its
times: it is read down to its end. One page alone needs no second look.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

from execution.moments import epoch_in
from execution.pagination.page_body import Content
from execution.pagination.page_number import PageNumberPaginator, PageNumberPosition
from execution.pagination.paginator import (
    MAX_PASSES,
    AuditCounts,
    Bounds,
    Commit,
    Incomplete,
    ReadWindow,
    again,
    next_window,
    not_proven,
    open_window,
)


@dataclass(frozen=True, kw_only=True)
class HeadPosition(PageNumberPosition):
    """`since`: what was created before is known, in Unix seconds."""

    since: int = 0


class HeadPaginator(PageNumberPaginator):
    """The paginator of `HeadPages`."""

    position_type = HeadPosition

    def begin(self, bounds: Bounds) -> HeadPosition:
        return open_window(self.stream, HeadPosition(since=bounds.start), bounds, bounds.start)

    def reread(self, window: ReadWindow, bounds: Bounds) -> HeadPosition:
        return HeadPosition(part=window.part, pass_no=window.passes + 1, only_part=True, since=bounds.start)

    def _ends_reading(self, read: PageNumberPosition, content: Content) -> bool:
        return self._reaches_back(cast("HeadPosition", read)) or super()._ends_reading(read, content)

    def decide(self, position: PageNumberPosition, content: Content) -> Commit[PageNumberPosition]:
        decision = super().decide(position, content)
        if decision.position.head:
            # The end of a longer list: what came meanwhile is the next round's.
            return Commit(position=replace(decision.position, head=False, anchor=None), closing=True)
        return decision

    def close(
        self, position: PageNumberPosition, bounds: Bounds, counts: AuditCounts
    ) -> PageNumberPosition | Incomplete:
        reached = self._reaches_back(cast("HeadPosition", position))
        whole = position.count is None or counts.pass_keys >= position.count
        if position.steady and (reached or whole):
            return next_window(self.stream, position, bounds)
        return again(position) if position.tries < MAX_PASSES else not_proven(self.stream, position, counts)

    def _reaches_back(self, read: HeadPosition) -> bool:
        """A time that cannot be read says nothing: it is read on."""
        oldest = epoch_in(read.oldest)
        return read.ordered and oldest is not None and oldest < read.since
