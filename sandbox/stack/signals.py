"""SIGINT and SIGTERM for a supervisor: the first asks, the second kills."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from sandbox.stack.errors import Stopped

STOPPING = (signal.SIGINT, signal.SIGTERM)


class StopFlag:
    """Set by the first signal. Whatever waits during start and stop waits through `pause`."""

    def __init__(self) -> None:
        self.received: int = 0

    def pause(self, seconds: float) -> None:
        """Wait a little; raises Stopped once a signal has come."""
        if self.received:
            raise Stopped(self.received)
        time.sleep(seconds)


@contextmanager
def stop_flag(kill_all: Callable[[], None]) -> Iterator[StopFlag]:
    """While inside, SIGINT and SIGTERM set the flag; a second one kills all children and leaves at once."""
    flag = StopFlag()

    def on_signal(number: int, _: FrameType | None) -> None:
        if flag.received:
            kill_all()
            os._exit(128 + number)
        flag.received = number

    before = {number: signal.signal(number, on_signal) for number in STOPPING}
    try:
        yield flag
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
