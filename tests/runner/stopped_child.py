"""A process that works one slice and is stopped at one of its outside effects, to be woken when its lease is another's.

    python -m tests.runner.stopped_child      orders on stdin, reports on stdout, a line each

{"stop_at": "before:7"} is answered by {"stopped": true or false, "effects": how many there were}; a stopped one then
waits for {"go": true}, and is answered by {"status": its wait status}. Everything else is as in `child`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from typing import Any

import httpx
import redis
import structlog

from execution.settings import Settings
from tests.runner.child import Effects, _request_name, halve_early
from tests.worlds.process import make_app


class _Stopping(Effects):
    def _die_if(self, *places: str) -> None:
        if self._crash_at in places:
            os.kill(os.getpid(), signal.SIGSTOP)


def _work(stop_at: str | None, log: int) -> None:
    effects = _Stopping(stop_at, log)
    transport: Any = httpx.HTTPTransport
    transport.handle_request = effects.wrap(transport.handle_request, _request_name)
    connection: Any = redis.Connection
    connection.send_packed_command = effects.wrap(connection.send_packed_command, lambda *_, **__: "valkey")
    make_app(Settings.load()).runner().work_one()


def _fork(stop_at: str | None) -> None:
    with tempfile.TemporaryFile() as log:
        child = os.fork()
        if child == 0:
            try:
                _work(stop_at, log.fileno())
            except BaseException as error:  # noqa: BLE001  a fork must never return into its parent's loop
                os.write(2, f"{type(error).__name__}: {error}\n".encode())
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, os.WUNTRACED)
        stopped = os.WIFSTOPPED(status)
        log.seek(0)
        print(json.dumps({"stopped": stopped, "effects": len(log.read().splitlines())}), flush=True)
        if stopped:
            sys.stdin.readline()
            os.kill(child, signal.SIGCONT)
            _, status = os.waitpid(child, 0)
            print(json.dumps({"status": status}), flush=True)


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    halve_early()
    while line := sys.stdin.readline():
        _fork(json.loads(line)["stop_at"])


if __name__ == "__main__":
    main()
