"""Fixtures over one process of each stand-in a test session, and the product's own process in this one.

etsy, printify, shopify, square
                             the stand-ins, as if nobody had asked them anything
product_env                  what the product knows of the stack and its platforms: Etsy, unless a folder has its own
settings, app                the product of that environment
world_of                     connects a shop for a new user, in a folder of Etsy's
own_disk                     files of exports are kept in a folder of this test's own
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest

from execution.app import App
from execution.settings import Settings
from sandbox.stack import Stack
from tests.standins.etsy import Etsy
from tests.standins.printify import Printify
from tests.standins.shopify import Shopify
from tests.standins.square import Square
from tests.standins.stand_in import Shop, StandIn
from tests.worlds.process import close_app, make_app
from tests.worlds.world import World, make_world

S = TypeVar("S", bound=StandIn)


def process_of(kind: type[S]) -> Any:
    """A fixture: one process for the session."""

    @pytest.fixture(scope="session", name=f"{kind.platform}_process")
    def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S]:
        with kind.running(tmp_path_factory.mktemp(kind.platform)) as stand_in:
            yield stand_in

    return process


etsy_process = process_of(Etsy)
printify_process = process_of(Printify)
shopify_process = process_of(Shopify)
square_process = process_of(Square)


@pytest.fixture
def etsy(etsy_process: Etsy) -> Etsy:
    etsy_process.reset()
    return etsy_process


@pytest.fixture
def printify(printify_process: Printify) -> Printify:
    printify_process.reset()
    return printify_process


@pytest.fixture
def shopify(shopify_process: Shopify) -> Shopify:
    shopify_process.reset()
    return shopify_process


@pytest.fixture
def square(square_process: Square) -> Square:
    square_process.reset()
    return square_process


@pytest.fixture(scope="session")
def product_env(stack: Stack, etsy_process: Etsy) -> dict[str, str]:
    return {**stack.env, **etsy_process.env}


@pytest.fixture
def settings(product_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in product_env.items():
        monkeypatch.setenv(name, value)
    return Settings.load()


@pytest.fixture
def app(settings: Settings, clean: None) -> Iterator[App]:
    app = make_app(settings)
    yield app
    close_app(app)


@pytest.fixture
def world_of(app: App, db: psycopg.Connection[Any], etsy: Etsy) -> Callable[[Shop], World]:
    return lambda shop: make_world(app, db, (etsy, shop))


@pytest.fixture
def own_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
