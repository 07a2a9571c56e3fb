"""Keeps the share of errors among a scope's answers below what its platform allows (Printify: 5 %)."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import structlog

from execution.budget.budgets import ErrorShare, Scope
from execution.clock import Clock
from execution.errors import StoreError
from execution.store import Rpc

# Good answers are reported in heaps: they only ever lower the share.
_HEAP = 50
_TELL_EVERY_S = 60.0

log = structlog.get_logger()


@dataclass(kw_only=True)
class _Untold:
    answers: int = 0
    since: float = 0.0


class AnswerTally:
    """Counts the answers of one process and tells the database, where all processes' are added up."""

    def __init__(self, store: Rpc, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._untold: dict[Scope, _Untold] = {}

    def count(self, scope: Scope, limits: ErrorShare, *, error: bool) -> float:
        """Count one answer; answers for how many seconds nobody may call now."""
        now = self._clock.monotonic()
        with self._lock:
            untold = self._untold.setdefault(scope, _Untold(since=now))
            untold.answers += 1
            if not error and untold.answers < _HEAP and now - untold.since < _TELL_EVERY_S:
                return 0.0
            answers, self._untold[scope] = untold.answers, _Untold(since=now)
        try:
            wait_s = float(
                self._store.rpc(
                    "count_answers",
                    p_scope=scope.key,
                    p_answers=answers,
                    p_errors=int(error),
                    p_pause_share=limits.pause,
                    p_stop_share=limits.stop,
                )
            )
        except StoreError as failure:
            log.warning("answers_not_counted", answers=answers, error=failure.message)
            return 0.0
        if wait_s:
            log.warning("too_many_errors", scope=scope.key, held_s=wait_s)
        return wait_s
