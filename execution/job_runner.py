"""The one loop of every job: claim, a slice of pages, commit, settle.

    work_one ──▶ slice ──▶ step (stream, lookup, derivation) ──▶ fetch, commit ──▶ … ──▶ certify

A slice ends when its time is over, when the process is asked to stop, or with a Signal; all that it knows is in the
cursor that the last commit saved. No platform is named here.
"""

from __future__ import annotations

import random
import sys
import uuid
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum

import structlog

from execution import jobs, traces
from execution.brake import DeletionBrake
from execution.catalog import Catalog, platform_named
from execution.clock import Clock
from execution.daily_financial_roll import roll_newest, roll_up
from execution.errors import (
    SAID_AGAIN_AFTER,
    Fatal,
    LeaseLost,
    Refusal,
    Retriable,
    Signal,
    Skip,
    Snooze,
    StoreError,
    StoreUnavailable,
    UserError,
)
from execution.http.circuit_breaker import CircuitBreaker
from execution.jobs import Job
from execution.platforms.api import ShopIdentity
from execution.platforms.rights import RIGHT_MISSING, missing_rights
from execution.platforms.subscriptions import Registration
from execution.process.shutdown import HeldLeases
from execution.rejects import RejectLimits
from execution.seller_messages import message_of
from execution.settings import HistoryWindow
from execution.slices.doubts import DoubtWaits
from execution.slices.job_slice import Client, ClientOf, JobSlice
from execution.slices.slice_work import SliceWork
from execution.store import Store
from execution.tokens.rules import held
from execution.verification import Certificate

