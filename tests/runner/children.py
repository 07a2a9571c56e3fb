"""Processes of the tests that answer each order, a line of JSON on stdin, with a line of JSON on stdout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self
from urllib.parse import urlsplit

from tests.process.abandoned_requests import let_abandoned_end

Row = dict[str, Any]


class Child:
    """One process, while its block lasts."""

    def __init__(self, process: subprocess.Popen[str], env: Mapping[str, str]) -> None:
        self._process = process
        self._env = env

    @classmethod
    @contextmanager
    def running(cls, module: str, env: Mapping[str, str]) -> Iterator[Self]:
        argv, whole = [sys.executable, "-m", module], {**os.environ, **env}
        with subprocess.Popen(argv, env=whole, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            yield cls(process, whole)
            assert process.stdin
            process.stdin.close()

    def ask(self, **order: Any) -> Row:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        report: Row = json.loads(self._process.stdout.readline())
        return report


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
