"""Clocks: one that is moved by hand, and one on which sleeps take no time."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 22, 12, tzinfo=UTC)


class HandClock:
    """Time that stands still until it is slept away or moved. `on_sleep` sees every sleep."""

    def __init__(self, on_sleep: Callable[[float], None] = lambda _: None) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []
        self._on_sleep = on_sleep

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        self._on_sleep(seconds)


class HastyClock:
    """Real time in which nobody really sleeps: a sleep only moves the monotonic clock on."""

    def __init__(self) -> None:
        self.slept = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic() + self.slept

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
