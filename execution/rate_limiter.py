"""The permit that every call to a platform needs, from a budget that all workers share.

The day lives in Postgres, where a lost Valkey cannot reset it, and is reserved in small blocks before anything is sent
(`budget.day_blocks`). The second lives in Valkey (`budget.pacing`). How and why: `directives/rate_budgets.md`.
"""

from __future__ import annotations

import math
import sys
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

import structlog

from execution.budget.answer_tally import AnswerTally
from execution.budget.budgets import Bucket, Budget, CallClass, Scope
from execution.budget.day_blocks import DayBlocks
from execution.budget.observed_limits import ObservedLimits
from execution.budget.pacing import LONGEST_WAIT_S, BucketKind, Pacer, Slot
from execution.clock import Clock
from execution.errors import Snooze, StoreError
from execution.store import Rpc
from execution.valkey import Valkey

# A report is a trip to the database: often enough to find external calls, seldom enough to cost nothing.
_REPORT_EVERY_S = 15.0
# So few calls left: every answer is reported.
_NEARLY_NONE = 0.02
_STOP_LOOK_S = 0.25
# A call that is later than its slot crowds the next one's second. The margin leaves room for this much, and for as much
# again between here and the platform. A machine that is always later gets through after some tries: slower, not stuck.
_LATE_S = 0.1
_SLOT_TRIES = 5
# How far ahead a class books the second: a live call always finds a place behind what backfills have booked.
_PATIENCE_S: Mapping[CallClass, float] = {
    "live": LONGEST_WAIT_S,
    "incremental": 1.75,
    "backfill": 1.5,
    "sample": 1.25,
}
# A REST bucket empties in this time, whatever the shop's plan: only its size is told (shopify sheet, section 6).
_CALLS_EMPTY_S = 20.0

# A slice costs a claim: fewer calls would not be worth it.
_FEWEST_SLICE_CALLS = 3

log = structlog.get_logger()


