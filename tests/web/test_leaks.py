"""No secret leaves through the web process (reliability B9, row 70; invariant I9): answers, logs, addresses."""

from __future__ import annotations

import json
import logging

import pytest
import structlog

from execution.process import logs
from execution.settings import Settings
from tests.web.conftest import NOBODYS_KEY, client, served, token_of
from web.pages import error_page
from web.routes import connections as connecting_routes

CANARIES = {
    "WEBHOOK_SECRET": "whsec_Y2FuYXJ5LXdlYmhvb2s",
    "SUPABASE_WEBHOOK_SECRET": "canary-supabase-hook",
    "SHOPIFY_CLIENT_ID": "canary-shopify-id",
    "SHOPIFY_CLIENT_SECRET": "canary-shopify-secret",
    "ETSY_WEBHOOK_SECRET": "canary-etsy-hook",
    "PRINTIFY_WEBHOOK_SECRET": "canary-printify-hook",
    "METRICS_TOKEN": "canary-metrics",
}
GIVEN = ("canary-pasted-token", "canary-code", "canary-state", "canary-body")


@pytest.fixture
def transcript_of(capfd, web_env, clean):
    """Everything that a web process with canaries wrote and answered, after requests of every kind."""

    def run(ask, **changes):
        before = structlog.get_config()
        handlers, level = logging.root.handlers[:], logging.root.level
        logs.configure("debug")
        try:
            with served(web_env, **CANARIES, **changes) as url, client(url) as asking:
                answers = [f"{a.status_code} {a.headers} {a.text}" for a in ask(asking)]
        finally:
            structlog.configure(**before)
            logging.root.handlers[:], logging.root.level = handlers, level
        written = capfd.readouterr()
        return "\n".join([*answers, written.out, written.err])

    return run


def everything(asking, session):
    bearer = {"Authorization": f"Bearer {session}"}
    yield asking.get("/openapi.json")
    yield asking.get("/health/data-pipeline")
    yield asking.post("/webhooks/onboarding", content=b"canary-body", headers={"X-Webhook-Secret": "canary-body"})
    yield asking.post("/webhooks/shopify", content=b"canary-body", headers={"X-Shopify-Hmac-Sha256": "canary-body"})
    yield asking.get("/backfill/status", headers=bearer)
    yield asking.post("/settings/backfill", json={"platform": "canary-body"}, headers=bearer)
    yield asking.get("/oauth/etsy/callback?state=canary-state&code=canary-code", headers=bearer)
    yield asking.post("/connect-printify/token", data={"access_token": "canary-pasted-token"}, headers=bearer)
    yield asking.post("/connect-etsy", headers=bearer)
    yield asking.get("/connections", headers={"Authorization": "Bearer canary-pasted-token"})


def leaks(text, *, session, keys):
    """What of all secrets stands in a text; each by its name."""
    secrets = {**CANARIES, **{word: word for word in GIVEN}, **keys, "session": session}
    return sorted(name for name, value in secrets.items() if value in text)


@pytest.mark.parametrize("broken", [{}, {"SUPABASE_URL": "http://127.0.0.1:9"}], ids=["whole", "without a database"])
def test_no_secret_is_answered_or_logged(transcript_of, web_env, make_seller, broken):
    keys = {name: web_env[name] for name in ("SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_JWT_SECRET", "TOKEN_KEYS")}
    session = token_of({**web_env, **broken}, make_seller("etsy"))

    text = transcript_of(lambda asking: everything(asking, session), **broken)

    assert leaks(text, session=session, keys=keys) == []
    assert len(text) > 2000


def test_a_fault_of_ours_tells_nothing_of_what_was_asked(transcript_of, web_env, make_seller):
    """The last resort: a key that the database refuses makes a 500; neither answer nor log holds what came along."""
    session = token_of(web_env, make_seller("etsy"))

    text = transcript_of(lambda asking: everything(asking, session), SUPABASE_SERVICE_ROLE_KEY=NOBODYS_KEY)

    assert " 500 " in f" {text}" or "500 Headers" in text
    assert "request_failed" in text
    assert leaks(text, session=session, keys={}) == []


@pytest.mark.parametrize(("accept", "also_its_page"), [("application/json", False), ("text/html", True)])
def test_an_error_that_nobody_expected_is_dressed_and_stays_inside(
    *, transcript_of, web_env, make_user, monkeypatch, accept, also_its_page
):
    """Neither the answer nor a log, ours or the server's, holds its text; and it has the headers of every other."""
    session = token_of(web_env, make_user())

    def break_down(*_, **__):
        raise LookupError("canary-body")

    def ask(asking):
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        monkeypatch.setattr(connecting_routes, "connections_of", break_down)
        if also_its_page:
            monkeypatch.setattr(error_page, "page", break_down)
        yield asking.get("/connections", headers={"Authorization": f"Bearer {session}", "Accept": accept})

    text = transcript_of(ask)

    assert text.startswith("500 ")
    assert "content-security-policy" in text
    assert "'cache-control': 'no-store'" in text
    assert "request_failed" in text
    assert "test_leaks.py" in text  # where it happened
    assert "Exception in ASGI" not in text
    assert leaks(text, session=session, keys={}) == []


def test_the_check_is_alive(transcript_of, web_env, make_seller):
    """A secret that is written is found."""
    session = token_of(web_env, make_seller("etsy"))

    def ask(asking):
        structlog.get_logger().warning("planted", secret=CANARIES["METRICS_TOKEN"])
        yield asking.get("/health/live")

    assert leaks(transcript_of(ask), session=session, keys={}) == ["METRICS_TOKEN"]


def test_settings_show_no_secret_when_they_are_printed(web_env):
    settings = Settings.load({**web_env, **CANARIES})

    shown = repr(settings) + json.dumps(settings.model_dump(), default=str)

    assert [name for name, value in CANARIES.items() if value in shown] == []
