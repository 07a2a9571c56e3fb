"""The permit that every call to a platform needs, from a budget that all workers share.

The day lives in Postgres, where a lost Valkey cannot reset it, and is reserved in small blocks before anything is sent.
The second lives in Valkey (`pacing`). How and why: `directives/rate_budgets.md`.
"""

from __future__ import annotations

import math
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import redis
import structlog

from execution.budgets import Budget, CallClass, Scope
from execution.clock import Clock
from execution.errors import Snooze, StoreError
from execution.pacing import LONGEST_WAIT_S, Pacer, Rpc
from execution.platforms import ObservedLimits

# A report is a trip to the database: often enough to find foreign calls, seldom enough to cost nothing.
_REPORT_EVERY_S = 15.0
_STOP_LOOK_S = 0.25
# A call that is later than its slot crowds the next one's second; the burst and margin leave room for this much
# (0.8 * 1.1 + 0.1 of the limit). A machine that is always later gets through after some tries: slower, not stuck.
_LATE_S = 0.1
_SLOT_TRIES = 5

log = structlog.get_logger()


@dataclass(kw_only=True)
class _Block:
    """Calls of the day that this process has reserved; worthless once `deadline` (monotonic) has passed."""

    block_id: str
    left: int
    deadline: float


class RateLimiter:
    """Permits for all platforms of one process; safe to share between threads."""

    def __init__(
        self,
        store: Rpc,
        valkey: redis.Redis | None,
        budgets: Mapping[str, Budget],
        clock: Clock,
        *,
        stopping: Callable[[], bool] = lambda: False,
        new_id: Callable[[], uuid.UUID] = uuid.uuid4,
    ) -> None:
        self._store = store
        self._pacer = Pacer(store, valkey, clock)
        self._budgets = budgets
        self._clock = clock
        self._stopping = stopping
        self._new_id = new_id
        self._lock = threading.Lock()
        self._blocks: dict[tuple[Scope, CallClass], _Block] = {}
        self._limits: dict[Scope, tuple[int, int]] = {}
        self._reported_at: dict[Scope, float] = {}

    def permit(self, scope: Scope, call_class: CallClass, *, points: float = 0.0) -> None:
        """Return when one call may go out now. Raises Snooze when that is more than two seconds away."""
        while True:
            block = self._take(scope, call_class)
            try:
                self._await_slot(scope)
            except BaseException:
                with self._lock:
                    block.left += 1
                raise
            # A block that died during the wait paid for nothing: its call stays booked, and another one is taken.
            if self._clock.monotonic() < block.deadline:
                return

    def observe(self, scope: Scope, seen: ObservedLimits) -> None:
        """Adopt the limits that an answer's headers told, and tell the other processes."""
        with self._lock:
            before = self._limit(scope)
            now = seen.per_second or before[0], seen.per_day or before[1]
            self._limits[scope] = now
        if now != before:
            self._pacer.tell_limit(scope.key, now[0])
        if now[1] < before[1]:
            self.give_back(scope)
        if now != before or self._report_is_due(scope):
            self._report(scope, seen)

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
        with self._lock:
            gone = [place for place in self._blocks if scope in (None, place[0])]
            blocks = [self._blocks.pop(place) for place in gone]
            returned = [(block, block.left) for block in blocks if block.left and self._is_alive(block)]
            for block, _ in returned:
                block.left = 0
        for block, unused in returned:
            try:
                self._store.rpc("return_calls", p_block_id=block.block_id, p_unused=unused)
            except StoreError as error:
                # They stay booked until they leave the window: too few calls, never too many.
                log.warning("calls_not_returned", calls=unused, error=error.message)

    def _take(self, scope: Scope, call_class: CallClass) -> _Block:
        with self._lock:
            block = self._blocks.get((scope, call_class))
            if block is None or not block.left or not self._is_alive(block):
                block = self._blocks[scope, call_class] = self._reserve(scope, call_class)
            block.left -= 1
            return block

    def _reserve(self, scope: Scope, call_class: CallClass) -> _Block:
        budget, block_id, asked_at = (
            self._budgets[scope.platform],
            str(self._new_id()),
            self._clock.monotonic(),
        )
        answer = self._store.rpc(
            "reserve_calls",
            p_block_id=block_id,
            p_scope=scope.key,
            p_class=call_class,
            p_wanted=budget.block_calls,
            p_per_second=budget.per_second,
            p_per_day=budget.per_day,
            p_backfill_share=budget.backfill_share,
        )
        self._limits[scope] = answer["per_second"], answer["per_day"]
        if not answer["granted"]:
            raise Snooze(answer["reason"], timedelta(seconds=max(1.0, answer["wake_in_seconds"])))
        # Counted from before the question, so that the block ends here before it ends in the database.
        return _Block(block_id=block_id, left=answer["granted"], deadline=asked_at + answer["expires_in_seconds"])

    def _await_slot(self, scope: Scope) -> None:
        budget = self._budgets[scope.platform]
        per_second, _ = self._limit(scope)
        for _ in range(_SLOT_TRIES):
            asked_at = self._clock.monotonic()
            slot = self._pacer.slot(scope.key, per_second=per_second, safety_margin=budget.safety_margin)
            if not slot.booked:
                raise Snooze("the calls of this second are used up", timedelta(seconds=max(1.0, slot.wait_s)))
            self._sleep(slot.wait_s)
            if self._clock.monotonic() - asked_at - slot.wait_s <= _LATE_S:
                return

    def _sleep(self, seconds: float) -> None:
        for _ in range(math.ceil(min(seconds, LONGEST_WAIT_S) / _STOP_LOOK_S)):
            if self._stopping():
                raise Snooze("the worker is stopping", timedelta())
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

    def _report_is_due(self, scope: Scope) -> bool:
        now = self._clock.monotonic()
        with self._lock:
            if now - self._reported_at.get(scope, float("-inf")) < _REPORT_EVERY_S:
                return False
            self._reported_at[scope] = now
            return True

    def _limit(self, scope: Scope) -> tuple[int, int]:
        budget = self._budgets[scope.platform]
        return self._limits.get(scope, (budget.per_second, budget.per_day))

    def _is_alive(self, block: _Block) -> bool:
        return self._clock.monotonic() < block.deadline
