"""Whether anything moves: workers and the clock give signs of life. Remembered for a moment, however many look."""

from __future__ import annotations

import threading

from execution.app import App
from execution.errors import StoreError
from execution.process.heartbeat import MOVERS

_REMEMBERED_S = 5.0


class Movement:
    """One a process."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._known_until, self._stands_still = float("-inf"), False

    def stands_still(self) -> bool:
        """True where no worker or no clock has been seen for half a minute. Where nobody can say, it is not claimed."""
        with self._lock:
            if self._app.clock.monotonic() >= self._known_until:
                try:
                    seen = self._app.store.rpc("heartbeats")
                except StoreError:
                    return False
                self._stands_still = not all(seen[kind]["alive"] for kind in MOVERS)
                self._known_until = self._app.clock.monotonic() + _REMEMBERED_S
            return self._stands_still
