"""What became of the calls to platforms: counted by minute, endpoint and outcome, sent to the database in batches.

For health and metrics alone: no decision rests on it, so a batch that is lost is lost. Nothing of a tenant is in it.
"""

from __future__ import annotations

import re
import threading
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Literal

import structlog

from execution.clock import Clock
from execution.errors import KeeperError
from execution.store import Rpc

CallOutcome = Literal["ok", "throttled", "failed", "refused", "lost"]

# Upper bounds in milliseconds; what took longer is in one more. private.call_minutes keeps the same thirteen.
BOUNDS_MS = (50, 100, 200, 300, 500, 800, 1200, 2000, 3000, 5000, 10_000, 30_000)
_SEND_EVERY_S = 10.0
# A database that is away for long must not fill our memory.
_MOST_LINES = 2000
# Parts of a path that name one shop or one record: numbers, long hexadecimal ids, dates.
_ID = re.compile(r"(?<=/)(?:\d[\d,-]*|[0-9a-f]{16,}|[0-9a-f-]{36})(?=[/.]|$)")

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class CallSeen:
    """One call: which endpoint, what became of it, how long it took."""

    platform: str
    method: str
    path: str
    outcome: CallOutcome
    seconds: float

    @property
    def endpoint(self) -> str:
        return f"{self.method} {_ID.sub('{id}', self.path)}"[:120]


@dataclass(kw_only=True)
class _Line:
    calls: int = 0
    seconds: float = 0.0
    histogram: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_MS) + 1))


class CallRecord:
    """One a process; safe to share between threads. Sends now and then, on the thread of whoever calls next."""

    def __init__(self, store: Rpc, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._lines: dict[tuple[int, str, str, CallOutcome], _Line] = {}
        self._sent_at = clock.monotonic()

    def note(self, call: CallSeen) -> None:
        now = self._clock.monotonic()
        with self._lock:
            key = (int(now // 60), call.platform, call.endpoint, call.outcome)
            if key in self._lines or len(self._lines) < _MOST_LINES:
                line = self._lines.setdefault(key, _Line())
                line.calls += 1
                line.seconds += call.seconds
                line.histogram[bisect_left(BOUNDS_MS, call.seconds * 1000)] += 1
            due = now >= self._sent_at + _SEND_EVERY_S
        if due:
            self.flush()

    def flush(self) -> None:
        """Send what was counted. A database that is away hears of it later, or never."""
        now = self._clock.monotonic()
        with self._lock:
            lines, self._lines, self._sent_at = self._lines, {}, now
        if not lines:
            return
        calls = [
            {
                "platform": platform,
                "endpoint": endpoint,
                "outcome": outcome,
                "age_seconds": max(0.0, now - minute * 60 - 30),
                "calls": line.calls,
                "seconds": line.seconds,
                "histogram": line.histogram,
            }
            for (minute, platform, endpoint, outcome), line in lines.items()
        ]
        try:
            self._store.rpc("record_calls", p_calls=calls)
        except KeeperError as error:
            log.warning("calls_not_recorded", lines=len(calls), error=str(error))