class RateLimiter:
    """Permits for all platforms of one process; safe to share between threads."""

    def __init__(
        self,
        store: Rpc,
        valkey: Valkey | None,
        budgets: Mapping[str, Budget],
        clock: Clock,
        *,
        stopping: Callable[[], bool] = lambda: False,
        new_id: Callable[[], uuid.UUID] = uuid.uuid4,
        shadow: bool = False,
    ) -> None:
        self._store = store
        self._pacer = Pacer(store, valkey, clock)
        self._days = DayBlocks(store, budgets, clock, new_id=new_id, shadow=shadow)
        self._tally = AnswerTally(store, clock)
        self._budgets = budgets
        self._clock = clock
        self._stopping = stopping
        self._shadow = shadow
        self._lock = threading.Lock()
        self._reported_at: dict[Scope, float] = {}
        self._buckets: dict[tuple[Scope, BucketKind], Bucket] = {}
        # The cost that this thread's call in hand has booked, until its answer settles it.
        self._unsettled = threading.local()

    def permit(self, scope: Scope, call_class: CallClass, *, points: float = 0.0) -> None:
        """Return when one call may go out now. Raises Snooze when that is more than two seconds away.

        `points`: what the call may cost at most, where the platform counts points.
        """
        while True:
            block = self._days.draw(scope, call_class)
            try:
                self._await_slot(scope, call_class, points)
            except BaseException:
                self._days.put_back(block)
                raise
            # A block that died during the wait paid for nothing: its call stays booked, and another one is drawn.
            if self._days.is_alive(block):
                return

    def slice_calls(self, scope: Scope) -> int:
        """How many calls a slice of a backfill may make, before other tenants' come: a two-thousandth of a day."""
        per_day = self._days.limits(scope).per_day
        if per_day is None:
            return sys.maxsize
        return max(_FEWEST_SLICE_CALLS, math.ceil(per_day * self._budgets[scope.platform].backfill_share / 2000))

    def observe(self, scope: Scope, seen: ObservedLimits) -> None:
        """Adopt the limits that a response named, and tell the other processes."""
        before, now = self._days.adopt(scope, seen)
        if now.per_second is not None and now.per_second != before.per_second:
            self._pacer.tell_limit(scope.key, now.per_second)
        if now.per_day is not None and now.per_day < (before.per_day or now.per_day):
            self.give_back(scope)
        self._settle(scope, "points", seen.points_available, seen.points_maximum, seen.points_restore_per_s)
        self._settle(scope, "calls", seen.calls_available, seen.calls_maximum, None)
        if seen.remaining_this_minute == 0:
            self._pacer.hold(scope.key, LONGEST_WAIT_S)
        has_limits = seen.per_second is not None or seen.per_day is not None or seen.remaining_today is not None
        if has_limits and (now != before or self._report_is_due(scope, seen)):
            self._report(scope, seen)

    def outcome(self, scope: Scope, *, error: bool) -> None:
        """An answer came, good or bad. Holds the scope where the platform limits the share of bad ones."""
        limits = self._budgets[scope.platform].error_share
        if limits is not None:
            wait_s = self._tally.count(scope, limits, error=error)
            if wait_s:
                self._pacer.hold(scope.key, wait_s)
                self.give_back(scope)

    def throttled(self, scope: Scope, wait: timedelta) -> None:
        """A limit per second was hit: hold everybody for a moment."""
        self._pacer.hold(scope.key, wait.total_seconds())

    def block(self, scope: Scope, wait: timedelta) -> None:
        """The platform says that the day is used up: nothing more for anyone until `wait` has passed."""
        self._pacer.hold(scope.key, wait.total_seconds())
        self._store.rpc("block_scope", p_scope=scope.key, p_seconds=wait.total_seconds())
        self.give_back(scope)

    def give_back(self, scope: Scope | None = None) -> None:
        """Return what is left of the blocks in hand: at the end of a slice, or when limits fall."""
        self._days.give_back(scope)

    def _await_slot(self, scope: Scope, call_class: CallClass, points: float) -> None:
        for _ in range(_SLOT_TRIES):
            asked_at = self._clock.monotonic()
            slot = self._book(scope, call_class, points)
            if slot is None:
                return
            if not slot.booked:
                if self._shadow:
                    log.info("budget_would_refuse", scope=scope.key, call_class=call_class, reason="the second")
                    return
                wait = timedelta(seconds=max(1.0, slot.wait_s))
                raise Snooze("the calls of this second are used up", wait, code="second_used_up")
            self._unsettled.call_id = slot.call_id
            self._sleep(slot.wait_s)
            if self._clock.monotonic() - asked_at - slot.wait_s <= _LATE_S:
                return

    def _book(self, scope: Scope, call_class: CallClass, points: float) -> Slot | None:
        """A slot by the limit that counts for this call; None where the platform has none."""
        budget, patience = self._budgets[scope.platform], _PATIENCE_S[call_class]
        kind: BucketKind = "points" if points and budget.points else "calls"
        bucket = self._bucket(scope, kind)
        if bucket is not None:
            keep = budget.safety_margin + (budget.live_share if call_class in ("backfill", "sample") else 0.0)
            cost = points if kind == "points" else 1.0
            return self._pacer.draw(scope.key, kind, bucket, cost, keep=keep, longest_wait_s=patience)
        pace = self._days.limits(scope).per_second or budget.pace
        if pace is None:
            return None
        return self._pacer.slot(scope.key, per_second=pace, safety_margin=budget.safety_margin, longest_wait_s=patience)

    def _bucket(self, scope: Scope, kind: BucketKind) -> Bucket | None:
        budget = self._budgets[scope.platform]
        return self._buckets.get((scope, kind), budget.points if kind == "points" else budget.calls)

    def _settle(
        self, scope: Scope, kind: BucketKind, available: float | None, maximum: float | None, restore: float | None
    ) -> None:
        bucket = self._bucket(scope, kind)
        if bucket is None or available is None:
            return
        if maximum:
            bucket = replace(bucket, maximum=maximum, restore_per_s=restore or maximum / _CALLS_EMPTY_S)
            self._buckets[scope, kind] = bucket
        self._pacer.settle(scope.key, kind, bucket, available, getattr(self._unsettled, "call_id", ""))

    def _sleep(self, seconds: float) -> None:
        for _ in range(math.ceil(min(seconds, LONGEST_WAIT_S) / _STOP_LOOK_S)):
            if self._stopping():
                raise Snooze("the worker is stopping", timedelta(), code="stopping")
            self._clock.sleep(min(seconds, _STOP_LOOK_S))
            seconds -= _STOP_LOOK_S

    def _report(self, scope: Scope, seen: ObservedLimits) -> None:
        try:
            self._store.rpc(
                "report_limits",
                p_scope=scope.key,
                p_per_second=seen.per_second,
                p_per_day=seen.per_day,
                p_remaining_today=seen.remaining_today,
            )
        except StoreError as error:
            # The answer in hand is paid for and good; the next one reports again.
            self._reported_at.pop(scope, None)
            log.warning("limits_not_reported", error=error.message)

    def _report_is_due(self, scope: Scope, seen: ObservedLimits) -> bool:
        now = self._clock.monotonic()
        few = seen.remaining_today is not None and seen.remaining_today <= _NEARLY_NONE * (seen.per_day or 0)
        with self._lock:
            if not few and now - self._reported_at.get(scope, float("-inf")) < _REPORT_EVERY_S:
                return False
            self._reported_at[scope] = now
            return True
