"""One stack and one sandbox process for the session; each test gets clean tables, full buckets and no faults."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from execution.app import App
from execution.settings import Settings
from sandbox.stack import Stack
from tests.heart.world import close_app, make_app
from tests.shopify.shopify import Shop, Shopify, running
from tests.shopify.world import ShopifyWorld, make_world


@pytest.fixture(scope="session")
def shopify_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shopify]:
    with running(tmp_path_factory.mktemp("shopify")) as shopify:
        yield shopify


@pytest.fixture
def shopify(shopify_process: Shopify) -> Shopify:
    shopify_process.reset()
    return shopify_process


@pytest.fixture
def settings(stack: Stack, shopify: Shopify, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in {**stack.env, **shopify.env}.items():
        monkeypatch.setenv(name, value)
    return Settings.load()


@pytest.fixture(autouse=True)
def own_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of exports are kept in a folder of this test's own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def app(settings: Settings, clean: None) -> Iterator[App]:
    app = make_app(settings)
    yield app
    close_app(app)


@pytest.fixture
def world_of(app: App, db: psycopg.Connection[Any], shopify: Shopify) -> Callable[[Shop], ShopifyWorld]:
    """Connect a shop for a new user."""
    return lambda shop: make_world(app, db, shopify, shop)
