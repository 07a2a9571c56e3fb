"""One stack and one Printify for the session; each test gets clean tables, limits without end and no faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from execution.app import App
from execution.settings import Settings
from sandbox.stack import Stack
from tests.heart.world import close_app, make_app
from tests.printify.world import Printify, Row, World, make_world, running


@pytest.fixture(scope="session")
def printify_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Printify]:
    with running(tmp_path_factory.mktemp("printify")) as printify:
        yield printify


@pytest.fixture
def printify(printify_process: Printify) -> Printify:
    printify_process.reset()
    return printify_process


@pytest.fixture(scope="session")
def printify_env(stack: Stack, printify_process: Printify) -> dict[str, str]:
    return {**stack.env, **printify_process.env}


@pytest.fixture
def settings(printify_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in printify_env.items():
        monkeypatch.setenv(name, value)
    return Settings.load()


@pytest.fixture
def app(settings: Settings, clean: None) -> Iterator[App]:
    app = make_app(settings)
    yield app
    close_app(app)


@pytest.fixture
def world_of(app: App, db: psycopg.Connection[Any], printify: Printify) -> Callable[..., World]:
    """Connect a shop for a new user."""

    def connected(shop: Row, **wanted: Any) -> World:
        return make_world(app, db, printify, shop, **wanted)

    return connected
