"""The demo's processes: the stack with its stand-ins, workers, a clock and the web, each a real child process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from execution.schema.migrations import migrate
from sandbox.keeper_processes import KeeperProcesses
from sandbox.stack import Extra, Stack
from sandbox.standalone import STAND_INS


class DemoProcesses:
    """A running stack with Keeper's own processes on it."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.keeper = KeeperProcesses(stack)

    @contextmanager
    def open(self) -> Iterator[DemoProcesses]:
        """Everything runs inside; nothing outside, whatever happened."""
        with self.stack.running(), self.keeper.open(self.stack.pause):
            yield self

    def check(self) -> None:
        """Raise StackError if any process has died."""
        self.stack.check()
        self.keeper.check()

    def kill(self) -> None:
        """Everything at once, without waiting. Safe in a signal handler."""
        self.keeper.kill()
        self.stack.kill()


def new_processes(data: Path) -> DemoProcesses:
    """Durable against a crash of a process, not of the machine: its data lives as long as the demo."""
    extras = [
        Extra(
            name=name,
            argv=(sys.executable, "-P", "-m", f"sandbox.{name}", "--port", "0", "--ready-file", "{ready_file}"),
        )
        for name in STAND_INS
    ]
    return DemoProcesses(Stack(data, durable=False, migrate=migrate, extras=extras))
