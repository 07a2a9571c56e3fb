"""One sandbox in a thread for the folder, on real sockets; each test puts limits, faults and time back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from sandbox.square.app import Sandbox
from sandbox.square.settings import Settings
from sandbox.square.world import World
from tests.in_thread import ENDS_AT, InThread, InThreadShop
from tests.standins.stand_in import Row

LONG_AGO = "2015-01-01T00:00:00Z"
OLD_VERSION = "2025-10-16"


class Square(InThread):
    """What tests need of one running sandbox. Its clock stands where the shops end."""

    def shop(self, **wanted: Any) -> Seller:
        wanted = {"seed": self.seeds.draw(), "orders": 120, "years": 2, "ends_at": ENDS_AT, **wanted}
        return Seller(self, self.control("POST", "/shops", **wanted))

    def reset(self) -> None:
        super().reset()
        self.world.settings.change(vars(Settings(per_second=10**9)))
        self.world.limits.forget()
        self.world.clock.stand_at(ENDS_AT)
        self.world.webhooks.subscriptions.clear()
        self.world.webhooks.deliveries.clear()
        self.world.webhooks.events.clear()

    def deliveries(self) -> list[Row]:
        return self.ndjson("/deliveries")

    def as_application(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.world.access_token}"}


class Seller(InThreadShop):
    """A seller's account and its token."""

    def __init__(self, square: Square, made: Row) -> None:
        super().__init__(square, made)
        self.square = square
        self.headers = {"authorization": f"Bearer {made['access_token']}"}
        self.locations: list[str] = made["location_ids"]

    def get(self, path: str, headers: dict[str, str] | None = None, **params: Any) -> httpx.Response:
        return self.square.http.get(f"/v2/{path}", params=params, headers=self.headers if headers is None else headers)

    def post(self, path: str, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
        return self.square.http.post(f"/v2/{path}", json=body, headers=self.headers if headers is None else headers)

    def walk(self, method: str, path: str, rows: str, **fields: Any) -> list[Row]:
        """Page as a client does until there is no cursor."""
        found: list[Row] = []
        ask = self.get if method == "GET" else self.post
        cursor: dict[str, str] = {}
        while True:
            answer = ask(path, **fields, **cursor)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            found += page.get(rows, [])
            if not page.get("cursor"):
                return found
            cursor = {"cursor": page["cursor"]}

    def all_orders(self, **fields: Any) -> list[Row]:
        """Every order of every location, by when it was changed."""
        query = {
            "filter": {"date_time_filter": {"updated_at": {"start_at": LONG_AGO}}},
            "sort": {"sort_field": "UPDATED_AT", "sort_order": "ASC"},
        }
        return self.walk("POST", "orders/search", "orders", location_ids=self.locations[:10], query=query, **fields)


def running(folder: Path) -> AbstractContextManager[Square]:
    world = World(folder=folder, app_id="sq0idp-app", app_secret="sq0csp-secret", access_token="EAAAE-app")
    return Square.running(world, Sandbox)


@pytest.fixture(scope="session")
def running_square(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Square]:
    with running(tmp_path_factory.mktemp("square")) as square:
        yield square


@pytest.fixture
def square(running_square: Square) -> Square:
    running_square.reset()
    return running_square


@pytest.fixture
def shop(square: Square) -> Seller:
    """Three locations with stock, which tests read and do not change."""
    return square.kept(seed=61_001, orders=400)


@pytest.fixture
def salon(square: Square) -> Seller:
    """Appointments, loyalty, modifiers, a team; tests read it and do not change it."""
    return square.kept(seed=61_002, kind="salon", orders=200, bookings=300)


@pytest.fixture
def own(square: Square) -> Callable[..., Seller]:
    """Accounts for tests that change them."""
    return square.shop


class Receiver:
    """What a webhook's address got; `status` is what it answers."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/hooks/square"
        self.status = 200
        self.got: list[tuple[dict[str, str], bytes]] = []


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            made.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(made.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Receiver(server.server_port)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
