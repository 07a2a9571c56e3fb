"""The sandbox's own time. Everything that has a date asks it, so that tests move it instead of waiting."""

from __future__ import annotations

import time


class Clock:
    """Real, shifted or standing still; in Unix seconds."""

    def __init__(self) -> None:
        self._shift = 0.0
        self._fixed: float | None = None

    @property
    def mode(self) -> str:
        if self._fixed is not None:
            return "fixed"
        return "shifted" if self._shift else "real"

    def now(self) -> float:
        return time.time() + self._shift if self._fixed is None else self._fixed

    def seconds(self) -> int:
        return int(self.now())

    def stand_at(self, at: float) -> None:
        self._fixed = at

    def advance(self, seconds: float) -> None:
        if self._fixed is None:
            self._shift += seconds
        else:
            self._fixed += seconds

    def run(self) -> None:
        """Back to real time."""
        self._fixed = None
        self._shift = 0.0
