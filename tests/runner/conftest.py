"""One stack and one Etsy for the session; each test gets clean tables, limits without end and no faults."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from execution.app import App
from sandbox.stack import Stack
from tests.runner.etsy import Etsy, Shop
from tests.runner.world import World, make_world


@pytest.fixture(scope="session")
def product_env(stack: Stack, etsy_process: Etsy) -> dict[str, str]:
    return {**stack.env, **etsy_process.env}


@pytest.fixture
def world_of(app: App, db: psycopg.Connection[Any], etsy: Etsy) -> Callable[[Shop], World]:
    """Connect a shop for a new user."""
    return lambda shop: make_world(app, db, etsy, shop)
