"""A process that works jobs until nothing is claimable, and can die at any of its outside effects.

    python -m tests.runner.child      one order a line on stdin, one report a line on stdout

An order is {"crash_at": null or "before:7", "after:7" (the seventh effect), "before:POST /path" (the first of that
name)}; a report {"status": wait status, "effects": [names]}. The
modules are loaded once; each order forks, and the fork makes its own connections, so that a death costs no start-up.
Every request to the database, to Etsy and to Valkey is an effect.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import httpx
import redis
import structlog

from execution.job_runner import SliceOutcome
from execution.platforms.etsy.streams import RECEIPTS
from execution.settings import Settings
from execution.streams import OffsetPages
from tests.worlds.process import make_app

# Windows of the tests' small shops are halved too.
SPLIT_ABOVE = 150


def halve_early() -> None:
    """Let receipts be halved above a count that a small shop reaches."""
    object.__setattr__(RECEIPTS, "pages", OffsetPages(split_above=SPLIT_ABOVE))


def halve_late() -> None:
    object.__setattr__(RECEIPTS, "pages", OffsetPages())


class Effects:
    """Counts outside effects, and dies before or after the one that it was told."""

    def __init__(self, crash_at: str | None, log: int) -> None:
        self._crash_at, self._log = crash_at, log
        self._count = 0
        self._lock = threading.Lock()
        self.ahead: list[Future[Any]] = []

    def wrap(self, call: Callable[..., Any], name: Callable[..., str]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self._lock:
                self._count += 1
                number = self._count
                called = name(*args, **kwargs)
                os.write(self._log, f"{called}\n".encode())
            self._die_if(f"before:{number}", f"before:{called}")
            answer = call(*args, **kwargs)
            self._die_if(f"after:{number}", f"after:{called}")
            return answer

        return wrapped

    def _die_if(self, *places: str) -> None:
        if self._crash_at in places:
            if threading.current_thread() is threading.main_thread():
                # The worst moment: whatever was asked for ahead has been answered.
                wait(self.ahead)
            os.kill(os.getpid(), signal.SIGKILL)


def _request_name(_: httpx.HTTPTransport, request: httpx.Request) -> str:
    return f"{request.method} {request.url.path}"


def _work(crash_at: str | None, log: int) -> None:
    effects = Effects(crash_at, log)
    transport: Any = httpx.HTTPTransport
    transport.handle_request = effects.wrap(transport.handle_request, _request_name)
    connection: Any = redis.Connection
    connection.send_packed_command = effects.wrap(connection.send_packed_command, lambda *_, **__: "valkey")
    submit = ThreadPoolExecutor.submit

    def submitted(*args: Any, **kwargs: Any) -> Future[Any]:
        effects.ahead.append(submit(*args, **kwargs))
        return effects.ahead[-1]

    pool: Any = ThreadPoolExecutor
    pool.submit = submitted
    runner = make_app(Settings.load()).runner()
    while runner.work_one() is not SliceOutcome.IDLE:
        pass


def _fork(crash_at: str | None) -> dict[str, Any]:
    with tempfile.TemporaryFile() as log:
        child = os.fork()
        if child == 0:
            try:
                _work(crash_at, log.fileno())
            except BaseException as error:  # noqa: BLE001  a fork must never return into its parent's loop
                os.write(2, f"{type(error).__name__}: {error}\n".encode())
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        log.seek(0)
        return {"status": status, "effects": log.read().decode().splitlines()}


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    halve_early()
    for line in sys.stdin:
        print(json.dumps(_fork(json.loads(line)["crash_at"])), flush=True)


if __name__ == "__main__":
    main()
