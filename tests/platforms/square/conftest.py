"""One stack and one Square for the session; each test gets clean tables, limits without end and no faults."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from execution.app import App
from sandbox.stack import Stack
from tests.standins.square import Square
from tests.worlds.world import World, make_world


@pytest.fixture(scope="session")
def product_env(stack: Stack, square_process: Square) -> dict[str, str]:
    return {**stack.env, **square_process.env}


@pytest.fixture
def world_of(app: App, db: psycopg.Connection[Any], square: Square) -> Callable[..., World]:
    """Connect a shop for a new user."""
    return lambda shop, **more: make_world(app, db, (square, shop), **more)
