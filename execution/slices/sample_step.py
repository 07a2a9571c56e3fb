"""Reads one page of a stream at a random place, lands it as any, and leaves the comparing to what lands it.

What cannot be read so (a record that is bigger than a body may be) is no sample: whole readings see to it.
"""

from __future__ import annotations

from execution.errors import BodyTooBig
from execution.pagination.paginator import Bounds, Place
from execution.pagination.registry import paginator_of
from execution.slices.cursor import Cursor
from execution.slices.job_slice import JobSlice
from execution.slices.page_commit import PageCommit
from execution.streams import Sample
from execution.verification import stream_bounds


class SampleStep:
    """One call, and with it a page. The place is a record of ours, drawn anew where a slice died before its page."""

    def __init__(self, in_slice: JobSlice, sample: Sample, cursor: Cursor, window: Bounds) -> None:
        self._slice = in_slice
        self._stream = sample.stream
        self._cursor = cursor
        self._bounds = stream_bounds(sample.stream, in_slice.job.shop_created_at, window)

    def run(self) -> Cursor:
        """Where the job stands afterwards: behind it."""
        following = self._cursor.next_step()
        drawn = self._slice.store.rpc(
            "sample_place",
            p_lease_id=self._slice.job.lease_id,
            p_table=self._stream.records.table,
            p_time_column=self._slice.job.entity.time_column,
        )
        paginator = paginator_of(self._stream)
        position = None if drawn is None else paginator.at_random(self._bounds, Place(**drawn))
        if position is None:
            return following
        try:
            response = paginator.fetch(self._slice, position)
            content = paginator.read(response)
        except BodyTooBig:
            return following
        finally:
            paginator.release()
        page = PageCommit(
            step=self._stream,
            response=response,
            content=content,
            records_at=paginator.records_at,
            cursor=following,
            part=position.part,
            index=position.index,
            window_start=position.window_start,
            window_end=position.window_end,
        )
        self._slice.committer.commit(page)
        return following
