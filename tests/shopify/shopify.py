"""The sandbox's Shopify as these tests use it: one process, shops by seed, its truth and its ledger of requests."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from tests.heart.etsy import _told

_seeds = itertools.count(700)


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A shop of the sandbox and the tokens of its owner. `number` is what the control plane calls it."""

    id: str
    number: int
    access_token: str
    refresh_token: str
    facts: dict[str, Any]


class Shopify:
    """The control plane of one running sandbox."""

    def __init__(self, url: str, env: dict[str, str]) -> None:
        self.url, self.env = url, env
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=120)
        self.defaults = self.control("GET", "/settings")

    def control(self, method: str, path: str, /, **json: Any) -> Any:
        answer = self.http.request(method, f"/_sandbox{path}", json=json or None)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def shop(self, orders: int = 60, **wanted: Any) -> Shop:
        """A shop whose history ended an hour ago, so that the frozen bound covers all of it."""
        fields = {
            "seed": next(_seeds),
            "orders": orders,
            "years": 1,
            "ends_at": int(time.time()) - 3600,
            "plan": "enterprise",
            **wanted,
        }
        made = self.control("POST", "/shops", **fields)
        return Shop(
            id=made["shop_domain"],
            number=made["shop_id"],
            access_token=made["access_token"],
            refresh_token=made["refresh_token"],
            facts=made,
        )

    def again(self, shop: Shop) -> Shop:
        """The same shop with a fresh pair of tokens."""
        pair = self.control("POST", "/tokens", shop_id=shop.number)
        return replace(shop, access_token=pair["access_token"], refresh_token=pair["refresh_token"])

    def export(self, shop: Shop, query: str) -> None:
        """An export of somebody else's."""
        start = (
            "mutation($q: String!) { bulkOperationRunQuery(query: $q) { bulkOperation { id } userErrors { message } } }"
        )
        body = {"query": start, "variables": {"q": query}}
        headers = {"x-shopify-access-token": shop.access_token}
        answer = self.http.post("/admin/api/2026-10/graphql.json", json=body, headers=headers).json()
        assert answer["data"]["bulkOperationRunQuery"]["bulkOperation"], answer
        self.control("DELETE", "/ledger")

    def truth(self, shop: Shop, kind: str) -> list[dict[str, Any]]:
        answer = self.http.get(f"/_sandbox/shops/{shop.number}/truth/{kind}")
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]

    def fault(self, kind: str, **rule: Any) -> None:
        self.control("POST", "/faults", kind=kind, **rule)

    def set(self, **settings: Any) -> None:
        self.control("POST", "/settings", **settings)

    def mutate(self, shop: Shop, kind: str, **fields: Any) -> Any:
        return self.control("POST", f"/shops/{shop.number}/mutations", kind=kind, **fields)

    def asked(self, shop: Shop) -> list[dict[str, Any]]:
        """Requests to the API that the sandbox really received for this shop, in order; without files and tokens."""
        return [r for r in self._ledger() if r["shop_id"] == shop.number and "/admin/api/" in r["path"]]

    def refreshes(self, shop: Shop) -> list[dict[str, Any]]:
        return [r for r in self._ledger() if r["shop_id"] in (shop.number, None) and "access_token" in r["path"]]

    def _ledger(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.http.get("/_sandbox/ledger").text.splitlines()]

    def reset(self) -> None:
        """No faults, full buckets, an empty ledger, and Shopify's own settings."""
        self.control("DELETE", "/faults")
        self.control("DELETE", "/mutations")
        self.control("DELETE", "/ledger")
        self.control("DELETE", "/limits")
        self.control("POST", "/clock", real=True)
        self.control("POST", "/settings", **self.defaults)


@contextmanager
def running(folder: Path) -> Iterator[Shopify]:
    """One sandbox process, ended with the block."""
    ready = folder / "ready.json"
    argv = [sys.executable, "-m", "sandbox.shopify", "--port", "0", "--ready-file", str(ready)]
    process = subprocess.Popen([*argv, "--state-dir", str(folder / "state")])
    try:
        told = _told(ready, process)
        shopify = Shopify(told["url"], told["env"])
        try:
            yield shopify
        finally:
            shopify.http.close()
    finally:
        process.terminate()
        process.wait(10)
