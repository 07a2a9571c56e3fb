"""A platform is a package: this one lives among the tests, and does all that a built-in one does."""

from __future__ import annotations

import os
import subprocess
import sys
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
from execution.settings import Settings
from tests.platforms.fifth.bazaar.platform import BAZAAR
from tests.platforms.fifth.stand_in import Bazaar
from tests.platforms.fifth.world import backfill, stored, theirs
from tests.test_settings import WHOLE


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

    issued = consents.exchange(consent, settings, app.transport, wanted, answer["code"])
    connection = app.connector.connect(
        ConnectRequest(
            platform="bazaar",
            user_id=user_id,
            shop_id="",
            access_token=issued.access_token,
            refresh_token=issued.refresh_token,
            rights=issued.rights,
        )
    )

    assert answer["state"] == wanted.state
    assert (back.hostname, back.path) == ("keeper.example", "/oauth/bazaar/callback")
    assert (connection.shop_id, connection.shop_name, connection.currency) == ("stall-7", "Stall 7", "EUR")
    assert backfill(app, user_id)["backfill_status"] == "completed"
    assert len(stored(db, user_id)) == 35


def test_what_it_brings_is_told_like_what_is_built_in(registered: None) -> None:
    """Its variables beside ours, its budget, its jobs; afterwards nobody knows it."""
    with pytest.raises(UserError) as raised:
        Settings.load({**WHOLE, "HISTORY_WINDOW": "soon", "BAZAAR_WEBHOOK_SECRET": "short", "BAZAAR_TOKEN_URL": "x"})
    app = App(settings=Settings.load(WHOLE))

    assert "HISTORY_WINDOW is not a window" in str(raised.value)
    assert "BAZAAR_WEBHOOK_SECRET has a secret of less than" in str(raised.value)
    assert "BAZAAR_TOKEN_URL is not a http:// or https:// address" in str(raised.value)
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
    finished = subprocess.run(
        [sys.executable, "-c", asked], env=env, capture_output=True, text=True, check=True, cwd=root
    )

    assert finished.stdout.split()[-1] == "bazaar"