SLICE_SECONDS = 15.0
_ROLL_EVERY_S = 30.0
_FIRST_BACKOFF_S, _LONGEST_BACKOFF_S = 2.0, 900.0
_SETTINGS_MISSING = timedelta(minutes=5)
# What is not true of a shop that says who it is, and what is: it does not show this part, or not to us.
_TRUE_OF_THE_PART = {"gone": "not_shown", "shop_gone": "not_shown", "reconnect_needed": "access_denied"}

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
    rejects: RejectLimits
    doubt_waits: DoubtWaits
    brake: DeletionBrake
    give_back: Callable[[], None] = lambda: None
    # Told the lease that could not be given back, because the process is stopping and the database does not answer.
    return_later: Callable[[str], None] = lambda _: None
    stopping: Callable[[], bool] = lambda: False
    held_leases: HeldLeases = field(default_factory=HeldLeases)
    # Where a platform's webhooks are to go.
    hears_at: Callable[[str], Registration | None] = lambda _: None
    slice_seconds: float = SLICE_SECONDS
    # So many calls end a slice as well, so that a small day is dealt out in small parts (docs/decisions/014).
    slice_calls: Callable[[Job], int] = lambda _: sys.maxsize
    # When a shop's newest days were rolled up last, by this process.
    _rolled_at: dict[str, float] = field(default_factory=dict)

    def work_one(self) -> SliceOutcome:
        """Claim the next due job and work a slice of it. Every Signal is settled here; none leaves."""
        if self.stopping():
            return SliceOutcome.IDLE
        lease_id = str(uuid.uuid4())
        # Held before it is asked for: its answer may come while the process is being ended.
        with self.held_leases.holding(lease_id):
            try:
                job = jobs.claim(self.store, self.catalog, self.worker, lease_id)
                if job is None:
                    return SliceOutcome.IDLE
                # Every line that is logged meanwhile, and the slice's span, say whose work it is.
                about = {"job_id": job.id, "run_id": job.run_id, "user_id": job.user_id, "platform": job.platform}
                with structlog.contextvars.bound_contextvars(**about), traces.span("slice") as span:
                    span.note(**about, connection_id=job.connection_id, entity=job.entity.name)
                    outcome = self._work(job, span)
                    span.note(outcome=outcome.value)
                    return outcome
            except StoreUnavailable:
                self._return_later_if_stopping(lease_id)
                raise

    def _return_later_if_stopping(self, lease_id: str) -> None:
        """Not in a process that goes on: a page that the database dies of has to be counted."""
        if self.stopping():
            self.return_later(lease_id)

    def _work(self, job: Job, span: traces.Span) -> SliceOutcome:
        """A slice of a leased job, and its settlement. A lease that is lost, or a database that is away, is told to
        nobody: the lease lapses and the job is rescued.
        """
        bound = log.bind(entity=job.entity.name)
        try:
            client = self.client_of(job)
        except UserError as error:
            # This process lacks the platform's settings: an operator must act, the job is not to blame.
            bound.error("platform_not_set_up", error=str(error))
            jobs.park(self.store, job, str(error), _SETTINGS_MISSING, 0, charge=False, code="setting_missing")
            return SliceOutcome.PARKED
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="prefetch") as pool:
            work = SliceWork(
                JobSlice(
                    store=self.store,
                    client=client,
                    pool=pool,
                    job=job,
                    over=self._over(job, client),
                    doubt_waits=self.doubt_waits,
                    hears_at=self.hears_at(job.platform),
                ),
                self.history,
                self.rejects,
                self.brake,
            )
            try:
                try:
                    self.breaker.stand_aside(job, client)
                    certificate = work.run()
                except Exception as failure:  # noqa: BLE001  each kind is settled, or raised again
                    outcome = self._settle_failure(job, work, client, failure)
                else:
                    outcome = self._settle(job, work, certificate)
            except LeaseLost:
                bound.warning("lease_lost")
                outcome = SliceOutcome.LOST
            except StoreUnavailable as error:
                bound.warning("store_unavailable", error=error.message)
                self._return_later_if_stopping(job.lease_id)
                outcome = SliceOutcome.LOST
            finally:
                self.give_back()
        bound.info("slice_ended", outcome=outcome.value, calls=work.calls, pages=work.pages)
        span.note(calls=work.calls, pages=work.pages)
        return outcome

    def _over(self, job: Job, client: Client) -> Callable[[], bool]:
        ends_at, most_calls = self.clock.monotonic() + self.slice_seconds, self.slice_calls(job)
        return lambda: self.stopping() or self.clock.monotonic() >= ends_at or client.sends >= most_calls

    def _settle(self, job: Job, work: SliceWork, certificate: Certificate | None) -> SliceOutcome:
        if certificate is None:
            jobs.hand_back(self.store, job, work.calls)
            # A history that takes long shows its newest days before it is whole.
            if job.connection_id not in self._rolled_lately():
                self._rolled_at[job.connection_id] = self.clock.monotonic()
                self._roll(job, lambda: roll_newest(self.store, job.connection_id))
            return SliceOutcome.HANDED_BACK
        jobs.complete(
            self.store,
            job,
            work.calls,
            certificate=certificate.as_json(),
            watermark=certificate.watermark,
            shortfall=_told(job, certificate.shortfall) if certificate.shortfall else None,
        )
        ends_at = self.clock.monotonic() + self.slice_seconds

        def over() -> bool:
            return self.stopping() or self.clock.monotonic() >= ends_at

        # So long at most: the clock goes on with what is left.
        self._roll(job, lambda: roll_up(self.store, job.user_id, whole_only=True, over=over))
        return SliceOutcome.COMPLETED

    def _rolled_lately(self) -> Collection[str]:
        """Shops whose newest days were; the others are forgotten."""
        long_ago = self.clock.monotonic() - _ROLL_EVERY_S
        for shop in [shop for shop, at in list(self._rolled_at.items()) if at <= long_ago]:
            self._rolled_at.pop(shop, None)
        return self._rolled_at

    @staticmethod
    def _roll(job: Job, roll: Callable[[], object]) -> None:
        """No part of the job, which stands whatever becomes of this."""
        try:
            roll()
        except (StoreError, StoreUnavailable) as error:
            log.warning("not_rolled_up", job_id=job.id, error=str(error))

    def _settle_failure(self, job: Job, work: SliceWork, client: Client, failure: Exception) -> SliceOutcome:
        match failure:
            case Retriable():
                return self._settle_signal(job, work, self.breaker.judge(job, client, failure))
            case Refusal():
                return self._settle_refusal(job, work, client, failure)
            case Skip():
                return self._settle_refusal(job, work, client, Refusal(failure.reason, code=failure.code))
            case Signal():
                return self._settle_signal(job, work, failure)
            case LeaseLost() | StoreUnavailable():
                raise failure
            case StoreError():
                return self._park(job, work, Retriable(str(failure), code="store_refused"))
            case _:
                log.error("slice_broke", job_id=job.id, exc_info=failure)
                unexpected = Retriable(f"unexpected {type(failure).__name__}", code="unexpected")
                return self._park(job, work, unexpected)

    def _settle_refusal(self, job: Job, work: SliceWork, client: Client, refusal: Refusal) -> SliceOutcome:
        """The first saying is remembered, and the job waits for the second. A page in between makes it the first."""
        if refusal.code == RIGHT_MISSING:
            rights = platform_named(job.platform).rights
            refusal = refusal.naming(right=", ".join(rights.of(job.entity.steps)))
        if job.refused_code != refusal.code or work.pages:
            log.info("refused_once", job_id=job.id, code=refusal.code, reason=refusal.reason)
            again = Retriable(refusal.reason, SAID_AGAIN_AFTER, code="refused_once")
            return self._park(job, work, again, refused=refusal.code)
        return self._settle_signal(job, work, self._believed(job, client, refusal) if refusal.of_shop else refusal)

    def _believed(self, job: Job, client: Client, refusal: Refusal) -> Signal:
        """What a refusal that was said twice means, now that the shop is asked who it is."""
        self.store.rpc("extend_lease", p_lease_id=job.lease_id, p_lease_seconds=jobs.LEASE_SECONDS)
        try:
            shop = self.breaker.probe(job, client)
        except (Retriable, Snooze) as unknown:
            return unknown
        except Signal as same:
            if same.code == "platform_key_refused":
                return same
            if "reconnect_needed" in (refusal.code, same.code):
                client.give_up(refusal.reason)
            return refusal
        if refusal.code == RIGHT_MISSING and isinstance(shop, ShopIdentity) and shop.rights is not None:
            return self._with_rights(job, refusal, held(shop.rights))
        if code := _TRUE_OF_THE_PART.get(refusal.code):
            return Fatal(f"{refusal.reason}, and the shop says who it is", code=code)
        return refusal

    def _with_rights(self, job: Job, refusal: Refusal, granted: frozenset[str]) -> Signal:
        """The platform says what it granted: where that is news, and enough for the entity, it is read with that."""
        self.store.rpc("note_rights", p_lease_id=job.lease_id, p_rights=sorted(granted))
        rights = platform_named(job.platform).rights
        if granted == job.granted or missing_rights(rights.of(job.entity.steps), granted):
            return refusal
        return Retriable(f"{refusal.reason}: it is read with what was granted")

    def _settle_signal(self, job: Job, work: SliceWork, signal: Signal) -> SliceOutcome:
        log.info("slice_signal", job_id=job.id, signal=type(signal).__name__, code=signal.code, reason=signal.reason)
        traces.note(code=signal.code)
        match signal:
            case Snooze(delay=delay) if delay <= timedelta():
                jobs.hand_back(self.store, job, work.calls)
                return SliceOutcome.HANDED_BACK
            case Snooze(delay=delay):
                jobs.park(self.store, job, signal.reason, delay, work.calls, charge=False, code=signal.code)
                return SliceOutcome.PARKED
            case Fatal(code="platform_key_refused" as code):
                # Nobody's jobs can run until an operator has mended the key; none of them has failed.
                jobs.park(self.store, job, signal.reason, _SETTINGS_MISSING, work.calls, charge=False, code=code)
                return SliceOutcome.PARKED
            case Fatal():
                message = message_of(signal, platform_named(job.platform))
                jobs.fail(self.store, job, work.calls, code=signal.code, error=signal.reason, seller_message=message)
                return SliceOutcome.FAILED
            case _:
                return self._park(job, work, signal)

    def _park(self, job: Job, work: SliceWork, signal: Signal, *, refused: str | None = None) -> SliceOutcome:
        """Backoff is a column: full jitter, doubling with each attempt that brought no page."""
        attempts = 0 if work.pages else job.attempts
        longest = min(_FIRST_BACKOFF_S * 2**attempts, _LONGEST_BACKOFF_S)
        delay = timedelta(seconds=self.rng.uniform(longest / 2, longest))
        if isinstance(signal, Retriable) and signal.after is not None:
            delay = max(delay, signal.after)
        outcome = jobs.park(
            self.store, job, signal.reason, delay, work.calls, charge=True, code=signal.code, refused=refused
        )
        return SliceOutcome.FAILED if outcome == "failed" else SliceOutcome.PARKED


def _told(job: Job, shortfall: Fatal) -> jobs.Shortfall:
    message = message_of(shortfall, platform_named(job.platform))
    return jobs.Shortfall(code=shortfall.code, error=shortfall.reason, seller_message=message)
