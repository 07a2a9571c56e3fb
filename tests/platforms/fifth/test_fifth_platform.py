"""A platform is a package: this one lives among the tests, and does all that a built-in one does."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import psycopg
import pytest

from execution import operations
from execution.app import App
from execution.backfill_manager import JobTable
from execution.catalog import PLATFORMS
from execution.connections import consent as consents
from execution.connections.connector import ConnectRequest
from execution.errors import UserError
from execution.http.signatures import Delivery, NotSigned
from execution.settings import Settings
from tests.platforms.fifth.bazaar.platform import BAZAAR
from tests.platforms.fifth.stand_in import Bazaar
from tests.test_settings import WHOLE


@pytest.fixture
def user_id(db: psycopg.Connection[Any], clean: None) -> str:
    user_id = str(uuid.uuid4())
    db.execute("insert into auth.users (id, email) values (%s, %s)", (user_id, f"{user_id}@example.com"))
    return user_id


@pytest.fixture
def connected(app: App, bazaar: Bazaar, user_id: str) -> str:
    """By the token alone, as `keeper connect` does."""
    operations.connect(
        app,
        platform="bazaar",
        user_id=user_id,
        shop_id="stall-7",
        access_token=bazaar.access,
        refresh_token=bazaar.refresh,
        expires_at=None,
    )
    return user_id


def backfill(app: App, user_id: str) -> dict[str, Any]:
    operations.start_backfill(app, user_id=user_id, platform="bazaar", entities=[], again=False)
    operations.run_until_idle(app, wait_seconds=5)
    return operations.status(app, user_id=user_id, platform="bazaar")


def stored(db: psycopg.Connection[Any], user_id: str) -> dict[str, tuple[Any, ...]]:
    rows = db.execute(
        "select platform_id, order_number, status, extract(epoch from ordered_at)::int, currency, total_amount,"
        " raw ? 'buyer' from public.orders where user_id = %s and platform = 'bazaar' and not is_deleted",
        (user_id,),
    ).fetchall()
    return {row[0]: row[1:] for row in rows}


def theirs(bazaar: Bazaar) -> dict[str, tuple[Any, ...]]:
    return {
        name: (o["number"], o["state"].lower(), o["placed"], "EUR", round(float(o["total"]) * 100), False)
        for name, o in bazaar.orders.items()
    }


def test_its_whole_history_is_copied_and_certified(
    app: App, db: psycopg.Connection[Any], bazaar: Bazaar, connected: str
) -> None:
    """Over four pages, with what only buyers need left out; and it is proven once more without a call."""
    status = backfill(app, connected)

    assert status["backfill_status"] == "completed", status
    assert stored(db, connected) == theirs(bazaar)
    certificate = status["jobs"][0]["certificate"]
    assert (certificate["provider_count"], certificate["distinct_keys"]) == (35, 35)
    assert all(check["ok"] for check in certificate["checks"])
    asked = len(bazaar.asked)
    assert operations.verify(app, user_id=connected, platform="bazaar")["ok"]
    assert len(bazaar.asked) == asked


def test_a_pair_that_died_is_refreshed(app: App, db: psycopg.Connection[Any], bazaar: Bazaar, connected: str) -> None:
    bazaar.access = "another"

    assert backfill(app, connected)["backfill_status"] == "completed"

    assert bazaar.asked.count("/oauth/token") == 1
    assert len(stored(db, connected)) == 35


def test_a_consent_page_connects_it(app: App, db: psycopg.Connection[Any], bazaar: Bazaar, user_id: str) -> None:
    """From our own address to the platform's, back with a code, and the code becomes a connection."""
    settings, consent = app.settings.platform("bazaar"), BAZAAR.consent
    assert consent is not None
    wanted = consents.begin(b"key", redirect_uri="https://keeper.example/oauth/bazaar/callback")
    page = consents.authorize_url(consent, settings, wanted)
    back = urlsplit(httpx.get(page, trust_env=False).headers["location"])
    answer = dict(parse_qsl(back.query))

    granted = consents.exchange(consent, settings, app.transport, wanted, answer["code"])
    consents.demand_scopes(consent, granted.scopes)
    connection = app.connector.connect(
        ConnectRequest(
            platform="bazaar",
            user_id=user_id,
            shop_id="",
            access_token=granted.tokens.access_token,
            refresh_token=granted.tokens.refresh_token,
        )
    )

    assert answer["state"] == wanted.state
    assert (back.hostname, back.path) == ("keeper.example", "/oauth/bazaar/callback")
    assert (connection.shop_id, connection.shop_name, connection.currency) == ("stall-7", "Stall 7", "EUR")
    assert backfill(app, user_id)["backfill_status"] == "completed"
    assert len(stored(db, user_id)) == 35


