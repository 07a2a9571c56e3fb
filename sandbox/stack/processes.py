"""Child processes: started so that they die with us, found again when they did not."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.stack.errors import StackError

# In the environment of every child: names the data folder, and so whose child it is.
MARK = "KEEPER_STACK"
UNPRIVILEGED_USER = "nobody"
POLL_S = 0.01
_LAUNCHER = str(Path(__file__).with_name("launch.py"))

Pause = Callable[[float], None]


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program to run. It is told to leave by `stop_signal`, by us or by the kernel when we die."""

    name: str
    argv: Sequence[str]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    as_user: str = "-"
    env: Mapping[str, str] = field(default_factory=dict)
    pass_fds: tuple[int, ...] = ()


class Child:
    """A running program of the stack.

    Start children from a thread that lives as long as they should: Linux sends the parent's death signal
    when the thread that forked is gone.
    """

    def __init__(self, program: Program, data: Path) -> None:
        self.name = program.name
        self.log = program.log
        self._stop_signal = program.stop_signal
        rotate(program.log)
        launcher = [sys.executable, "-ISs", _LAUNCHER, str(os.getpid()), str(int(program.stop_signal)), program.as_user]
        with program.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*launcher, *program.argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={**inherited_env(), **program.env, MARK: str(data)},
                start_new_session=True,  # Ctrl-C in a terminal reaches the supervisor alone, which stops them in order
                pass_fds=program.pass_fds,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        return self._process.poll()

    def tail(self, lines: int = 8) -> str:
        """The end of its log, for the message that says why it died."""
        try:
            text = self.log.read_bytes()[-8192:].decode(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.strip().splitlines()[-lines:])

    def ask_to_stop(self) -> None:
        if self.exit_status is None:
            self._process.send_signal(self._stop_signal)

    def kill(self) -> None:
        """Kill the child and, as it leads a session of its own, whatever it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        if self._process.returncode is None:
            self._process.kill()

    def stop(self, patience_s: float) -> None:
        """Ask, wait, kill."""
        self.ask_to_stop()
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()


def run_to_end(program: Program, data: Path, pause: Pause) -> None:
    """Run a short program (initdb) to its end; the pause may raise, and then it is killed."""
    child = Child(program, data)
    try:
        while child.exit_status is None:
            pause(POLL_S)
    finally:
        if child.exit_status is None:
            child.kill()
            child.stop(0)
    if child.exit_status:
        raise StackError(f"{child.name} failed with exit status {child.exit_status}:\n{child.tail()}")


def inherited_env() -> dict[str, str]:
    """Our environment without what would change how the programs find their libraries or servers."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LD_"))}


def rotate(log: Path) -> None:
    """Logs of this start and of the one before are kept; older ones are not."""
    with contextlib.suppress(FileNotFoundError):
        log.replace(log.with_name(log.name + ".1"))


def unprivileged_user() -> str:
    """Whom PostgreSQL runs as: it refuses root."""
    return UNPRIVILEGED_USER if os.geteuid() == 0 else "-"


def leftovers(data: Path) -> list[int]:
    """Children that an earlier supervisor of this very folder left behind, by the mark in their environment."""
    mark = f"{MARK}={data}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
    return found


def clear_leftovers(data: Path, pause: Pause, patience_s: float = 10.0) -> None:
    """Wait for leftover children to leave (the kernel has told them to), then kill those that stay."""
    deadline = time.monotonic() + patience_s
    while leftovers(data) and time.monotonic() < deadline:
        pause(POLL_S * 5)
    for pid in leftovers(data):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    while leftovers(data):
        pause(POLL_S)
        if time.monotonic() > deadline + patience_s:
            raise StackError(f"processes {leftovers(data)} of an earlier start on {data} cannot be killed.")
