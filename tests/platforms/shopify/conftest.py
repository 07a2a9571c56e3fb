"""One stack and one Shopify for the session; each test gets clean tables, full buckets and no faults."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from execution.app import App
from sandbox.stack import Stack
from tests.standins.shopify import Shopify
from tests.standins.stand_in import Shop
from tests.worlds.world import World, make_world


@pytest.fixture(autouse=True)
def _on_own_disk(own_disk: None) -> None:
    """No export of one test is found by another."""


@pytest.fixture(scope="session")
def product_env(stack: Stack, shopify_process: Shopify) -> dict[str, str]:
    return {**stack.env, **shopify_process.env}


@pytest.fixture
def world_of(app: App, db: psycopg.Connection[Any], shopify: Shopify) -> Callable[[Shop], World]:
    """Connect a shop for a new user."""
    return lambda shop: make_world(app, db, (shopify, shop))
