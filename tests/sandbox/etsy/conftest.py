"""One sandbox in a thread for the folder, on real sockets; each test puts limits, faults and time back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.etsy.app import Sandbox
from sandbox.etsy.settings import Settings
from sandbox.etsy.world import World
from tests.in_thread import ENDS_AT, InThread, InThreadShop
from tests.standins.stand_in import Row

KEY = "keystring:secret"


class Etsy(InThread):
    """What tests need of one running sandbox."""

    def shop(self, **wanted: Any) -> Shop:
        wanted = {"seed": self.seeds.draw(), "orders": 120, "ends_at": ENDS_AT, **wanted}
        return Shop(self, self.control("POST", "/shops", **wanted))

    def reset(self) -> None:
        super().reset()
        self.world.settings.change(vars(Settings(per_second=10**9, per_day=10**9)))
        self.world.limits.forget()
        self.world.clock.run()


class Shop(InThreadShop):
    """A shop and its owner's tokens."""

    def __init__(self, etsy: Etsy, made: Row) -> None:
        super().__init__(etsy, made)
        self.etsy = etsy
        self.headers = {"x-api-key": KEY, "authorization": f"Bearer {made['access_token']}"}

    def get(self, path: str, headers: dict[str, str] | None = None, **params: Any) -> httpx.Response:
        """GET a path under the shop, or one from /v3/application on when it starts with a slash."""
        base = "/v3/application" if path.startswith("/") else f"/v3/application/shops/{self.id}/"
        return self.etsy.http.get(base + path, params=params, headers=self.headers if headers is None else headers)

    def all_receipts(self, **params: Any) -> list[Row]:
        """Page as a client does, oldest first."""
        found: list[Row] = []
        while True:
            wanted = {"limit": 100, "sort_order": "asc", **params, "offset": len(found)}
            page = self.get("receipts", **wanted).json()
            found += page["results"]
            if not page["results"] or len(found) >= page["count"]:
                return found


def running(folder: Path) -> AbstractContextManager[Etsy]:
    return Etsy.running(World(folder=folder, keystring="keystring", shared_secret="secret"), Sandbox)


@pytest.fixture(scope="session")
def running_etsy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etsy]:
    with running(tmp_path_factory.mktemp("etsy")) as etsy:
        yield etsy


@pytest.fixture
def etsy(running_etsy: Etsy) -> Etsy:
    running_etsy.reset()
    return running_etsy


@pytest.fixture
def shop(etsy: Etsy) -> Shop:
    """A shop of 1,000 orders that tests read and do not change."""
    return etsy.kept(orders=1000)


@pytest.fixture
def own(etsy: Etsy) -> Callable[..., Shop]:
    """Shops for tests that change them."""
    return etsy.shop
