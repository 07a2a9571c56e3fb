"""Processes of the tests that answer each order, a line of JSON on stdin, with a line of JSON on stdout."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Self
from urllib.parse import urlsplit

from tests.process.abandoned_requests import let_abandoned_end

Row = dict[str, Any]


class Child:
    """One process at a time, while its block lasts. An order that is cut off ends it with all that it has forked: what
    it was doing for one test is not there for the next, which gets a process of its own.
    """

    def __init__(self, module: str, env: Mapping[str, str]) -> None:
        self._module = module
        self._env = {**os.environ, **env}
        self._process: subprocess.Popen[str] | None = None

    @classmethod
    @contextmanager
    def running(cls, module: str, env: Mapping[str, str]) -> Iterator[Self]:
        child = cls(module, env)
        try:
            yield child
        finally:
            child.end()

    def ask(self, **order: Any) -> Row:
        process = self._process = self._process or self._started()
        assert process.stdin
        assert process.stdout
        try:
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            report: Row = json.loads(process.stdout.readline())
        except BaseException:
            self.end()
            raise
        return report

    def end(self) -> None:
        """With its forks; nothing where there is no process."""
        process, self._process = self._process, None
        if process is None:
            return
        with process, suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    def _started(self) -> subprocess.Popen[str]:
        argv = [sys.executable, "-m", self._module]
        return subprocess.Popen(
            argv, env=self._env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )


class Mortal(Child):
    """The process that dies on order."""

    def work(self, crash_at: str | None) -> tuple[int, list[str]]:
        """Work until idle or dead, and what it has sent with it; the wait status, and the effects that there were."""
        report = self.ask(crash_at=crash_at)
        if report["status"]:
            # A page whose bytes have left commits all the same, a minute before anybody may take the job over. The
            # tests end leases at once, so they would otherwise overtake it now and then.
            let_abandoned_end(urlsplit(self._env["SUPABASE_URL"]).port or 80)
        return report["status"], report["effects"]
