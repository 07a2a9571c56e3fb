"""The same platform before a seller's eyes: its card, its consent page, its webhook, its orders on the dashboard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from execution import operations
from execution.app import App
from tests.platforms.fifth.stand_in import Bazaar
from tests.platforms.fifth.world import backfill, stored, theirs
from tests.web.conftest import client, served, token_of


@pytest.fixture
def url(product_env: dict[str, str], app: App) -> Iterator[str]:
    with served(product_env) as url:
        yield url


@pytest.fixture
def browser(url: str, product_env: dict[str, str], user_id: str) -> Iterator[httpx.Client]:
    with client(url, headers={"Origin": url, "Accept": "text/html"}) as browser:
        signed_in = browser.post("/session", headers={"Authorization": f"Bearer {token_of(product_env, user_id)}"})
        browser.headers["X-CSRF-Token"] = signed_in.json()["csrf_token"]
        yield browser


def follow(browser: httpx.Client, answer: httpx.Response) -> httpx.Response:
    """As a browser goes where it is sent; the last page."""
    while answer.status_code == 303:
        answer = browser.get(answer.headers["location"])
    return answer


def test_a_seller_connects_it_and_sees_it(
    app: App, db: psycopg.Connection[Any], bazaar: Bazaar, browser: httpx.Client, user_id: str
) -> None:
    """From its card over its own page and back; its history arrives, and stands on the pages like any other's."""
    before = browser.get("/settings/connections").text

    sent = browser.post("/settings/connections/bazaar/connect")
    after = follow(browser, sent)
    operations.run_until_idle(app, wait_seconds=5)
    connections, dashboard = (browser.get(path).text for path in ("/settings/connections", "/dashboard"))

    assert "Orders of your stall." in before
    assert sent.headers["location"].startswith(f"{bazaar.url}/oauth/authorize?")
    assert (after.status_code, "Bazaar" in after.text) == (200, True)
    assert stored(db, user_id) == theirs(bazaar)
    assert "Stall 7" in connections
    assert "Bazaar" in dashboard


def test_a_webhook_leads_to_a_reading_of_its_order_alone(
    app: App, db: psycopg.Connection[Any], bazaar: Bazaar, connected: str, url: str
) -> None:
    backfill(app, connected)
    headers, body = bazaar.change("b3", state="CANCELLED", total="0.00")
    bazaar.asked.clear()

    with client(url) as asking:
        received = asking.post("/webhooks/bazaar", content=body, headers=headers)
    operations.run_until_idle(app, wait_seconds=5)

    assert (received.status_code, received.json()) == (200, {"received": True})
    assert stored(db, connected) == theirs(bazaar)
    assert stored(db, connected)["b3"][1] == "cancelled"
    assert bazaar.asked == ["/v1/shops/stall-7/orders/b3"]


def test_a_webhook_of_somebody_elses_is_refused(
    db: psycopg.Connection[Any], bazaar: Bazaar, connected: str, url: str
) -> None:
    headers, body = bazaar.change("b3")

    with client(url) as asking:
        forged = asking.post("/webhooks/bazaar", content=body + b" ", headers=headers)

    assert (forged.status_code, forged.json()["code"]) == (401, "not_signed")
    assert db.execute("select 1 from private.platform_events").fetchall() == []


def test_its_document_tells_of_its_webhook(url: str) -> None:
    with client(url) as asking:
        paths = asking.get("/openapi.json").json()["paths"]

    assert paths["/webhooks/bazaar"]["post"]["description"] == "`order.changed`: the order is read again."
