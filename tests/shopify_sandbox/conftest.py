"""One sandbox in a thread for the folder, on real sockets; each test puts limits, faults and time back."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import uvicorn

from sandbox.parts.wire import Protocol
from sandbox.shopify.app import Sandbox
from sandbox.shopify.settings import Settings
from sandbox.shopify.world import World

ENDS_AT = 1_790_000_000
SPECS = Path(__file__).parents[3] / "shared" / "specs" / "shopify"
_seeds = itertools.count(100)


class Shopify:
    """What tests need of one running sandbox."""

    def __init__(self, url: str, world: World, sandbox: Sandbox) -> None:
        self.url, self.world, self.sandbox = url, world, sandbox
        # Over TLS the certificate is a throw-away one; who checks it is the client under test.
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=30, verify=False)  # noqa: S501
        self.slept: list[float] = []

    def control(self, method: str, path: str, /, **json: Any) -> Any:
        answer = self.http.request(method, f"/_sandbox{path}", json=json or None)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def ndjson(self, path: str) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.http.get(f"/_sandbox{path}").content.splitlines()]

    def shop(self, **wanted: Any) -> Shop:
        wanted = {"seed": next(_seeds), "orders": 120, "ends_at": ENDS_AT, "plan": "plus", **wanted}
        return Shop(self, self.control("POST", "/shops", **wanted))

    def reset(self) -> None:
        self.world.settings.change(vars(Settings()) | {})
        self.world.points.forget()
        self.world.calls.forget()
        self.world.clock.stand_at(ENDS_AT)
        self.world.bulk.abandon()
        self.world.webhooks.subscriptions.clear()
        self.world.webhooks.app_addresses.clear()
        self.world.webhooks.deliveries.clear()
        self.sandbox.faults.rules.clear()
        self.sandbox.schedule.waiting.clear()
        self.world.journal.clear()
        self.slept.clear()


class Shop:
    """A shop and a token of it."""

    def __init__(self, shopify: Shopify, made: dict[str, Any]) -> None:
        self.shopify, self.made, self.id, self.domain = shopify, made, made["shop_id"], made["shop_domain"]
        # Everlasting: tests move the clock.
        issued = shopify.control("POST", "/tokens", shop_id=self.id, expiring=False)
        self.headers = {"x-shopify-access-token": issued["access_token"]}

    def post(self, query: str, variables: dict[str, Any] | None = None, version: str = "2026-07") -> httpx.Response:
        return self.shopify.http.post(
            f"/admin/api/{version}/graphql.json",
            json={"query": query, "variables": variables or {}},
            headers=self.headers,
        )

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The whole answer, `data`, `errors`, `extensions`; never throttled by what other tests have used."""
        self.shopify.world.points.forget()
        answer = self.post(query, variables)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def data(self, query: str, **variables: Any) -> dict[str, Any]:
        answer = self.ask(query, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def scoped(self, *scopes: str) -> Shop:
        """The same shop through a token with other scopes."""
        other = object.__new__(Shop)
        vars(other).update(vars(self))
        issued = self.shopify.control("POST", "/tokens", shop_id=self.id, expiring=False, scopes=list(scopes))
        other.headers = {"x-shopify-access-token": issued["access_token"]}
        return other

    def rest(self, path: str, **params: Any) -> httpx.Response:
        url = path if path.startswith("http") else f"/admin/api/2026-07/{path}.json"
        return self.shopify.http.get(url, params=params or None, headers=self.headers)

    def truth(self, kind: str) -> list[dict[str, Any]]:
        return self.shopify.ndjson(f"/shops/{self.id}/truth/{kind}")

    def mutate(self, kind: str, **fields: Any) -> Any:
        return self.shopify.control("POST", f"/shops/{self.id}/mutations", kind=kind, **fields)

    def fault(self, **rule: Any) -> Any:
        return self.shopify.control("POST", "/faults", **rule)

    def pages(self, root: str, fields: str, *, first: int = 50, **args: str) -> Iterator[list[dict[str, Any]]]:
        """Page as a client does."""
        extra = "".join(f", {name}: {value}" for name, value in args.items())
        query = (
            f"query($after: String) {{ {root}(first: {first}, after: $after{extra})"
            f" {{ nodes {{ {fields} }} pageInfo {{ hasNextPage endCursor }} }} }}"
        )
        after = None
        while True:
            found = self.data(query, after=after)[root]
            yield found["nodes"]
            if not found["pageInfo"]["hasNextPage"]:
                return
            after = found["pageInfo"]["endCursor"]


def number(gid: str) -> int:
    return int(gid.rsplit("/", 1)[1])


@contextmanager
def running(folder: Path, tls: tuple[Path, Path] | None = None) -> Iterator[Shopify]:
    """`tls` are the files of a certificate and its key: then it speaks https."""
    world = World(folder=folder, client_id="client", client_secret="secret")
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    sandbox = Sandbox(world, sleep)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        sandbox,
        http=Protocol,
        lifespan="off",
        log_level="critical",
        timeout_graceful_shutdown=1,
        ws="none",
        ssl_certfile=tls[0] if tls else None,
        ssl_keyfile=tls[1] if tls else None,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    url = f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
    shopify = Shopify(url, world, sandbox)
    shopify.slept = slept
    try:
        yield shopify
    finally:
        shopify.http.close()
        server.should_exit = True
        thread.join()
        listener.close()
        world.close()


@pytest.fixture(scope="session")
def running_shopify(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shopify]:
    with running(tmp_path_factory.mktemp("shopify-sandbox")) as shopify:
        yield shopify


@pytest.fixture
def shopify(running_shopify: Shopify) -> Shopify:
    running_shopify.reset()
    return running_shopify


@pytest.fixture(scope="session")
def _shops() -> dict[str, Shop]:
    return {}


@pytest.fixture
def shop(shopify: Shopify, _shops: dict[str, Shop]) -> Shop:
    """A shop of 900 orders that tests read and do not change."""
    if "read" not in _shops:
        _shops["read"] = shopify.shop(orders=900)
    return _shops["read"]


@pytest.fixture
def own(shopify: Shopify) -> Callable[..., Shop]:
    """Shops for tests that change them."""
    return shopify.shop
