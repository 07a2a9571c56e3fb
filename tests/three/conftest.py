"""One stack and the stand-ins of three platforms; each test gets clean tables, limits without end and no faults."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from execution.app import App
from execution.settings import Settings
from sandbox.stack import Stack
from tests.heart.conftest import etsy, etsy_process
from tests.heart.etsy import Etsy
from tests.heart.world import close_app, make_app
from tests.printify.conftest import printify, printify_process
from tests.printify.world import Printify
from tests.shopify.conftest import shopify, shopify_process
from tests.shopify.shopify import Shopify
from tests.three.world import Shops

__all__ = ["etsy", "etsy_process", "printify", "printify_process", "shopify", "shopify_process"]


@pytest.fixture(scope="session")
def three_env(stack: Stack, etsy_process: Etsy, printify_process: Printify, shopify_process: Shopify) -> dict[str, str]:
    return {**stack.env, **etsy_process.env, **printify_process.env, **shopify_process.env}


@pytest.fixture
def settings(three_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in three_env.items():
        monkeypatch.setenv(name, value)
    return Settings.load()


@pytest.fixture
def app(settings: Settings, clean: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    app = make_app(settings)
    yield app
    close_app(app)


@pytest.fixture
def shops(etsy: Etsy, printify: Printify, shopify: Shopify) -> Shops:
    """Small ones, of two pages and more. A refresh token whose answer was lost with a worker may be tried again."""
    printify.settings(reuse_old_refresh_token="allow")
    return Shops(
        etsy=etsy,
        etsy_shop=etsy.shop(130, listings=8),
        printify=printify,
        printify_shop=printify.shop(25),
        shopify=shopify,
        shopify_shop=shopify.shop(30),
    )
