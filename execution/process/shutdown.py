"""How a worker process ends: within 25 seconds from any state, with every lease given back and nothing charged.

    TERM ──▶ no new claims; slices finish their page, hand the job back ──▶ all threads idle: the process ends
     │ after 12 s   leases still held are given back from outside: their thread is in a read, or hangs in DNS
     │ after 20 s   the process ends whatever its threads do
    TERM again ──▶ it ends at once; leases lapse in a minute

A host tells every process of a group, and Dramatiq's parent tells its children once more: what comes within a second
is the same signal.
A thread whose lease was given back may go on for a moment: it is fenced, and writes nothing. A database that does not
answer is told later, by the clock (`lease_returns`).
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

import structlog

from execution.errors import KeeperError

FINISH_SECONDS, EXIT_SECONDS = 12.0, 20.0
_SAME_SIGNAL_SECONDS = 1.0
# As Dramatiq ends a process that was told twice.
_KILLED = 3

log = structlog.get_logger()


class HeldLeases:
    """The leases that this process holds, or has just asked for."""

    def __init__(self) -> None:
        self._leases: set[str] = set()
        self._changed = threading.Condition()

    @contextmanager
    def holding(self, lease_id: str) -> Iterator[None]:
        with self._changed:
            self._leases.add(lease_id)
        try:
            yield
        finally:
            with self._changed:
                self._leases.discard(lease_id)
                self._changed.notify_all()

    def wait_until_empty(self, seconds: float) -> list[str]:
        """The leases that are still held after so long; none as soon as there are none."""
        with self._changed:
            self._changed.wait_for(lambda: not self._leases, timeout=seconds)
            return sorted(self._leases)


@dataclass(frozen=True, kw_only=True)
class Shutdown:
    """Ends this process on a signal. `give_back` takes a lease id; it may fail where the lease has ended."""

    held_leases: HeldLeases
    give_back: Callable[[str], object]
    finish_seconds: float = FINISH_SECONDS
    exit_seconds: float = EXIT_SECONDS
    asked: threading.Event = field(default_factory=threading.Event)

    def listen(self, *numbers: signal.Signals) -> None:
        """Hear these signals before whoever listens already, who is told too."""
        for number in numbers:
            self._hear(number)

    def _hear(self, number: signal.Signals) -> None:
        before, first_at = signal.getsignal(number), [time.monotonic()]

        def handle(which: int, frame: FrameType | None) -> None:
            if not self.asked.is_set():
                first_at[0] = time.monotonic()
                self.start()
                if callable(before):
                    before(which, frame)
            elif time.monotonic() - first_at[0] > _SAME_SIGNAL_SECONDS:
                os._exit(_KILLED)

        signal.signal(number, handle)

    def start(self) -> None:
        """Ask slices to end, and see to it that the process does."""
        if not self.asked.is_set():
            self.asked.set()
            threading.Thread(target=self._end_in_time, name="shutdown", daemon=True).start()

    def _end_in_time(self) -> None:
        # Whoever is stuck in the middle of giving back must not keep the process either.
        end = threading.Timer(self.exit_seconds, os._exit, args=(0,))
        end.daemon = True
        end.start()
        for lease_id in self.held_leases.wait_until_empty(self.finish_seconds):
            # Side by side: one that waits for a lock in the database must not keep the others.
            threading.Thread(target=self._abandon, args=(lease_id,), name="giving-back", daemon=True).start()

    def _abandon(self, lease_id: str) -> None:
        try:
            self.give_back(lease_id)
        except KeeperError as error:
            log.warning("lease_not_given_back", lease_id=lease_id, error=str(error))
        else:
            log.warning("slice_abandoned", lease_id=lease_id)
