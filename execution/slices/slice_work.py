"""One slice of a job: its steps in order, until the slice is over or the entity is proven complete."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta

import msgspec
import structlog

from execution import verification
from execution.brake import DeletionBrake
from execution.errors import CursorTooNew, CursorUnreadable, Fatal, Snooze
from execution.jobs import WORKER_TOO_OLD, WORKER_TOO_OLD_WAIT
from execution.pagination.paginator import Bounds
from execution.pieces import Questions
from execution.platforms.rights import right_missing
from execution.rejects import RejectLimits
from execution.settings import HistoryWindow
from execution.slices.cursor import Cursor
from execution.slices.derivation_step import DerivationStep
from execution.slices.job_slice import JobSlice
from execution.slices.lookup_step import LookupStep
from execution.slices.sample_step import SampleStep
from execution.slices.stream_step import StreamStep
from execution.slices.upkeep_step import UpkeepStep
from execution.streams import Derivation, Lookup, Sample, Upkeep
from execution.verification import Certificate, Doubt

# The platform's clock and its index may be a little behind ours; what comes later is the incremental sync's.
FREEZE_MARGIN = timedelta(seconds=60)
_LONGEST_DOUBT = 3

log = structlog.get_logger()


class SliceWork:
    """The work of one slice. `calls` and `pages` tell what it cost and what it brought."""

    def __init__(self, in_slice: JobSlice, history: HistoryWindow, rejects: RejectLimits, brake: DeletionBrake) -> None:
        self._slice = in_slice
        self._rejects = rejects
        self._brake = brake
        self._job = in_slice.job
        self._history = history

    @property
    def calls(self) -> int:
        return self._slice.client.sends

    @property
    def pages(self) -> int:
        return self._slice.committer.pages

    def run(self) -> Certificate | None:
        """The certificate when the entity is complete and proven; None when the slice is over before.

        Raises Fatal, without a call, where the entity needs a right that is known to be missing.
        """
        if self._job.missing_rights:
            raise right_missing(self._job.missing_rights)
        window, cursor = self._freeze(), self._saved()
        while True:
            while cursor.step < len(self._job.entity.steps):
                try:
                    following = self._step(cursor, window).run()
                except CursorUnreadable as error:
                    following = self._begin_again(error)
                if following is None:
                    return None
                cursor = following
            finding = verification.verify(self._questions(cursor), self._slice.send, window, self._rejects, self._brake)
            if isinstance(finding, Certificate):
                return finding
            cursor = self._doubt(finding, cursor)

    def _saved(self) -> Cursor:
        """Where the job stands, as `slices.cursor` says."""
        try:
            return Cursor.load(self._job.cursor)
        except CursorTooNew as error:
            raise Snooze(f"this worker is too old: {error}", WORKER_TOO_OLD_WAIT, code=WORKER_TOO_OLD) from None
        except CursorUnreadable as error:
            return self._begin_again(error)

    def _begin_again(self, error: CursorUnreadable) -> Cursor:
        log.warning("cursor_unreadable", job_id=self._job.id, reason=error.message)
        return Cursor()

    def _freeze(self) -> Bounds:
        """The window of this job, fixed at its first slice: to a moment ago, from the history's start or, in a round,
        from where the entity was proven last.
        """
        start, end = self._job.window_start, self._job.window_end
        if start is None or end is None:
            now = self._slice.store.now()
            begins = self._job.watermark if self._job.entity.in_round else None
            begins = begins or self._history.start(before=now) or datetime(2000, 1, 1, tzinfo=UTC)
            frozen = self._slice.store.rpc(
                "freeze_window",
                p_lease_id=self._job.lease_id,
                p_start=begins.isoformat(),
                p_end=(now - FREEZE_MARGIN).isoformat(),
            )
            start, end = (datetime.fromisoformat(frozen[name]) for name in ("window_start", "window_end"))
        return Bounds(start=_seconds(start), end=_seconds(end))

    def _step(
        self, cursor: Cursor, window: Bounds
    ) -> StreamStep | LookupStep | DerivationStep | UpkeepStep | SampleStep:
        step = self._job.entity.steps[cursor.step]
        if isinstance(step, Upkeep):
            return UpkeepStep(self._slice, step, cursor)
        if isinstance(step, Lookup):
            return LookupStep(self._slice, step, cursor)
        if isinstance(step, Derivation):
            return DerivationStep(self._slice, step, cursor)
        if isinstance(step, Sample):
            return SampleStep(self._slice, step, cursor, window)
        return StreamStep(self._slice, step, cursor, window)

    def _questions(self, cursor: Cursor) -> Questions:
        return Questions(
            store=self._slice.store,
            job=self._job,
            save=lambda known: self._slice.save(cursor.knowing(known)),
            over=self._slice.over,
            known=dict(cursor.known),
        )

    def _doubt(self, doubt: Doubt, before: Cursor) -> Cursor:
        """Read again what is doubtful; after some rounds later, and after some waits fail loudly, with numbers."""
        if not (doubt.windows or doubt.lookups):
            raise Fatal(doubt.reason, code="incomplete")
        again = Cursor(
            step=doubt.step, waits=before.waits, reason=doubt.reason, rereads=doubt.windows, shown=before.shown
        )
        if before.round >= _LONGEST_DOUBT:
            self._slice.put_off(again, doubt.reason, code="incomplete")
        again = msgspec.structs.replace(again, round=before.round + 1)
        self._slice.save(again)
        return again


def _seconds(moment: datetime) -> int:
    return calendar.timegm(moment.utctimetuple())
