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

from sandbox.parts.wire import Protocol
from sandbox.printify.app import Sandbox
from sandbox.printify.settings import Settings
from sandbox.printify.world import World

ENDS_AT = 1_790_000_000
_seeds = itertools.count(100)


class Printify:
    """What tests need of one running sandbox."""

    def __init__(self, url: str, world: World, sandbox: Sandbox) -> None:
        self.url, self.world, self.sandbox = url, world, sandbox
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=20, headers={"user-agent": "keeper-tests/1"})
        self.slept: list[float] = []

    def control(self, method: str, path: str, /, **json: Any) -> Any:
        answer = self.http.request(method, f"/_sandbox{path}", json=json or None)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def ndjson(self, path: str) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.http.get(f"/_sandbox{path}").content.splitlines()]

    def shop(self, **wanted: Any) -> Shop:
        wanted = {"seed": next(_seeds), "ends_at": ENDS_AT, **wanted}
        return Shop(self, self.control("POST", "/shops", **wanted))

    def reset(self) -> None:
        self.world.settings.change(vars(Settings(per_minute=10**9, catalog_per_minute=10**9)))
        self.world.limits.forget()
        self.world.clock.run()
        self.world.unpaid.clear()
        self.sandbox.faults.rules.clear()
        self.sandbox.schedule.waiting.clear()
        self.sandbox.webhooks.hooks.clear()
        self.sandbox.webhooks.deliveries.clear()
        self.world.journal.clear()
        self.slept.clear()


class Shop:
    """A shop and its owner's tokens."""

    def __init__(self, printify: Printify, made: dict[str, Any]) -> None:
        self.printify, self.made, self.id = printify, made, made["shop_id"]
        self.headers = {"authorization": f"Bearer {made['access_token']}"}

    def ask(self, method: str, path: str, json: Any = None, **params: Any) -> httpx.Response:
        """Ask a path under the shop, or one from the root when it starts with a slash."""
        base = "" if path.startswith("/") else f"/v1/shops/{self.id}/"
        return self.printify.http.request(method, base + path, params=params, headers=self.headers, json=json)

    def get(self, path: str, **params: Any) -> httpx.Response:
        return self.ask("GET", path, **params)

    def truth(self, kind: str) -> list[dict[str, Any]]:
        return self.printify.ndjson(f"/shops/{self.id}/truth/{kind}")

    def mutate(self, kind: str, **fields: Any) -> Any:
        return self.printify.control("POST", f"/shops/{self.id}/mutations", kind=kind, **fields)

    def walk(self, path: str = "orders.json", **params: Any) -> list[dict[str, Any]]:
        """Page as a naive client does, newest first."""
        found: list[dict[str, Any]] = []
        for page in itertools.count(1):
            doc = self.get(path, page=page, **params).json()
            found += doc["data"]
            if not doc["data"] or doc.get("next_page_url") is None:
                return found
        raise AssertionError


@contextmanager
def running(folder: Any) -> Iterator[Printify]:
    world = World(folder=folder, app_id="app-1")
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
    printify = Printify(f"http://127.0.0.1:{listener.getsockname()[1]}", world, sandbox)
    printify.slept = slept
    try:
        yield printify
    finally:
        printify.http.close()
        server.should_exit = True
        thread.join()
        listener.close()
        world.close()


@pytest.fixture(scope="session")
def running_printify(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Printify]:
    with running(tmp_path_factory.mktemp("printify")) as printify:
        yield printify


@pytest.fixture
def printify(running_printify: Printify) -> Printify:
    running_printify.reset()
    return running_printify


@pytest.fixture(scope="session")
def _shops() -> dict[str, Shop]:
    return {}


@pytest.fixture
def shop(printify: Printify, _shops: dict[str, Shop]) -> Shop:
    """An Etsy seller's shop that tests read and do not change."""
    if "read" not in _shops:
        _shops["read"] = printify.shop(seed=50_001, channel_shop={"seed": 7, "orders": 900, "ends_at": ENDS_AT})
    return _shops["read"]


@pytest.fixture
def own(printify: Printify) -> Callable[..., Shop]:
    """Shops for tests that change them."""

    def make(**wanted: Any) -> Shop:
        return printify.shop(**{"orders": 45, **wanted})

    return make
