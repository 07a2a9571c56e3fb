"""What a seller sees of a platform that is a package: its card, its consent, its sync; and its webhooks come in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from execution import operations
from execution.app import App
from tests.platforms.fifth.stand_in import Bazaar
from tests.web.conftest import client, served, token_of

HTML = {"Accept": "text/html"}


@pytest.fixture
def url(product_env: dict[str, str]) -> Iterator[str]:
    """The product's own web process, as it is."""
    with served(product_env) as url:
        yield url


@pytest.fixture
def browser(url: str, product_env: dict[str, str], user_id: str) -> Iterator[httpx.Client]:
    """A seller who is signed in, and has connected nothing."""
    with client(url, headers={"Origin": url}) as browser:
        response = browser.post("/session", headers={"Authorization": f"Bearer {token_of(product_env, user_id)}"})
        browser.headers["X-CSRF-Token"] = response.json()["csrf_token"]
        yield browser


def card_of(browser: httpx.Client, path: str) -> str:
    """What the page says between the platform's name and the end of its section, in one line."""
    page = browser.get(path, headers=HTML)
    assert page.status_code == 200, page.text
    found = re.search(r'<section[^>]*"bazaar.*?</section>', page.text, re.DOTALL)
    assert found, page.text
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split())


def connect(browser: httpx.Client) -> httpx.Response:
    """From the button on its card over the consent page and back, to where the seller ends."""
    sent = browser.post("/settings/connections/bazaar/connect")
    assert sent.status_code == 303, sent.text
    back = urlsplit(httpx.get(sent.headers["location"], trust_env=False).headers["location"])
    here = browser.get(f"{back.path}?{back.query}", headers=HTML)
    while here.is_redirect:
        here = browser.get(here.headers["location"], headers=HTML)
    return here


def test_its_card_shows_with_its_own_words_and_colour(browser: httpx.Client) -> None:
    page = browser.get("/settings/connections", headers=HTML).text

    assert "Bazaar Orders of your stall. Not connected Connect Bazaar" in card_of(browser, "/settings/connections")
    assert 'action="/settings/connections/bazaar/connect"' in page
    (sheet,) = re.findall(r"/static/platforms\.css\?v=\w+", page)
    assert "--platform-bazaar: #8a5a00;" in browser.get(sheet).text


def test_browsers_may_be_led_to_its_consent_page(browser: httpx.Client, bazaar: Bazaar) -> None:
    """They hold a form's redirects against the policy."""
    (targets,) = re.findall(r"form-action ([^;]+)", browser.get("/login").headers["content-security-policy"])

    assert {"https://www.bazaar.example", bazaar.url} <= set(targets.split())


def test_its_consent_connects_it_and_the_page_shows_it_arrive(
    app: App, db: psycopg.Connection[Any], browser: httpx.Client
) -> None:
    here = connect(browser)

    assert (here.status_code, here.url.path) == (200, "/backfill")
    assert "Bazaar is connected." in here.text
    assert "Syncing" in card_of(browser, "/settings/connections")
    assert re.search(r"<h2[^>]*>Bazaar</h2>.*?Stall 7.*?Orders", here.text, re.DOTALL), here.text

    operations.run_until_idle(app, wait_seconds=5)

    assert "35 records" in browser.get("/backfill", headers=HTML).text
    assert "Connected" in card_of(browser, "/settings/connections")
    assert db.execute("select count(*) from public.orders where platform = 'bazaar'").fetchone() == (35,)


def test_its_webhook_comes_in_by_its_own_route(
    app: App, db: psycopg.Connection[Any], bazaar: Bazaar, browser: httpx.Client, url: str
) -> None:
    connect(browser)
    operations.run_until_idle(app, wait_seconds=5)
    headers, body = bazaar.change("b3", state="CANCELLED")
    bazaar.asked.clear()

    with client(url) as vendor:
        forged = vendor.post("/webhooks/bazaar", headers=headers, content=body + b" ")
        accepted = vendor.post("/webhooks/bazaar", headers=headers, content=body)
    operations.run_until_idle(app, wait_seconds=5)

    assert (forged.status_code, forged.json()["code"]) == (401, "not_signed")
    assert (accepted.status_code, accepted.json()) == (200, {"received": True})
    assert bazaar.asked == ["/v1/shops/stall-7/orders/b3"]
    row = db.execute("select status from public.orders where platform = 'bazaar' and platform_id = 'b3'").fetchone()
    assert row == ("cancelled",)


def test_its_webhook_is_documented(url: str) -> None:
    with client(url) as asking:
        document = asking.get("/openapi.json").json()["paths"]["/webhooks/bazaar"]["post"]

    assert document["description"] == "`order.changed`: the order is read again."


def test_a_seller_who_types_nothing_before_its_consent_has_no_form_to_see(browser: httpx.Client) -> None:
    assert browser.get("/settings/connections/bazaar/connect", headers=HTML).status_code == 404
    assert browser.post("/settings/connections/bazaar/token", data={"access_token": "x" * 20}).status_code == 404


def test_it_is_disconnected_on_its_card(browser: httpx.Client) -> None:
    connect(browser)

    page = browser.get("/settings/connections", headers=HTML).text
    (action,) = re.findall(r'action="(/settings/connections/[0-9a-f-]{36}/disconnect)"', page)
    # An address that somebody else made says nothing of a shop that is connected.
    lie = browser.get(f"/settings/connections?disconnected={action.split('/')[3]}", headers=HTML).text
    assert "is disconnected" not in lie

    response = browser.post(action, follow_redirects=True, headers=HTML)

    assert "Bazaar is disconnected, and our keys to it are deleted." in response.text
    assert "Disconnected" in card_of(browser, "/settings/connections")
