"""Signs of life: each process says now and then that it is there, where health and pages read it."""

from __future__ import annotations

import os
import socket
import threading
import uuid
from typing import Literal

import structlog

from execution.clock import Clock
from execution.errors import KeeperError
from execution.store import Rpc

BEAT_S = 10.0

Kind = Literal["worker", "clock", "web"]
# Without these nothing moves. That no web process runs, none of them can tell: `keeper doctor` does.
MOVERS = ("clock", "worker")
log = structlog.get_logger()


class Heartbeat:
    """One a process. A beat that the database does not hear is no fault: the next one is soon."""

    def __init__(self, store: Rpc, kind: Kind, clock: Clock) -> None:
        self._store = store
        self._kind = kind
        self._clock = clock
        # Containers of one host may share its name, and every one has the same number.
        self._process = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._due = float("-inf")

    def beat(self) -> None:
        """To be called in every round; tells at most once in ten seconds."""
        if self._clock.monotonic() < self._due:
            return
        self._due = self._clock.monotonic() + BEAT_S
        try:
            self._store.rpc("record_heartbeat", p_kind=self._kind, p_process=self._process)
        except KeeperError as error:
            log.warning("heartbeat_not_told", error=str(error))

    def until(self, stop: threading.Event) -> None:
        """Beat on a thread of its own, for a process whose rounds may be long."""
        while not stop.is_set():
            self.beat()
            stop.wait(BEAT_S)
