"""Many processes that need one connection's token at the same moment, some of them killed in the middle of a refresh.

    python -m tests.tokens.race_child      one order a line on stdin, one report a line on stdout

An order: {"lease_id", "platform", "processes", "kills", "stand_in", "database", "takes_s", "call_s", "claim_s",
"patience_s", "planted"}. Who refreshes is killed once the `stand_in`'s ledger shows that the token endpoint holds the
request; its claim is then as old in the `database` as if the others had waited for it.
A report: {"tokens": {token: how many processes ended with it}, "refused": how many were told to reconnect,
"killed": n, "unfinished": n}. The modules are loaded once; every order forks. `planted` takes one promise away, so
that the judge can be seen to find it: "no claim" lets every process refresh for itself.
"""

from __future__ import annotations

import json
import os
import random
import selectors
import signal
import sys
import time
from collections import Counter
from dataclasses import replace
from typing import Any

import httpx
import psycopg
import structlog

from execution.app import App
from execution.errors import Fatal, Snooze
from execution.http.transport import HttpTransport
from execution.settings import Settings
from execution.token_manager import TokenManager
from execution.tokens.refresh import RefreshTimes

_LONGEST_SNOOZE_S = 0.5


class _Telling(HttpTransport):
    """Says on the pipe that it is about to call the token endpoint."""

    pipe = 1

    def send(self, *args: Any, **kwargs: Any) -> Any:
        os.write(self.pipe, b'{"calling": true}\n')
        return super().send(*args, **kwargs)


def _manager(order: dict[str, Any], pipe: int) -> TokenManager:
    app = App(settings=Settings.load(), rng=random.Random(os.getpid()))
    transport = _Telling(app.clock)
    transport.pipe = pipe
    if order["planted"] == "no claim":
        _plant_no_claim()
    times = RefreshTimes(call_s=order["call_s"], claim_s=order["claim_s"])
    refresher = replace(app.refresher_of(order["platform"]), transport=transport, times=times)
    return TokenManager(refresher=refresher, chance=app.rng, lease_id=order["lease_id"])


def _plant_no_claim() -> None:
    def begun(self: TokenManager, held: Any, fence: str) -> dict[str, Any]:
        return {"state": "begun", "tokens": self._store.rpc("read_tokens", p_lease_id=self._lease_id)}

    planted: Any = TokenManager
    planted._begin = begun


def _race(order: dict[str, Any], pipe: int, gate: int) -> None:
    """Ask until there is a token, as a job does that is parked and comes back."""
    tokens = _manager(order, pipe)
    os.read(gate, 1)  # until the gate opens for all
    gives_up_at = time.monotonic() + order["patience_s"]
    result: dict[str, Any] = {"unfinished": True}
    while time.monotonic() < gives_up_at:
        try:
            result = {"token": tokens.access_token()}
            break
        except Snooze as signal:
            time.sleep(min(signal.delay.total_seconds(), _LONGEST_SNOOZE_S))
        except Fatal as signal:
            result = {"refused": signal.code}
            break
    os.write(pipe, json.dumps(result).encode() + b"\n")


def _fork(order: dict[str, Any], gate: tuple[int, int]) -> tuple[int, int]:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(read)
            os.close(gate[1])
            _race(order, write, gate[0])
        except BaseException as error:  # noqa: BLE001  a fork must never return into its parent's loop
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
            os._exit(1)
        os._exit(0)
    os.close(write)
    return child, read


def _run(order: dict[str, Any]) -> dict[str, Any]:
    gate = os.pipe()
    report: dict[str, Any] = {"tokens": Counter(), "refused": 0, "killed": 0, "unfinished": 0}
    doomed: list[int] = []
    with selectors.DefaultSelector() as reading:
        for _ in range(order["processes"]):
            child, pipe = _fork(order, gate)
            reading.register(pipe, selectors.EVENT_READ, child)
        for end in gate:
            os.close(end)
        while reading.get_map():
            for key, _ in reading.select(timeout=0.02):
                result = os.read(key.fd, 65536)
                for line in result.splitlines():
                    if json.loads(line).get("calling") and report["killed"] + len(doomed) < order["kills"]:
                        doomed.append(key.data)
                    _count(report, json.loads(line))
                if not result:
                    reading.unregister(key.fd)
                    os.close(key.fd)
                    os.waitpid(key.data, 0)
                    doomed = [child for child in doomed if child != key.data]
            # One refreshes at a time: the next request in the ledger is that of the next who is to die.
            if doomed and _arrived(order["stand_in"]) > report["killed"]:
                os.kill(doomed.pop(0), signal.SIGKILL)
                report["killed"] += 1
                if report["killed"] == order["kills"]:
                    _answer_in(order["stand_in"], order["takes_s"])
                _let_claim_lapse(order["database"])
    return report


def _arrived(stand_in: str) -> int:
    """How many requests the token endpoint holds, or has answered."""
    asked = {"path": "oauth/token"}
    return len(httpx.get(f"{stand_in}/_sandbox/ledger", params=asked, trust_env=False).text.splitlines())


def _answer_in(stand_in: str, seconds: float) -> None:
    settings = {"token_delay_seconds": seconds}
    httpx.post(f"{stand_in}/_sandbox/settings", json=settings, trust_env=False).raise_for_status()


def _let_claim_lapse(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as db:
        db.execute("update private.platform_tokens set refresh_started_at = refresh_started_at - interval '1 day'")


def _count(report: dict[str, Any], result: dict[str, Any]) -> None:
    if "token" in result:
        report["tokens"][result["token"]] += 1
    report["refused"] += "refused" in result
    report["unfinished"] += "unfinished" in result


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    for line in sys.stdin:
        print(json.dumps(_run(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
