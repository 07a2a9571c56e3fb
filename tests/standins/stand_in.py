"""What all stand-ins have: a control plane, a process, shops with tokens, and the truth about them."""

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
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Self
from zlib import crc32

import httpx

Row = dict[str, Any]
Rows = dict[str, Row]
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


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A shop and the tokens of its owner. `id` is the platform's, `number` what the control plane calls it."""

    id: str
    number: int
    access_token: str
    refresh_token: str | None
    facts: Row


@dataclass(frozen=True, kw_only=True)
class Expected:
    """Rows by table and key; `updated` says when the platform says that a record changed last, by table and key."""

    tables: dict[str, Rows]
    updated: dict[str, dict[str, int]]


class StandIn(ControlPlane, ABC):
    """One process, which tests share and leave as they found it. `env` leads the product to it."""

    platform: ClassVar[str]
    # What the control plane says of a new shop: the field with its id at the platform.
    id_field: ClassVar[str] = "shop_id"
    # Of a shop, where a test wishes for nothing else.
    usual: ClassVar[Row] = {"orders": 60}
    token_lifetime_s: ClassVar[float] = 3600
    # Whether its limits are buckets that refill, which a wait fills and does not forget.
    refills: ClassVar[bool] = False
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
            address = _address(ready, process)
            stand_in = cls(address["url"], address["env"])
            try:
                yield stand_in
            finally:
                stand_in.http.close()
        finally:
            process.terminate()
            process.wait(10)

    def shop(self, orders: int | None = None, **wanted: Any) -> Shop:
        """A shop whose history ended an hour ago, so that the frozen bound covers all of it."""
        fields = {"seed": self.seeds.draw(), "years": 1, "ends_at": int(time.time()) - 3600, **self.usual, **wanted}
        return self.made({**fields, "orders": orders} if orders is not None else fields)

    def made(self, fields: Row) -> Shop:
        """A shop of exactly this."""
        facts = self.control("POST", "/shops", **fields)
        return Shop(
            id=str(facts[self.id_field]),
            number=facts["shop_id"],
            access_token=facts["access_token"],
            refresh_token=facts["refresh_token"],
            facts=facts,
        )

    def again(self, shop: Shop) -> Shop:
        """The same shop to be connected once more: with a fresh pair, where a pair is good for one connection."""
        return shop

    def connecting(self, shop: Shop, *, expires_in: float | None = None) -> Row:
        """What is told to connect it. A token without a refresh token does not expire."""
        lifetime = self.token_lifetime_s if expires_in is None else expires_in
        expires_at = None if shop.refresh_token is None else datetime.fromtimestamp(time.time() + lifetime, UTC)
        return {
            "platform": self.platform,
            "shop_id": shop.id,
            "access_token": shop.access_token,
            "refresh_token": shop.refresh_token,
            "expires_at": expires_at,
        }

    @abstractmethod
    def expected(self, shop: Shop, *, until: int) -> Expected:
        """The rows that a complete backfill with this frozen bound leaves, by other means than the product's own."""

    def truth(self, shop: Shop, kind: str, **query: str) -> list[Row]:
        return self.ndjson(f"/shops/{shop.number}/truth/{kind}", **query)

    def mutate(self, shop: Shop, kind: str, **fields: Any) -> Any:
        return self.control("POST", f"/shops/{shop.number}/mutations", kind=kind, **fields)

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

    def reset(self) -> None:
        """No faults, no waiting mutations, an empty ledger, full buckets, real time and calm settings."""
        for path in ("/faults", "/mutations", "/ledger", "/limits"):
            self.control("DELETE", path)
        self.control("POST", "/clock", real=True)
        self.settings(**{**self._own_settings, **self.calm})


def _address(ready: Path, process: subprocess.Popen[bytes]) -> Row:
    """What the stand-in says of itself: its file is renamed into place, so it is whole once it is there."""
    patience = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < patience and process.poll() is None:
        if ready.exists():
            address: Row = json.loads(ready.read_text())
            return address
        time.sleep(_LOOK_S)
    raise AssertionError(f"the stand-in did not start (exit status {process.poll()})")
