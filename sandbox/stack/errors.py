"""What can go wrong with the embedded stack, told in one line each."""

from __future__ import annotations

from signal import Signals


class StackError(Exception):
    """The stack cannot start or cannot go on; the message says why and what to do."""


class NotInstalled(StackError):
    """A program of the stack is missing; the message says how to get it."""


class AlreadyRunning(StackError):
    """Another process runs a stack on this data folder."""


class UnusableFolder(StackError):
    """The data folder cannot be made, read or written."""


class Stopped(StackError):
    """SIGINT or SIGTERM came."""

    def __init__(self, number: int) -> None:
        self.signal = Signals(number)
        super().__init__(f"stopped by {self.signal.name}")


class AddressTaken(StackError):
    """Someone took the port between our look and our use of it; another port is tried."""


class StillShuttingDown(StackError):
    """An earlier database on the same folder is not quite gone; the new one is started again in a moment."""
