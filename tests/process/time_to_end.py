"""How long processes take to end, by their own doing: what the machine itself pauses for is not counted."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence

# What is promised, from the signal on: a dyno gets 30 seconds.
GRACE_SECONDS = 25
_PATIENCE_S = 90
_LOOK_S, _PAUSE_S = 0.1, 0.25


Process = subprocess.Popen[bytes]


def tell_group(leader: Process) -> None:
    """As a host does: every process hears it."""
    os.killpg(leader.pid, signal.SIGTERM)


def seconds_to_end(leaders: Sequence[Process], tell: Callable[[Process], None] = tell_group) -> float:
    """Tell all of them, and wait until they have ended."""
    over, pauses = threading.Event(), [0.0]
    watch = threading.Thread(target=_watch, args=(over, pauses))
    watch.start()
    asked_at = time.monotonic()
    try:
        for leader in leaders:
            tell(leader)
        for leader in leaders:
            leader.wait(_PATIENCE_S)
        return time.monotonic() - asked_at - pauses[0]
    finally:
        over.set()
        watch.join()


def _watch(over: threading.Event, pauses: list[float]) -> None:
    """A shared machine stands still now and then: who sleeps through it wakes up too late by as much."""
    while not over.is_set():
        before = time.monotonic()
        over.wait(_LOOK_S)
        late = time.monotonic() - before - _LOOK_S
        if late > _PAUSE_S:
            pauses[0] += late
