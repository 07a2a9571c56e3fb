"""Stand-ins of platforms as the tests use them: the control plane that all have, and a process of each."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self
from zlib import crc32

import httpx

Row = dict[str, Any]
_START_LIMIT_S = 60.0
_LOOK_S = 0.02
_SEEDS = 1_000_000


class Seeds:
    """Seeds of shops, told from whoever asks: a test has the same shops in every run, whatever ran before it."""

    def __init__(self) -> None:
        self._drawn: defaultdict[str, itertools.count[int]] = defaultdict(itertools.count)
        self._taken: set[int] = set()

    def draw(self, whose: str = "") -> int:
        """The next seed of this test, or of `whose` where tests share what is made."""
        whose = whose or os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
        drawn = (crc32(f"{whose} {number}".encode()) % _SEEDS for number in self._drawn[whose])
        seed = next(seed for seed in drawn if seed not in self._taken)
        self._taken.add(seed)
        return seed


class ControlPlane:
    """What every stand-in answers under /_sandbox."""

    def __init__(self, url: str, **client: Any) -> None:
        self.url = url
        self.seeds = Seeds()
        self.http = httpx.Client(base_url=url, trust_env=False, **{"timeout": 60, **client})

    def control(self, method: str, path: str, /, **json: Any) -> Any:
        answer = self.http.request(method, f"/_sandbox{path}", json=json or None)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def ndjson(self, path: str, /, *, parse_float: type = float, **query: str) -> list[Row]:
        answer = self.http.get(f"/_sandbox{path}", params=query or None)
        assert answer.status_code == 200, answer.text
        return [json.loads(line, parse_float=parse_float) for line in answer.content.splitlines()]


class StandIn(ControlPlane, ABC):
    """One process, which tests share and leave as they found it. `env` leads the product to it."""

    platform: ClassVar[str]
    # Settings between tests: the platform's own, but for these.
    calm: ClassVar[Row] = {}

    def __init__(self, url: str, env: dict[str, str]) -> None:
        super().__init__(url)
        self.env = env
        self._own_settings = self.control("GET", "/settings")

    @classmethod
    @contextmanager
    def running(cls, folder: Path) -> Iterator[Self]:
        """One process, ended with the block."""
        ready = folder / "ready.json"
        argv = [sys.executable, "-m", f"sandbox.{cls.platform}", "--port", "0", "--ready-file", str(ready)]
        process = subprocess.Popen([*argv, "--state-dir", str(folder / "state")])
        try:
            told = _told(ready, process)
            made = cls(told["url"], told["env"])
            try:
                yield made
            finally:
                made.http.close()
        finally:
            process.terminate()
            process.wait(10)

    @abstractmethod
    def number(self, shop: Any) -> int:
        """What the control plane calls the shop."""

    def truth(self, shop: Any, kind: str, **query: str) -> list[Row]:
        return self.ndjson(f"/shops/{self.number(shop)}/truth/{kind}", **query)

    def mutate(self, shop: Any, kind: str, **fields: Any) -> Any:
        return self.control("POST", f"/shops/{self.number(shop)}/mutations", kind=kind, **fields)

    def ledger(self, **query: str) -> list[Row]:
        """Requests that it really received, in order."""
        return self.ndjson("/ledger", **query)

    def summary(self, **query: str) -> Row:
        """What the ledger comes to."""
        found: Row = self.http.get("/_sandbox/ledger/summary", params=query).json()
        return found

    def fault(self, kind: str, **rule: Any) -> None:
        self.control("POST", "/faults", kind=kind, **rule)

    def settings(self, **wanted: Any) -> None:
        self.control("POST", "/settings", **wanted)

    def shop_fields(self, orders: int, wanted: Row) -> Row:
        """A shop whose history ended an hour ago, so that the frozen bound covers all of it."""
        return {"seed": self.seeds.draw(), "orders": orders, "years": 1, "ends_at": int(time.time()) - 3600, **wanted}

    def reset(self) -> None:
        """No faults, no waiting mutations, an empty ledger, full buckets, real time and calm settings."""
        for path in ("/faults", "/mutations", "/ledger", "/limits"):
            self.control("DELETE", path)
        self.control("POST", "/clock", real=True)
        self.settings(**{**self._own_settings, **self.calm})


def _told(ready: Path, process: subprocess.Popen[bytes]) -> Row:
    """What the stand-in says of itself: its file is renamed into place, so it is whole once it is there."""
    patience = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < patience and process.poll() is None:
        if ready.exists():
            told: Row = json.loads(ready.read_text())
            return told
        time.sleep(_LOOK_S)
    raise AssertionError(f"the stand-in did not start (exit status {process.poll()})")
