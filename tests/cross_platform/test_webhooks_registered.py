"""Webhooks that we ask for: made on connecting, mended when they are gone, ended with a shop's last connection."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from execution import operations
from execution.app import App
from execution.platforms.printify.subscriptions import PRINTIFY_SUBSCRIPTIONS
from execution.platforms.shopify.subscriptions import SHOPIFY_SUBSCRIPTIONS
from execution.settings import Settings
from tests.cross_platform.shops import Shops
from tests.standins.printify import Printify
from tests.standins.shopify import Shopify
from tests.standins.stand_in import Shop
from tests.web.conftest import served
from tests.worlds.process import close_app, make_app
from tests.worlds.world import World, make_world

SECRET, OTHER_SECRET = "a-secret-of-enough-letters", "another-secret-of-letters"
THEIRS = "http://127.0.0.1:9/of-another-app"


@pytest.fixture
def url(product_env: dict[str, str], clean: None) -> Iterator[str]:
    with served({**product_env, "PRINTIFY_WEBHOOK_SECRET": SECRET}) as url:
        yield url


@pytest.fixture
def hearing(url: str, product_env: dict[str, str]) -> Iterator[App]:
    """A worker that knows the web process's address."""
    app = make_app(Settings.load({**product_env, "PUBLIC_URL": url, "PRINTIFY_WEBHOOK_SECRET": SECRET}))
    yield app
    close_app(app)


class AtPrintify:
    """A shop's webhooks as its owner sees them."""

    def __init__(self, printify: Printify, shop: Shop) -> None:
        self._headers = {"authorization": f"Bearer {shop.access_token}", "user-agent": "test"}
        self._base = f"{printify.url}/v1/shops/{shop.id}/webhooks"

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        answer = httpx.request(method, f"{self._base}{path}", headers=self._headers, trust_env=False, **more)
        return answer.raise_for_status().json()

    def listed(self) -> list[dict[str, Any]]:
        return list(self._ask("GET", ".json"))

    def topics(self, url: str) -> list[str]:
        return sorted(one["topic"] for one in self.listed() if one["url"] == f"{url}/webhooks/printify")

    def make(self, topic: str, address: str) -> None:
        self._ask("POST", ".json", json={"topic": topic, "url": address})

    def redirect(self, hook: dict[str, Any], address: str) -> None:
        self._ask("PUT", f"/{hook['id']}.json", json={"url": address})

    def end(self, hook: dict[str, Any]) -> None:
        self._ask("DELETE", f"/{hook['id']}.json", params={"host": httpx.URL(hook["url"]).host})


class AtShopify:
    """The same."""

    def __init__(self, shopify: Shopify, shop: Shop) -> None:
        self._headers = {"x-shopify-access-token": shop.access_token}
        self._url = f"{shopify.url}/admin/api/2026-10/graphql.json"

    def _ask(self, query: str) -> Any:
        answer = httpx.post(self._url, json={"query": query}, headers=self._headers, trust_env=False)
        return answer.raise_for_status().json()["data"]

    def listed(self) -> list[dict[str, Any]]:
        data = self._ask("{ webhookSubscriptions(first: 250) { nodes { id topic uri } } }")
        return list(data["webhookSubscriptions"]["nodes"])

    def topics(self, url: str) -> list[str]:
        return sorted(one["topic"] for one in self.listed() if one["uri"] == f"{url}/webhooks/shopify")

    def make(self, topic: str, address: str) -> None:
        self._ask(
            f'mutation {{ webhookSubscriptionCreate(topic: {topic}, webhookSubscription: {{uri: "{address}"}})'
            " { userErrors { message } } }"
        )

    def end(self, hook: dict[str, Any]) -> None:
        self._ask(f'mutation {{ webhookSubscriptionDelete(id: "{hook["id"]}") {{ deletedWebhookSubscriptionId }} }}')


PRINTIFYS = sorted(PRINTIFY_SUBSCRIPTIONS.topics)
SHOPIFYS = sorted(SHOPIFY_SUBSCRIPTIONS.topics)


def look_again(world: World) -> None:
    operations.check_webhooks(world.app, user_id=world.user_id, platform=None)
    world.drain()


def standing(world: World, platform: str) -> dict[str, Any]:
    (found,) = operations.webhooks(world.app, user_id=world.user_id, platform=platform)
    return found


