"""The limit that Square keeps to itself: so many calls a second of one seller's. Figures are a setting's."""

from __future__ import annotations

from sandbox.parts.clock import Clock
from sandbox.square.settings import Settings


class Limits:
    """Counts the calls of each seller in the clock's second."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._used: dict[int, tuple[int, int]] = {}

    def admits(self, shop_id: int) -> bool:
        """Count one call; a refused one counts, too."""
        second, used = self._now(shop_id)
        self._used[shop_id] = second, used + 1
        return used < self._settings.per_second

    def use(self, shop_id: int, calls: int) -> None:
        """Let so many calls have been made in this second."""
        second, used = self._now(shop_id)
        self._used[shop_id] = second, used + calls

    def forget(self) -> None:
        self._used.clear()

    def _now(self, shop_id: int) -> tuple[int, int]:
        second, used = self._used.get(shop_id, (0, 0))
        now = self._clock.seconds()
        return (now, used) if second == now else (now, 0)
