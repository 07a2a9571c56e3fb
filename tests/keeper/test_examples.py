"""The examples run, as they are printed."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from examples import onboarding_webhook, settings_page
from keeper import Keeper
from tests.standins.etsy import Etsy
from tests.standins.stand_in import Shop

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
# By the name of the test's own shop.
Connected = Callable[[], str]


@pytest.fixture
def shop(etsy: Etsy) -> Shop:
    return etsy.shop(orders=8)


@pytest.fixture
def connected(keeper: Keeper, shop: Shop) -> Connected:
    def connect() -> str:
        user = keeper.users.create("ada@example.com")
        keeper.connections.connect("etsy", user.user_id, shop_id=shop.id, access_token=shop.access_token)
        return user.user_id

    return connect


def test_an_onboarding_webhook(connected: Connected, keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has the secret starts a backfill, once; a user without a shop is told so."""
    monkeypatch.setenv("ONBOARDING_SECRET", "of the service's own")
    secret = {"x-secret": "of the service's own"}
    ready = {"user_id": connected()}
    alone = {"user_id": keeper.users.create("bob@example.com").user_id}

    async def delivered() -> list[httpx.Response]:
        app = onboarding_webhook.app
        transport = httpx.ASGITransport(app=app)
        async with (
            onboarding_webhook.lifespan(app),
            httpx.AsyncClient(transport=transport, base_url="http://service") as http,
        ):
            return [
                await http.post("/onboarded", json=event, headers=headers)
                for event, headers in ((ready, {}), (alone, secret), (ready, secret), (ready, secret))
            ]

    answers = asyncio.run(delivered())

    assert [answer.status_code for answer in answers] == [401, 409, 202, 202]
    assert [answer.json()["queued"] for answer in answers[2:]] == [4, 0]


def test_a_settings_page(connected: Connected, keeper: Keeper, shop: Shop) -> None:
    """Before, while, after, and when the shop is disconnected."""
    user_id = connected()
    told = [settings_page.cards(keeper, user_id)[0]]
    pressed = [settings_page.load(keeper, user_id)]
    keeper.backfills.run_until_idle()
    told += settings_page.cards(keeper, user_id)
    pressed += [settings_page.load(keeper, user_id), settings_page.disconnect(keeper, user_id, told[0].connection_id)]
    told += settings_page.cards(keeper, user_id)

    assert pressed == ["4 of 4 parts start now.", "There is nothing to load.", "Disconnected."]
    assert [(card.line.partition(" ")[2], card.may_load) for card in told] == [
        ("loaded yet.", True),
        ("records, proven complete.", False),
        ("the shop again.", False),
    ]


def test_a_script_like_a_notebook(keeper: Keeper, shop: Shop, product_env: dict[str, str]) -> None:
    keeper.users.find("ada@example.com")

    ended = subprocess.run(
        [sys.executable, str(EXAMPLES / "notebook.py"), "ada@example.com", "etsy", shop.id],
        input=f"{shop.access_token}\n",
        env={**os.environ, **product_env, "LOG_LEVEL": "critical"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == "complete"


def test_every_example_is_tried() -> None:
    """Here, or by processes that are killed."""
    tried = Path(__file__).read_text() + (EXAMPLES.parent / "tests/events/test_exactly_once.py").read_text()

    assert [path.name for path in EXAMPLES.glob("[a-z]*.py") if path.stem not in tried] == []