def settle(shopify: Shopify) -> None:
    """Until every notice has been answered."""
    ends_at = time.monotonic() + 20
    while not all(one["done"] for one in shopify.control("GET", "/webhooks")["results"]):
        assert time.monotonic() < ends_at
        time.sleep(0.02)


def test_they_are_made_on_connecting_and_what_is_there_is_left_alone(
    hearing: App, db: psycopg.Connection[Any], shops: Shops, url: str
) -> None:
    """A look at what works costs Printify one call, Shopify one and the one that asks for its rights."""
    world = make_world(hearing, db, *shops.of.values())
    printify, shopify = (shops.of[name] for name in ("printify", "shopify"))
    world.drain()

    assert AtPrintify(*printify).topics(url) == PRINTIFYS
    assert AtShopify(*shopify).topics(url) == SHOPIFYS
    assert [standing(world, name)["state"] for name in ("printify", "shopify", "etsy")] == ["working"] * 2 + ["by_hand"]
    before = [AtPrintify(*printify).listed(), AtShopify(*shopify).listed()]
    for stand_in, _ in (printify, shopify):
        stand_in.control("DELETE", "/ledger")

    look_again(world)

    calls = {stand_in.platform: len(stand_in.ndjson("/ledger")) for stand_in, _ in (printify, shopify)}
    assert calls == {"printify": 1, "shopify": 2}
    assert [AtPrintify(*printify).listed(), AtShopify(*shopify).listed()] == before
    assert standing(world, "shopify")["mended"] == 0


def test_what_is_gone_or_leads_elsewhere_is_mended_and_what_is_not_ours_stays(
    hearing: App, db: psycopg.Connection[Any], shops: Shops, url: str
) -> None:
    world = make_world(hearing, db, shops.of["printify"], shops.of["shopify"])
    at_printify, at_shopify = AtPrintify(*shops.of["printify"]), AtShopify(*shops.of["shopify"])
    world.drain()
    at_printify.make("order:created", THEIRS)
    at_shopify.make("ORDERS_CREATE", THEIRS)
    theirs = [one for one in at_printify.listed() + at_shopify.listed() if THEIRS in one.values()]
    ours = [one for one in at_printify.listed() if one["url"] != THEIRS]
    at_printify.end(ours[0])
    at_printify.redirect(ours[1], "http://127.0.0.1:9/elsewhere")
    at_shopify.end(at_shopify.listed()[0])

    look_again(world)

    assert (at_printify.topics(url), at_shopify.topics(url)) == (PRINTIFYS, SHOPIFYS)
    left = [one for one in at_printify.listed() + at_shopify.listed() if url not in str(one)]
    assert left == theirs
    assert [standing(world, name)["mended"] for name in ("printify", "shopify")] == [2, 1]


def test_those_of_another_secret_are_made_anew(
    hearing: App, db: psycopg.Connection[Any], shops: Shops, url: str, product_env: dict[str, str]
) -> None:
    """Nobody is shown the secret that one was made with: what we do not know it of cannot be trusted to be heard."""
    at_printify = AtPrintify(*shops.of["printify"])
    at_printify.make("order:created", f"{url}/webhooks/printify")
    unknown = at_printify.listed()[0]["id"]
    world = make_world(hearing, db, shops.of["printify"])
    world.drain()
    before = {one["id"] for one in at_printify.listed()}
    assert unknown not in before

    world.app = make_app(Settings.load({**product_env, "PUBLIC_URL": url, "PRINTIFY_WEBHOOK_SECRET": OTHER_SECRET}))
    look_again(world)
    close_app(world.app)

    assert at_printify.topics(url) == PRINTIFYS
    assert before.isdisjoint(one["id"] for one in at_printify.listed())


def test_they_end_with_the_last_connection_of_their_shop(
    hearing: App, db: psycopg.Connection[Any], shops: Shops, url: str
) -> None:
    at_printify = AtPrintify(*shops.of["printify"])
    first, last = (make_world(hearing, db, shops.of["printify"]) for _ in range(2))
    first.drain()
    last.drain()
    at_printify.make("order:created", THEIRS)

    hearing.disconnector.disconnect(user_id=first.user_id, connection_id=first.only.connection_id)
    assert at_printify.topics(url) == PRINTIFYS
    hearing.disconnector.disconnect(user_id=last.user_id, connection_id=last.only.connection_id)

    assert [one["url"] for one in at_printify.listed()] == [THEIRS]


