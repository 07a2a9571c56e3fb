"""The web application behind a real socket, over the real stack and the sandbox's Etsy. Fixtures:

api       a client without a session                 etsy         the sandbox's Etsy, calm
sign_in   a client with a user's session cookie      worker       the product's own process, to work jobs
token_of  a user's access token, any claim changed   make_seller  a user, with connected shops if asked
"""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import jwt
import psycopg
import pytest

from execution.app import App
from execution.settings import Settings
from sandbox.stack import Stack
from tests.in_thread import serving
from tests.standins.etsy import Etsy
from tests.worlds import users
from tests.worlds.process import close_app, make_app
from web.app import create_app
from web.http_limits import UVICORN_OPTIONS

# A secret key by its form, that no project knows.
NOBODYS_KEY = "sb_secret_" + "n" * 30
PUBLIC = "PUBLIC_URL"


@contextmanager
def served(env: Mapping[str, str], **changes: str) -> Iterator[str]:
    """The address of the web application of this environment, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        app = App(settings=Settings.load({**env, PUBLIC: url, **changes}))
        try:
            with serving(create_app(app), listening, timeout_graceful_shutdown=2, **UVICORN_OPTIONS):
                wait_for(url)
                yield url
        finally:
            close_app(app)


def client(url: str, **kwargs: Any) -> httpx.Client:
    return httpx.Client(base_url=url, trust_env=False, timeout=30, **kwargs)


def wait_for(url: str, *, tries: int = 200) -> None:
    with client(url) as asking:
        for _ in range(tries):
            try:
                asking.get("/health/live")
            except httpx.TransportError:
                time.sleep(0.02)
            else:
                return
    raise AssertionError("the web application did not start")


@pytest.fixture(scope="session")
def web_env(stack: Stack, etsy_process: Etsy) -> dict[str, str]:
    # A second platform that can be connected: what belongs to one must not open the other.
    return {**stack.env, **etsy_process.env, "PRINTIFY_APP_ID": "app"}


@pytest.fixture(scope="session")
def web_url(web_env: dict[str, str]) -> Iterator[str]:
    with served(web_env) as url:
        yield url


@pytest.fixture
def api(web_url: str, clean: None) -> Iterator[httpx.Client]:
    with client(web_url) as asking:
        yield asking


@pytest.fixture
def worker(web_env: dict[str, str], clean: None) -> Iterator[App]:
    """The product's own process beside the web's."""
    app = make_app(Settings.load(web_env))
    yield app
    close_app(app)


def token_of(env: Mapping[str, str], user_id: str, *, key: Any = None, algorithm: str = "HS256", **claims: Any) -> str:
    """A token as Supabase Auth gives it; a claim that is None is left out."""
    now = int(time.time())
    whole = {
        "iss": f"{env['SUPABASE_URL']}/auth/v1",
        "aud": "authenticated",
        "role": "authenticated",
        "sub": user_id,
        "email": f"{user_id}@example.com",
        "session_id": str(uuid.uuid4()),
        "iat": now,
        "exp": now + 600,
    }
    headers = claims.pop("headers", None)
    wanted = {name: value for name, value in {**whole, **claims}.items() if value is not None}
    return jwt.encode(wanted, env["SUPABASE_JWT_SECRET"] if key is None else key, algorithm=algorithm, headers=headers)


@pytest.fixture
def make_user(db: psycopg.Connection[Any], clean: None) -> Callable[[], str]:
    return lambda: users.make_user(db)


@pytest.fixture
def make_seller(db: psycopg.Connection[Any], clean: None) -> Callable[..., str]:
    """A user with these platforms connected, by rows alone: no token, for tests that call no platform."""
    return lambda *platforms: users.make_seller(db, *platforms)


@pytest.fixture
def bearer(web_env: dict[str, str]) -> Callable[[str], dict[str, str]]:
    """The header of a user's requests."""
    return lambda user_id: {"Authorization": f"Bearer {token_of(web_env, user_id)}"}


@pytest.fixture
def sign_in(web_url: str, web_env: dict[str, str]) -> Iterator[Callable[[str], httpx.Client]]:
    """A browser: the session's cookie, the Origin that browsers send, and the page's CSRF token in a header."""
    opened: list[httpx.Client] = []

    def make(user_id: str) -> httpx.Client:
        browser = client(web_url, headers={"Origin": web_url})
        opened.append(browser)
        response = browser.post("/session", headers={"Authorization": f"Bearer {token_of(web_env, user_id)}"})
        assert response.status_code == 200, response.text
        browser.headers["X-CSRF-Token"] = response.json()["csrf_token"]
        return browser

    yield make
    for browser in opened:
        browser.close()
