"""One sandbox in a thread for the folder, on real sockets; each test puts limits, faults and time back."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import orjson
import pytest
import uvicorn

from sandbox.etsy.app import Sandbox
from sandbox.etsy.settings import Settings
from sandbox.etsy.world import World
from sandbox.parts.wire import Protocol

KEY = "keystring:secret"
ENDS_AT = 1_790_000_000
_seeds = itertools.count(100)


class Etsy:
    """What tests need of one running sandbox."""

    def __init__(self, url: str, world: World, sandbox: Sandbox) -> None:
        self.url, self.world, self.sandbox = url, world, sandbox
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=20)
        self.slept: list[float] = []

    def control(self, method: str, path: str, /, **json: Any) -> Any:
        answer = self.http.request(method, f"/_sandbox{path}", json=json or None)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def ndjson(self, path: str) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.http.get(f"/_sandbox{path}").content.splitlines()]

    def shop(self, **wanted: Any) -> Shop:
        wanted = {"seed": next(_seeds), "orders": 120, "ends_at": ENDS_AT, **wanted}
        return Shop(self, self.control("POST", "/shops", **wanted))

    def reset(self) -> None:
        self.world.settings.change(vars(Settings(per_second=10**9, per_day=10**9)) | {})
        self.world.limits.forget()
        self.world.clock.run()
        self.sandbox.faults.rules.clear()
        self.sandbox.schedule.waiting.clear()
        self.world.journal.clear()
        self.slept.clear()


class Shop:
    """A shop and its owner's tokens."""

    def __init__(self, etsy: Etsy, made: dict[str, Any]) -> None:
        self.etsy, self.made, self.id = etsy, made, made["shop_id"]
        self.headers = {"x-api-key": KEY, "authorization": f"Bearer {made['access_token']}"}

    def get(self, path: str, headers: dict[str, str] | None = None, **params: Any) -> httpx.Response:
        """GET a path under the shop, or one from /v3/application on when it starts with a slash."""
        base = "/v3/application" if path.startswith("/") else f"/v3/application/shops/{self.id}/"
        return self.etsy.http.get(base + path, params=params, headers=self.headers if headers is None else headers)

    def truth(self, kind: str) -> list[dict[str, Any]]:
        return self.etsy.ndjson(f"/shops/{self.id}/truth/{kind}")

    def mutate(self, kind: str, **fields: Any) -> Any:
        return self.etsy.control("POST", f"/shops/{self.id}/mutations", kind=kind, **fields)

    def fault(self, **rule: Any) -> Any:
        return self.etsy.control("POST", "/faults", **rule)

    def all_receipts(self, **params: Any) -> list[dict[str, Any]]:
        """Page as a client does, oldest first."""
        found: list[dict[str, Any]] = []
        while True:
            wanted = {"limit": 100, "sort_order": "asc", **params, "offset": len(found)}
            page = self.get("receipts", **wanted).json()
            found += page["results"]
            if not page["results"] or len(found) >= page["count"]:
                return found


@contextmanager
def running(folder: Any) -> Iterator[Etsy]:
    world = World(folder=folder, keystring="keystring", shared_secret="secret")
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    sandbox = Sandbox(world, sleep)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        sandbox, http=Protocol, lifespan="off", log_level="critical", timeout_graceful_shutdown=1, ws="none"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    etsy = Etsy(f"http://127.0.0.1:{listener.getsockname()[1]}", world, sandbox)
    etsy.slept = slept
    try:
        yield etsy
    finally:
        etsy.http.close()
        server.should_exit = True
        thread.join()
        listener.close()
        world.close()


@pytest.fixture(scope="session")
def running_etsy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etsy]:
    with running(tmp_path_factory.mktemp("etsy")) as etsy:
        yield etsy


@pytest.fixture
def etsy(running_etsy: Etsy) -> Etsy:
    running_etsy.reset()
    return running_etsy


@pytest.fixture(scope="session")
def _shops() -> dict[str, Shop]:
    return {}


@pytest.fixture
def shop(etsy: Etsy, _shops: dict[str, Shop]) -> Shop:
    """A shop of 1,000 orders that tests read and do not change."""
    if "read" not in _shops:
        _shops["read"] = etsy.shop(orders=1000)
    return _shops["read"]


@pytest.fixture
def own(etsy: Etsy) -> Callable[..., Shop]:
    """Shops for tests that change them."""
    return etsy.shop
