"""One sandbox in a thread for the folder, on real sockets; each test puts limits, faults and time back."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest

from sandbox.printify.app import Sandbox
from sandbox.printify.settings import Settings
from sandbox.printify.world import World
from tests.in_thread import ENDS_AT, InThread, InThreadShop
from tests.standins.stand_in import Row


class Printify(InThread):
    """What tests need of one running sandbox."""

    client: ClassVar[Row] = {"headers": {"user-agent": "keeper-tests/1"}}

    def shop(self, **wanted: Any) -> Shop:
        wanted = {"seed": self.seeds.draw(), "ends_at": ENDS_AT, **wanted}
        return Shop(self, self.control("POST", "/shops", **wanted))

    def reset(self) -> None:
        super().reset()
        self.world.settings.change(vars(Settings(per_minute=10**9, catalog_per_minute=10**9)))
        self.world.limits.forget()
        self.world.clock.run()
        self.world.unpaid.clear()
        self.sandbox.webhooks.hooks.clear()
        self.sandbox.webhooks.deliveries.clear()


class Shop(InThreadShop):
    """A shop and its owner's tokens."""

    def __init__(self, printify: Printify, made: Row) -> None:
        super().__init__(printify, made)
        self.printify = printify
        self.headers = {"authorization": f"Bearer {made['access_token']}"}

    def ask(self, method: str, path: str, json: Any = None, **params: Any) -> httpx.Response:
        """Ask a path under the shop, or one from the root when it starts with a slash."""
        base = "" if path.startswith("/") else f"/v1/shops/{self.id}/"
        return self.printify.http.request(method, base + path, params=params, headers=self.headers, json=json)

    def get(self, path: str, **params: Any) -> httpx.Response:
        return self.ask("GET", path, **params)

    def walk(self, path: str = "orders.json", **params: Any) -> list[Row]:
        """Page as a naive client does, newest first."""
        found: list[Row] = []
        for page in itertools.count(1):
            doc = self.get(path, page=page, **params).json()
            found += doc["data"]
            if not doc["data"] or doc.get("next_page_url") is None:
                return found
        raise AssertionError


def running(folder: Path) -> AbstractContextManager[Printify]:
    return Printify.running(World(folder=folder, app_id="app-1"), Sandbox)


@pytest.fixture(scope="session")
def running_printify(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Printify]:
    with running(tmp_path_factory.mktemp("printify")) as printify:
        yield printify


@pytest.fixture
def printify(running_printify: Printify) -> Printify:
    running_printify.reset()
    return running_printify


@pytest.fixture
def shop(printify: Printify) -> Shop:
    """An Etsy seller's shop that tests read and do not change."""
    return printify.kept(seed=50_001, channel_shop={"seed": 7, "orders": 900, "ends_at": ENDS_AT})


@pytest.fixture
def own(printify: Printify) -> Callable[..., Shop]:
    """Shops for tests that change them."""

    def make(**wanted: Any) -> Shop:
        return printify.shop(**{"orders": 45, **wanted})

    return make
