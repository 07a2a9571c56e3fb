"""The one loop of every job: claim, a slice of pages, commit, settle.

    work_one ──▶ slice ──▶ step (stream, lookup, derivation) ──▶ fetch, commit ──▶ … ──▶ certify

A slice ends when its time is over, when the process is asked to stop, or with a Signal; all that it knows is in the
cursor that the last commit saved. No platform is named here.
"""

from __future__ import annotations

import random
import sys
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum

import structlog

from execution import jobs
from execution.catalog import Catalog
from execution.clock import Clock
from execution.errors import Fatal, LeaseLost, Retriable, Signal, Skip, Snooze, StoreError, StoreUnavailable, UserError
from execution.http.circuit_breaker import CircuitBreaker
from execution.jobs import Job
from execution.process.shutdown import HeldLeases
from execution.settings import HistoryWindow
from execution.slices.slice_work import Client, ClientOf, SliceWork
from execution.store import Store
from execution.verification import Certificate

SLICE_SECONDS = 15.0
_FIRST_BACKOFF_S, _LONGEST_BACKOFF_S = 2.0, 900.0
_SETTINGS_MISSING = timedelta(minutes=5)

log = structlog.get_logger()


class SliceOutcome(Enum):
    """What became of one round of `work_one`."""

    IDLE = "idle"
    HANDED_BACK = "handed_back"
    PARKED = "parked"
    FAILED = "failed"
    COMPLETED = "completed"
    LOST = "lost"


@dataclass(frozen=True, kw_only=True)
class JobRunner:
    """Works jobs one slice at a time. Safe to run in as many threads and processes as you like."""

    store: Store
    catalog: Catalog
    client_of: ClientOf
    breaker: CircuitBreaker[Job, Client]
    clock: Clock
    rng: random.Random
    worker: str
    history: HistoryWindow
    give_back: Callable[[], None] = lambda: None
    # Told the lease that could not be given back, because the process is leaving and the database does not answer.
    owe: Callable[[str], None] = lambda _: None
    stopping: Callable[[], bool] = lambda: False
    held_leases: HeldLeases = field(default_factory=HeldLeases)
    slice_seconds: float = SLICE_SECONDS
    # So many calls end a slice as well, so that a small day is dealt out in small turns (docs/decisions/014).
    turn_calls: Callable[[Job], int] = lambda _: sys.maxsize

    def work_one(self) -> SliceOutcome:
        """Claim the next due job and work a slice of it. Every Signal is settled here; none leaves."""
        if self.stopping():
            return SliceOutcome.IDLE
        lease_id = str(uuid.uuid4())
        # In hand before it is asked for: its answer may come while the process is being ended.
        with self.held_leases.holding(lease_id):
            try:
                job = jobs.claim(self.store, self.catalog, self.worker, lease_id)
                return SliceOutcome.IDLE if job is None else self._work(job)
            except StoreUnavailable:
                self._owe_if_leaving(lease_id)
                raise

    def _owe_if_leaving(self, lease_id: str) -> None:
        """Not in a process that goes on: a page that the database dies of has to be counted."""
        if self.stopping():
            self.owe(lease_id)

    def _work(self, job: Job) -> SliceOutcome:
        bound = log.bind(job_id=job.id, platform=job.platform, entity=job.entity.name)
        try:
            client = self.client_of(job)
        except UserError as error:
            # This process lacks the platform's settings: an operator must act, the job is not to blame.
            bound.error("platform_not_set_up", error=str(error))
            jobs.park(self.store, job, str(error), _SETTINGS_MISSING, 0, charge=False, code="setting_missing")
            return SliceOutcome.PARKED
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="prefetch") as pool:
            ends_at, most_calls = self.clock.monotonic() + self.slice_seconds, self.turn_calls(job)
            work = SliceWork(
                store=self.store,
                client=client,
                pool=pool,
                job=job,
                history=self.history,
                over=lambda: self.stopping() or self.clock.monotonic() >= ends_at or client.sends >= most_calls,
            )
            try:
                outcome = self._settle(job, work, client)
            except LeaseLost:
                bound.warning("lease_lost")
                outcome = SliceOutcome.LOST
            except StoreUnavailable as error:
                # Nobody can be told; the lease lapses and the job is rescued.
                bound.warning("store_unavailable", error=error.message)
                self._owe_if_leaving(job.lease_id)
                outcome = SliceOutcome.LOST
            finally:
                self.give_back()
        bound.info("slice_ended", outcome=outcome.value, calls=work.calls, pages=work.pages)
        return outcome

    def _settle(self, job: Job, work: SliceWork, client: Client) -> SliceOutcome:
        try:
            certificate = self._run(job, work, client)
        except Signal as signal:
            return self._settle_signal(job, work, signal)
        except (LeaseLost, StoreUnavailable):
            raise
        except StoreError as error:
            return self._park(job, work, Retriable(str(error)))
        except Exception as error:
            log.exception("slice_broke", job_id=job.id)
            return self._park(job, work, Retriable(f"unexpected {type(error).__name__}"))
        if certificate is None:
            jobs.hand_back(self.store, job, work.calls)
            return SliceOutcome.HANDED_BACK
        jobs.complete(self.store, job, work.calls, certificate=certificate.as_json(), watermark=certificate.watermark)
        return SliceOutcome.COMPLETED

    def _run(self, job: Job, work: SliceWork, client: Client) -> Certificate | None:
        self.breaker.stand_aside(job, client)
        try:
            return work.run()
        except Retriable as failure:
            raise self.breaker.judge(job, client, failure) from None

    def _settle_signal(self, job: Job, work: SliceWork, signal: Signal) -> SliceOutcome:
        log.info("slice_signal", job_id=job.id, signal=type(signal).__name__, reason=signal.reason)
        match signal:
            case Snooze(delay=delay) if delay <= timedelta():
                jobs.hand_back(self.store, job, work.calls)
                return SliceOutcome.HANDED_BACK
            case Snooze(delay=delay):
                jobs.park(self.store, job, signal.reason, delay, work.calls, charge=False, code=signal.code)
                return SliceOutcome.PARKED
            case Skip():
                gone = Fatal(signal.reason, code="gone", seller_message="The platform no longer shows this shop.")
                return self._settle_signal(job, work, gone)
            case Fatal(code="platform_key_refused" as code):
                # Nobody's jobs can run until an operator has mended the key; none of them has failed.
                jobs.park(self.store, job, signal.reason, _SETTINGS_MISSING, work.calls, charge=False, code=code)
                return SliceOutcome.PARKED
            case Fatal():
                jobs.fail(
                    self.store,
                    job,
                    work.calls,
                    code=signal.code,
                    error=signal.reason,
                    seller_message=signal.seller_message,
                )
                return SliceOutcome.FAILED
            case _:
                return self._park(job, work, signal)

    def _park(self, job: Job, work: SliceWork, signal: Signal) -> SliceOutcome:
        """Backoff is a column: full jitter, doubling with each attempt that brought no page."""
        attempts = 0 if work.pages else job.attempts
        longest = min(_FIRST_BACKOFF_S * 2**attempts, _LONGEST_BACKOFF_S)
        delay = timedelta(seconds=self.rng.uniform(longest / 2, longest))
        if isinstance(signal, Retriable) and signal.after is not None:
            delay = max(delay, signal.after)
        outcome = jobs.park(self.store, job, signal.reason, delay, work.calls, charge=True)
        return SliceOutcome.FAILED if outcome == "failed" else SliceOutcome.PARKED
