"""The day's calls in the hand of one process: blocks reserved in Postgres before anything is sent."""

from __future__ import annotations

import math
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from execution.budget.budgets import Budget, CallClass, Scope
from execution.budget.observed_limits import ObservedLimits
from execution.clock import Clock
from execution.errors import Snooze, StoreError
from execution.store import Rpc

# A block is what this process will send in about so long: a crash loses little, and a trip a block costs little.
_BLOCK_S = 2.0
_FIRST_CALLS = 2
_NEAR_LIMIT = 0.9
# A count that is older says nothing about what anybody else has called since.
_FRESH_S = 5.0

log = structlog.get_logger()


@dataclass(kw_only=True)
class Block:
    """Calls of the day that this process has reserved; worthless once `deadline` (monotonic) has passed."""

    block_id: str
    calls: int
    left: int
    taken_at: float
    deadline: float


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a platform allows a scope; None where it has no such limit, or none is known."""

    per_second: float | None
    per_day: int | None


class DayBlocks:
    """Blocks of one process, by scope and class; safe to share between threads."""

    def __init__(
        self,
        store: Rpc,
        budgets: Mapping[str, Budget],
        clock: Clock,
        *,
        new_id: Callable[[], uuid.UUID],
        shadow: bool,
    ) -> None:
        self._store = store
        self._budgets = budgets
        self._clock = clock
        self._new_id = new_id
        self._shadow = shadow
        self._lock = threading.Lock()
        self._blocks: dict[tuple[Scope, CallClass], Block] = {}
        self._wanted: dict[tuple[Scope, CallClass], int] = {}
        self._limits: dict[Scope, Limits] = {}
        # The newest limits that a response named, until a reservation has carried them to the other processes.
        self._seen: dict[Scope, tuple[float, ObservedLimits]] = {}
        self._near: dict[Scope, bool] = {}

    def draw(self, scope: Scope, call_class: CallClass) -> Block:
        """One call out of a block, a new one where needed. Raises Snooze when the day has none."""
        with self._lock:
            block = self._blocks.get((scope, call_class))
            if block is None or not block.left or not self.is_alive(block):
                self._wanted[scope, call_class] = self._next_size(scope, call_class, block)
                block = self._blocks[scope, call_class] = self._reserve(scope, call_class)
            block.left -= 1
            return block

    def put_back(self, block: Block) -> None:
        """A call that was drawn and not sent."""
        with self._lock:
            block.left += 1

    def is_alive(self, block: Block) -> bool:
        return self._clock.monotonic() < block.deadline

    def limits(self, scope: Scope) -> Limits:
        budget = self._budgets[scope.platform]
        return self._limits.get(scope, Limits(per_second=budget.pace, per_day=budget.per_day))

    def adopt(self, scope: Scope, seen: ObservedLimits) -> tuple[Limits, Limits]:
        """Adopt the limits that a response named; answers what was believed before, and now."""
        paces = [seen.per_second, None if seen.per_minute is None else seen.per_minute / 60]
        pace = min((limit for limit in paces if limit is not None), default=None)
        with self._lock:
            before = self.limits(scope)
            now = Limits(per_second=pace or before.per_second, per_day=seen.per_day or before.per_day)
            self._limits[scope] = now
            if seen.remaining_today is not None:
                self._seen[scope] = self._clock.monotonic(), seen
        return before, now

    def give_back(self, scope: Scope | None = None) -> None:
        """Return what is left of the blocks in hand."""
        with self._lock:
            ended = [key for key in self._blocks if scope in (None, key[0])]
            blocks = [self._blocks.pop(key) for key in ended]
            returned = [(block, block.left) for block in blocks if block.left and self.is_alive(block)]
            for block, _ in returned:
                block.left = 0
        for block, unused in returned:
            try:
                self._store.rpc("return_calls", p_block_id=block.block_id, p_unused=unused)
            except StoreError as error:
                # They stay booked until they leave the window: too few calls, never too many.
                log.warning("calls_not_returned", calls=unused, error=error.message)

    def _next_size(self, scope: Scope, call_class: CallClass, spent: Block | None) -> int:
        """As many calls as the last block's pace promises, growing from a few."""
        wanted, most = self._wanted.get((scope, call_class)), self._budgets[scope.platform].block_calls
        if wanted is None or spent is None:
            return min(wanted or _FIRST_CALLS, most)
        seconds = self._clock.monotonic() - spent.taken_at
        pace = (spent.calls - spent.left) / seconds if seconds > 0 else math.inf
        return max(1, min(most, 2 * wanted, math.ceil(min(pace * _BLOCK_S, most))))

    def _reserve(self, scope: Scope, call_class: CallClass) -> Block:
        budget, asked_at = self._budgets[scope.platform], self._clock.monotonic()
        block_id = str(self._new_id())
        answer = self._store.rpc(
            "reserve_calls",
            p_block_id=block_id,
            p_scope=scope.key,
            p_class=call_class,
            p_wanted=self._wanted[scope, call_class],
            p_per_second=budget.per_second,
            p_per_day=budget.per_day,
            p_backfill_share=budget.backfill_share,
            p_live_share=budget.live_share,
            p_day_margin=budget.day_margin,
            p_seen=self._news(scope, asked_at),
            p_shadow=self._shadow,
        )
        self._limits[scope] = Limits(per_second=answer["per_second"] or budget.pace, per_day=answer["per_day"])
        self._watch(scope, call_class, answer)
        if not answer["granted"]:
            wait = timedelta(seconds=max(1.0, answer["wake_in_seconds"]))
            raise Snooze(answer["reason"], wait, code="day_used_up")
        # Counted from before the question, so that the block ends here before it ends in the database.
        deadline = asked_at + answer["expires_in_seconds"]
        calls = answer["granted"]
        return Block(block_id=block_id, calls=calls, left=calls, taken_at=asked_at, deadline=deadline)

    def _news(self, scope: Scope, now: float) -> dict[str, int | None] | None:
        at, seen = self._seen.pop(scope, (0.0, None))
        if seen is None or now - at > _FRESH_S:
            return None
        return {"per_day": seen.per_day, "remaining_today": seen.remaining_today}

    def _watch(self, scope: Scope, call_class: CallClass, answer: Mapping[str, Any]) -> None:
        """Say once when the day runs out, and in shadow mode what would have been refused."""
        if answer["would_refuse"]:
            log.info("budget_would_refuse", scope=scope.key, call_class=call_class, reason=answer["would_refuse"])
        near = answer["per_day"] is not None and answer["used"] >= _NEAR_LIMIT * answer["per_day"]
        if near and not self._near.get(scope):
            log.warning("budget_near_limit", scope=scope.key, used=answer["used"], per_day=answer["per_day"])
        self._near[scope] = near
