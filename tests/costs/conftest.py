"""The three stand-ins and one stack for the session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from execution.app import App
from execution.settings import Settings
from tests.heart import etsy as at_etsy
from tests.heart.world import close_app, make_app
from tests.printify import world as at_printify
from tests.shopify import shopify as at_shopify


@dataclass(frozen=True, kw_only=True)
class Platforms:
    """The control planes."""

    etsy: at_etsy.Etsy
    printify: at_printify.Printify
    shopify: at_shopify.Shopify

    @property
    def env(self) -> dict[str, str]:
        return {**self.etsy.env, **self.printify.env, **self.shopify.env}


@pytest.fixture(scope="session")
def _platforms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platforms]:
    folders = [tmp_path_factory.mktemp(name) for name in ("etsy", "printify", "shopify")]
    with (
        at_etsy.running(folders[0]) as etsy,
        at_printify.running(folders[1]) as printify,
        at_shopify.running(folders[2]) as shopify,
    ):
        yield Platforms(etsy=etsy, printify=printify, shopify=shopify)


@pytest.fixture
def platforms(_platforms: Platforms) -> Platforms:
    _platforms.etsy.reset()
    _platforms.printify.reset()
    _platforms.shopify.reset()
    return _platforms


@pytest.fixture
def app(platforms: Platforms, env: dict[str, str], clean: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    for name, value in {**env, **platforms.env}.items():
        monkeypatch.setenv(name, value)
    made = make_app(Settings.load())
    yield made
    close_app(made)
