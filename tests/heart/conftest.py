"""One stack and one sandbox process for the session; each test gets clean tables, limits without end and no faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from execution.app import App
from execution.settings import Settings
from sandbox.stack import Stack
from tests.heart.etsy import Etsy, Shop, running
from tests.heart.world import World, close_app, make_app, make_world


@pytest.fixture(scope="session")
def etsy_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etsy]:
    with running(tmp_path_factory.mktemp("etsy")) as etsy:
        yield etsy


@pytest.fixture
def etsy(etsy_process: Etsy) -> Etsy:
    etsy_process.reset()
    return etsy_process


@pytest.fixture(scope="session")
def heart_env(stack: Stack, etsy_process: Etsy) -> dict[str, str]:
    return {**stack.env, **etsy_process.env}


@pytest.fixture
def settings(heart_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in heart_env.items():
        monkeypatch.setenv(name, value)
    return Settings.load()


@pytest.fixture
def app(settings: Settings, clean: None) -> Iterator[App]:
    app = make_app(settings)
    yield app
    close_app(app)


@pytest.fixture
def world_of(app: App, db: psycopg.Connection[Any], etsy: Etsy) -> Callable[[Shop], World]:
    """Connect a shop for a new user."""
    return lambda shop: make_world(app, db, etsy, shop)