def test_a_right_that_is_missing_is_said_by_name_and_ends_nothing(
    hearing: App, db: psycopg.Connection[Any], printify: Printify, shopify: Shopify, url: str
) -> None:
    reads = ["shops.read", "orders.read", "products.read"]
    one, other = printify.shop(3, scopes=reads), shopify.shop(3)
    shopify.control("POST", "/tokens/scopes", shop_id=other.number, scopes=["read_orders", "read_products"])
    world = make_world(hearing, db, (printify, one), (shopify, other))
    world.drain()

    assert (standing(world, "printify")["state"], standing(world, "printify")["missing"]) == (
        "right_missing",
        ["webhooks.read", "webhooks.write"],
    )
    assert standing(world, "shopify")["missing"] == ["read_customers"]
    assert AtShopify(shopify, other).topics(url) == [topic for topic in SHOPIFYS if "CUSTOMERS" not in topic]
    assert {row["status"] for row in world.rows("select status from public.connected_accounts")} == {"connected"}


def test_a_refusal_is_believed_when_it_is_said_twice_and_ends_nothing(
    hearing: App, db: psycopg.Connection[Any], printify: Printify
) -> None:
    """A token that does not say what it may: the platform says it."""
    shop = printify.shop(3)
    body = '{"error":"Forbidden","request_id":"1"}'
    printify.control("POST", "/faults", path="/webhooks.json", kind="status", status=403, body=body)
    world = make_world(hearing, db, (printify, shop))
    world.drain()

    assert standing(world, "printify")["state"] == "refused"
    assert standing(world, "printify")["missing"] == ["webhooks.read, webhooks.write"]
    assert len(printify.asked(shop, "/webhooks.json")) == 2
    assert world.rows("select status from public.connected_accounts")[0]["status"] == "connected"
    assert world.rows("select status from public.sync_jobs where entity = 'connection'")[0]["status"] == "completed"


def test_rights_change_by_what_the_shop_says_and_not_by_what_it_sends(
    hearing: App, db: psycopg.Connection[Any], shopify: Shopify, url: str
) -> None:
    shop = shopify.shop(4, products=4)
    lacking = ["read_orders", "read_products"]
    shopify.control("POST", "/tokens/scopes", shop_id=shop.number, scopes=lacking)
    world = make_world(hearing, db, (shopify, shop))
    world.run()
    assert world.error("customers")[:2] == ("failed", "right_missing")

    # A lie: nothing has changed.
    lie = {"id": "gid://shopify/App/1", "previous": [], "current": ["read_customers"]}
    shopify.control("POST", f"/shops/{shop.number}/webhooks", topic="app/scopes_update", body=lie)
    settle(shopify)
    world.drain()
    assert world.statuses()["customers"] == "failed"

    shopify.control("POST", "/tokens/scopes", shop_id=shop.number, scopes=[*lacking, "read_customers"])
    settle(shopify)
    world.drain()

    assert world.statuses()["customers"] == "completed"
    assert world.wrong("customers") == []
    assert AtShopify(shopify, shop).topics(url) == SHOPIFYS


def test_what_changes_is_told_to_the_address_that_we_registered(
    hearing: App, db: psycopg.Connection[Any], shopify: Shopify
) -> None:
    world = make_world(hearing, db, (shopify, shopify.shop(4, products=4)))
    world.run()
    shopify.mutate(world.shop, "remove_order", order_id={"index": 0})
    shopify.mutate(world.shop, "cancel_order", order_id={"index": 1})
    settle(shopify)
    world.drain()

    assert world.wrong("orders", "line_items") == []


def test_the_clock_looks_once_a_day(hearing: App, db: psycopg.Connection[Any], shopify: Shopify) -> None:
    world = make_world(hearing, db, (shopify, shopify.shop(2, products=4)))
    world.drain()

    assert operations.keep_house(hearing)["looked_after"] == 0
    db.execute("update private.webhook_standings set due_at = now() - interval '1 second'")
    assert operations.keep_house(hearing)["looked_after"] == 1
    world.drain()
    assert operations.keep_house(hearing)["looked_after"] == 0
