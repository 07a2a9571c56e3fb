"""The sandbox's Etsy as the heart's tests use it: one process, shops by seed, its truth and its ledger of requests."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

PAGES = "limit=100"
_seeds = itertools.count(200)
_START_LIMIT_S = 20.0


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A shop of the sandbox and the tokens of its owner."""

    id: int
    access_token: str
    refresh_token: str
    facts: dict[str, Any]


class Etsy:
    """The control plane of one running sandbox."""

    def __init__(self, url: str, env: dict[str, str]) -> None:
        self.url, self.env = url, env
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=60)

    def control(self, method: str, path: str, /, **json: Any) -> Any:
        answer = self.http.request(method, f"/_sandbox{path}", json=json or None)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def shop(self, orders: int = 60, **wanted: Any) -> Shop:
        """A shop whose history ended an hour ago, so that the frozen bound covers all of it."""
        fields = {"seed": next(_seeds), "orders": orders, "years": 1, "ends_at": int(time.time()) - 3600, **wanted}
        made = self.control("POST", "/shops", **fields)
        return Shop(
            id=made["shop_id"], access_token=made["access_token"], refresh_token=made["refresh_token"], facts=made
        )

    def tokens(self, shop: Shop, **wanted: Any) -> Shop:
        """The same shop with a fresh pair of tokens."""
        pair = self.control("POST", "/tokens", shop_id=shop.id, **wanted)
        return Shop(
            id=shop.id, access_token=pair["access_token"], refresh_token=pair["refresh_token"], facts=shop.facts
        )

    def truth(self, shop: Shop, kind: str, **query: str) -> list[dict[str, Any]]:
        """The true records; numbers with a point stay the text that they are."""
        answer = self.http.get(f"/_sandbox/shops/{shop.id}/truth/{kind}", params=query)
        assert answer.status_code == 200, answer.text
        return [json.loads(line, parse_float=str) for line in answer.text.splitlines()]

    def fault(self, kind: str, **rule: Any) -> None:
        self.control("POST", "/faults", kind=kind, **rule)

    def mutate(self, shop: Shop, kind: str, **fields: Any) -> Any:
        return self.control("POST", f"/shops/{shop.id}/mutations", kind=kind, **fields)

    def asked(self, shop: Shop, path: str = "", *, pages_only: bool = True) -> list[dict[str, Any]]:
        """Requests that the sandbox really received for this shop, in order."""
        query = {"shop": str(shop.id), "path": path}
        lines = self.http.get("/_sandbox/ledger", params=query).text.splitlines()
        requests = [json.loads(line) for line in lines]
        return [r for r in requests if PAGES in r["query"]] if pages_only else requests

    def reset(self) -> None:
        """No faults, no waiting mutations, an empty ledger, and limits that no test can reach."""
        self.control("DELETE", "/faults")
        self.control("DELETE", "/ledger")
        self.control("DELETE", "/limits")
        self.control(
            "POST",
            "/settings",
            per_second=10**6,
            per_day=10**9,
            gzip=False,
            reuse_old_refresh_token="allow",
            access_token_seconds=3600,
            ledger_order="desc",
        )


@contextmanager
def running(folder: Path) -> Iterator[Etsy]:
    """One sandbox process, ended with the block."""
    ready = folder / "ready.json"
    argv = [sys.executable, "-m", "sandbox.etsy", "--port", "0", "--ready-file", str(ready)]
    process = subprocess.Popen([*argv, "--state-dir", str(folder / "state")])
    try:
        told = _told(ready, process)
        etsy = Etsy(told["url"], told["env"])
        try:
            yield etsy
        finally:
            etsy.http.close()
    finally:
        process.terminate()
        process.wait(10)


def _told(ready: Path, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    patience = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < patience and process.poll() is None:
        if ready.exists() and ready.read_text().endswith("}"):
            told: dict[str, Any] = json.loads(ready.read_text())
            return told
        time.sleep(0.02)
    raise AssertionError(f"the sandbox did not start (exit status {process.poll()})")
