"""The demo's processes: the stack with its Etsy, two workers and a clock, each a real child process."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from execution.migrations import migrate
from sandbox.stack import Extra, Stack, StackError
from sandbox.stack.processes import Child, Program
from sandbox.stack.services import PYTHONPATH

# A worker finishes the page in hand; Dramatiq gives its threads twenty seconds for that.
_STOP_PATIENCE_S = 25.0
_COMMANDS = {
    "worker": ("worker", "--processes", "2", "--threads", "2"),
    "clock": ("clock", "--every", "1"),
}


class Stage:
    """A running stack with Keeper's own processes on it."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._children: list[Child] = []

    @contextmanager
    def open(self) -> Iterator[Stage]:
        """Everything runs inside; nothing outside, whatever happened."""
        with self.stack.running():
            try:
                for name, command in _COMMANDS.items():
                    self._children.append(self._start(name, command))
                yield self
            finally:
                self._stop()

    def check(self) -> None:
        """Raise StackError if any process has died."""
        self.stack.check()
        for child in self._children:
            if child.exit_status is not None:
                raise StackError(f"the {child.name} ended with exit status {child.exit_status}:\n{child.tail()}")

    def kill(self) -> None:
        """Everything at once, without waiting. Safe in a signal handler."""
        for child in self._children:
            child.kill()
        self.stack.kill()

    def _start(self, name: str, command: Sequence[str]) -> Child:
        program = Program(
            name=name,
            argv=[sys.executable, "-P", "-m", "execution", *command],
            log=self.stack.data / "logs" / f"{name}.log",
            env={**self.stack.env, "PYTHONPATH": PYTHONPATH},
        )
        return Child(program, self.stack.data)

    def _stop(self) -> None:
        for child in self._children:
            child.ask_to_stop()
        for child in self._children:
            child.stop(_STOP_PATIENCE_S)
        self._children.clear()


def new_stage(data: Path) -> Stage:
    """Durable against a crash of a process, not of the machine: its data lives as long as the demo."""
    etsy = Extra(
        name="etsy",
        argv=(sys.executable, "-P", "-m", "sandbox.etsy", "--port", "0", "--ready-file", "{ready_file}"),
    )
    return Stage(Stack(data, durable=False, migrate=migrate, extras=(etsy,)))
