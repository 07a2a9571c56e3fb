"""Keeper's own processes beside a running stack: workers, clock, web; each a real child process."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from sandbox.stack import Stack, StackError
from sandbox.stack.ports import HOST, free_port
from sandbox.stack.processes import Child, Pause, Program
from sandbox.stack.services import PYTHONPATH

# A worker finishes the page in hand; Dramatiq gives its threads twenty seconds for that.
_STOP_PATIENCE_S = 25.0
_START_LIMIT_S = 30.0
_LOOK_S = 0.1


class KeeperProcesses:
    """The processes of one deployment. `port` is the web's wish: another is taken where it is not free."""

    def __init__(self, stack: Stack, *, port: int = 0) -> None:
        self._stack = stack
        self._wanted_port = port
        self._children: list[Child] = []
        self.url = ""

    @contextmanager
    def open(self, pause: Pause = time.sleep) -> Iterator[KeeperProcesses]:
        """Everything runs and answers inside; nothing runs outside, whatever happened."""
        port = free_port(self._wanted_port)
        self.url = f"http://{HOST}:{port}"
        try:
            # All of them: workers ask platforms to deliver there.
            ours = {"PUBLIC_URL": self.url}
            self._start("worker", ("execution", "worker", "--processes", "2", "--threads", "2"), ours)
            self._start("clock", ("execution", "clock", "--every", "1"), ours)
            self._start("web", ("web", "--host", HOST, "--port", str(port)), ours)
            self._wait_for_web(pause)
            yield self
        finally:
            self._stop()

    def check(self) -> None:
        """Raise StackError if any of them has died."""
        for child in self._children:
            if child.exit_status is not None:
                raise StackError(f"the {child.name} ended with exit status {child.exit_status}:\n{child.tail()}")

    def kill(self) -> None:
        """Everything at once, without waiting. Safe in a signal handler."""
        for child in self._children:
            child.kill()

    def _start(self, name: str, command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        program = Program(
            name=name,
            argv=[sys.executable, "-P", "-m", *command],
            log=Path(self._stack.data) / "logs" / f"{name}.log",
            env={**self._stack.env, **(env or {}), "PYTHONPATH": PYTHONPATH},
        )
        self._children.append(Child(program, self._stack.data))

    def _wait_for_web(self, pause: Pause) -> None:
        deadline = time.monotonic() + _START_LIMIT_S
        with httpx.Client(base_url=self.url, trust_env=False, timeout=_LOOK_S * 10) as asking:
            while not _answers(asking):
                self.check()
                if time.monotonic() > deadline:
                    raise StackError(f"the web process does not answer at {self.url}.")
                pause(_LOOK_S)

    def _stop(self) -> None:
        for child in self._children:
            child.ask_to_stop()
        for child in self._children:
            child.stop(_STOP_PATIENCE_S)
        self._children.clear()


def _answers(asking: httpx.Client) -> bool:
    try:
        return asking.get("/health/live").is_success
    except httpx.TransportError:
        return False
