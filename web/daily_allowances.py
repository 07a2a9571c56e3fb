"""What backfills may call a day, by platform, remembered for a moment."""

from __future__ import annotations

import threading

from execution import operations
from execution.app import App

_REMEMBERED_S = 30.0


class DailyAllowances:
    """Asked of the budgets at most twice a minute, however many look."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, int | None]] = {}

    def of(self, platform: str) -> int | None:
        """Calls a day; None where no day's limit is known."""
        now = self._app.clock.monotonic()
        known = self._known.get(platform)
        if known is not None and now < known[0]:
            return known[1]
        with self._lock:
            value = operations.calls_per_day(self._app, platform) if platform in self._app.budgets else None
            self._known[platform] = (now + _REMEMBERED_S, value)
        return value
