"""One sandbox in a thread for the folder, on real sockets; each test puts limits, faults and time back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest

from sandbox.shopify.app import Sandbox
from sandbox.shopify.settings import Settings
from sandbox.shopify.world import World
from tests.in_thread import ENDS_AT, InThread, InThreadShop
from tests.standins.stand_in import Row

SPECS = Path(__file__).parents[4] / "shared" / "specs" / "shopify"


class Shopify(InThread):
    """What tests need of one running sandbox."""

    # Over TLS the certificate is a throw-away one; who checks it is the client under test.
    client: ClassVar[Row] = {"verify": False}

    def shop(self, **wanted: Any) -> Shop:
        wanted = {"seed": self.seeds.draw(), "orders": 120, "ends_at": ENDS_AT, "plan": "plus", **wanted}
        return Shop(self, self.control("POST", "/shops", **wanted))

    def reset(self) -> None:
        super().reset()
        self.world.settings.change(vars(Settings()))
        self.world.points.forget()
        self.world.calls.forget()
        self.world.clock.stand_at(ENDS_AT)
        self.world.bulk.abandon()
        self.world.webhooks.subscriptions.clear()
        self.world.webhooks.app_addresses.clear()
        self.world.webhooks.deliveries.clear()


class Shop(InThreadShop):
    """A shop and a token of it."""

    def __init__(self, shopify: Shopify, made: Row) -> None:
        super().__init__(shopify, made)
        self.shopify, self.domain = shopify, made["shop_domain"]
        # Everlasting: tests move the clock.
        issued = shopify.control("POST", "/tokens", shop_id=self.id, expiring=False)
        self.headers = {"x-shopify-access-token": issued["access_token"]}

    def post(self, query: str, variables: Row | None = None, version: str = "2026-07") -> httpx.Response:
        return self.shopify.http.post(
            f"/admin/api/{version}/graphql.json",
            json={"query": query, "variables": variables or {}},
            headers=self.headers,
        )

    def ask(self, query: str, **variables: Any) -> Row:
        """The whole answer, `data`, `errors`, `extensions`; never throttled by what other tests have used."""
        self.shopify.world.points.forget()
        answer = self.post(query, variables)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def data(self, query: str, **variables: Any) -> Row:
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

    def pages(self, root: str, fields: str, *, first: int = 50, **args: str) -> Iterator[list[Row]]:
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


def running(folder: Path, tls: tuple[Path, Path] | None = None) -> AbstractContextManager[Shopify]:
    """`tls` are the files of a certificate and its key: then it speaks https."""
    files = {"ssl_certfile": tls[0], "ssl_keyfile": tls[1]} if tls else {}
    return Shopify.running(World(folder=folder, client_id="client", client_secret="secret"), Sandbox, **files)


@pytest.fixture(scope="session")
def running_shopify(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shopify]:
    with running(tmp_path_factory.mktemp("shopify-sandbox")) as shopify:
        yield shopify


@pytest.fixture
def shopify(running_shopify: Shopify) -> Shopify:
    running_shopify.reset()
    return running_shopify


@pytest.fixture
def shop(shopify: Shopify) -> Shop:
    """A shop of 900 orders that tests read and do not change."""
    return shopify.kept(orders=900)


@pytest.fixture
def own(shopify: Shopify) -> Callable[..., Shop]:
    """Shops for tests that change them."""
    return shopify.shop
