"""A stream's pages, one after the other: fetch, read, decide, commit; the next one is fetched while one commits."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from typing import Any

from execution import traces
from execution.errors import BodyTooBig, Snooze
from execution.http.messages import Response
from execution.pagination.page_body import Content
from execution.pagination.paginator import (
    AuditCounts,
    Bounds,
    Commit,
    Incomplete,
    Paginator,
    Position,
    Wait,
    once_more,
)
from execution.pagination.registry import paginator_of
from execution.slices.cursor import Cursor
from execution.slices.job_slice import JobSlice
from execution.slices.page_commit import PageCommit
from execution.streams import Stream
from execution.verification import stream_bounds


class StreamStep:
    """One reading of a stream: the first one, or of the first window that the cursor has doubtful."""

    def __init__(self, in_slice: JobSlice, stream: Stream, cursor: Cursor, window: Bounds) -> None:
        self._slice = in_slice
        self._stream = stream
        self._cursor = cursor
        self._bounds = stream_bounds(stream, in_slice.job.shop_created_at, window)
        self._paginator: Paginator[Any] = paginator_of(stream)
        self._ahead: Future[Response] | None = None
        # The span of the page in hand, and of the one that is fetched ahead.
        self._span, self._span_ahead = traces.Span(), traces.Span()

    def run(self) -> Cursor | None:
        """Where the job stands after this reading; None when the slice is over before."""
        if self._bounds.end < self._bounds.start:
            return self._cursor.next_step()
        try:
            position = self._begin()
            while not position.done:
                if self._ahead is None and self._slice.over():
                    return None
                try:
                    response = self._fetch(position)
                    content = self._paginator.read(response)
                except BodyTooBig as signal:
                    smaller = self._paginator.smaller(position)
                    if smaller is not None:
                        position = smaller
                        self._slice.save(self._cursor.at(position))
                        continue
                    response, content = self._paginator.beyond(self._slice, position, signal)
                if content.shown:
                    self._cursor = self._cursor.showing(content.shown)
                decision = self._paginator.decide(position, content)
                if isinstance(decision, Commit):
                    page = self._page(position, decision, response, content)
                    commit = self._span.begin("commit")
                    counts = self._slice.committer.commit(page, self._fetch_ahead(decision))
                    commit.end()
                    position = decision.position if counts is None else self._close(decision.position, counts)
                else:
                    position = decision.position
                    self._slice.save(self._cursor.at(position))
                    if isinstance(decision, Wait):
                        raise Snooze(decision.reason, decision.delay, code=decision.code)
        finally:
            self._span.end()
            self._span_ahead.end()
            self._paginator.release()
        return self._end()

    def _begin(self) -> Position:
        doubtful = self._cursor.rereads[0] if self._cursor.rereads else None
        if doubtful and doubtful.start is not None and doubtful.end is not None:
            self._bounds = Bounds(start=doubtful.start, end=doubtful.end)
        position: Position
        if self._cursor.position is not None:
            position = self._paginator.load(self._cursor.position)
        elif doubtful:
            position = self._paginator.reread(doubtful, self._bounds)
        else:
            position = self._paginator.begin(self._bounds)
        return position

    def _end(self) -> Cursor:
        if not self._cursor.rereads:
            return self._cursor.next_step()
        following = self._cursor.reread_done()
        self._slice.save(following)
        return following

    def _fetch(self, position: Position) -> Response:
        self._span.end()
        ahead, self._ahead = self._ahead, None
        if ahead:
            self._span = self._span_ahead
            return ahead.result()
        self._span = self._begin_span()
        return self._read(self._span, position)

    def _begin_span(self) -> traces.Span:
        return traces.begin("page", stream=self._stream.name)

    def _read(self, span: traces.Span, position: Position) -> Response:
        with span.current():
            return self._paginator.fetch(self._slice, position)

    def _fetch_ahead(self, decision: Commit[Any]) -> Callable[[], None]:
        """What to do once a page's bytes have left: ask for the next one (docs/decisions/006)."""
        goes_on = not decision.closing and not self._slice.over()

        def sent() -> None:
            # A page that is sent again, record by record, has its next one in hand already.
            if goes_on and self._ahead is None:
                self._span_ahead = self._begin_span()
                # Whose work it is, is known in the other thread as well.
                self._ahead = self._slice.pool.submit(
                    copy_context().run, self._read, self._span_ahead, decision.position
                )

        return sent

    def _page(self, position: Position, decision: Commit[Any], response: Response, content: Content) -> PageCommit:
        after = decision.position
        return PageCommit(
            step=self._stream,
            response=response,
            content=content,
            records_at=self._paginator.records_at,
            cursor=self._cursor.at(after),
            part=position.part,
            pass_no=position.pass_no,
            index=position.index,
            window_start=position.window_start,
            window_end=position.window_end,
            closing=decision.closing,
            total=after.total,
            fraction=self._paginator.fraction(after, self._bounds),
        )

    def _close(self, position: Position, counts: AuditCounts) -> Position:
        """The pass over a window has ended: judge it."""
        following: Position | Incomplete = self._paginator.close(position, self._bounds, counts)
        if isinstance(following, Incomplete):
            self._slice.put_off(self._cursor.at(once_more(position)), following.reason, code="not_shown")
        self._slice.save(self._cursor.at(following))
        return following