def test_a_webhook_leads_to_a_reading_of_its_order_alone(
    app: App, db: psycopg.Connection[Any], bazaar: Bazaar, connected: str
) -> None:
    backfill(app, connected)
    headers, body = bazaar.change("b3", state="CANCELLED", total="0.00")
    bazaar.asked.clear()

    accept(app, Delivery(headers={name: [value] for name, value in headers.items()}, body=body))
    operations.run_until_idle(app, wait_seconds=5)

    assert stored(db, connected) == theirs(bazaar)
    assert stored(db, connected)["b3"][1] == "cancelled"
    assert bazaar.asked == ["/v1/shops/stall-7/orders/b3"]


def accept(app: App, delivery: Delivery) -> None:
    """What the route for webhooks does with one."""
    webhooks = BAZAAR.webhooks
    assert webhooks is not None
    webhooks.prove(delivery, app.settings.webhook_secrets("bazaar"), 0.0)
    event = webhooks.read(delivery)
    assert event is not None
    app.store.rpc(
        "accept_platform_event",
        p_platform="bazaar",
        p_delivery_id=event.delivery,
        p_shop_id=event.shop_id,
        p_topic=event.topic,
        p_effect=event.effect,
        p_kind=event.kind,
        p_object_ids=list(event.object_ids),
    )


def test_a_webhook_of_somebody_elses_is_refused(app: App, bazaar: Bazaar) -> None:
    headers, body = bazaar.change("b3")
    forged = Delivery(headers={name: [value] for name, value in headers.items()}, body=body + b" ")

    with pytest.raises(NotSigned):
        accept(app, forged)


def test_what_it_brings_is_told_like_what_is_built_in(registered: None) -> None:
    """Its variables beside ours, its budget, its jobs; afterwards nobody knows it."""
    with pytest.raises(UserError) as told:
        Settings.load({**WHOLE, "HISTORY_WINDOW": "soon", "BAZAAR_WEBHOOK_SECRET": "short", "BAZAAR_TOKEN_URL": "x"})
    app = App(settings=Settings.load(WHOLE))

    assert "HISTORY_WINDOW is not a window" in str(told.value)
    assert "BAZAAR_WEBHOOK_SECRET has a secret of less than" in str(told.value)
    assert "BAZAAR_TOKEN_URL is not a http:// or https:// address" in str(told.value)
    with pytest.raises(UserError, match="BAZAAR_CLIENT_ID and BAZAAR_CLIENT_SECRET are missing"):
        app.settings.platform("bazaar")
    assert app.budgets["bazaar"].per_second == 1000
    assert JobTable.load(app.catalog).jobs["bazaar"] == [("orders", 0)]


def test_a_platform_is_known_as_long_as_it_is_registered() -> None:
    assert "bazaar" not in PLATFORMS


def test_an_installed_package_is_found_by_its_entry_point(tmp_path: Path) -> None:
    """Every process knows it, workers that another program starts as well."""
    folder = tmp_path / "keeper_bazaar-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: keeper-bazaar\nVersion: 1\n")
    place = "tests.platforms.fifth.bazaar.platform:BAZAAR"
    (folder / "entry_points.txt").write_text(f"[keeper.platforms]\nbazaar = {place}\n")
    root = Path(__file__).resolve().parents[3]

    asked = "from execution.catalog import PLATFORMS; print(*PLATFORMS)"
    env = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{tmp_path}"}
    told = subprocess.run([sys.executable, "-c", asked], env=env, capture_output=True, text=True, check=True, cwd=root)

    assert told.stdout.split()[-1] == "bazaar"
