"""Keeper as a library, in this process: against the real stack and the sandbox's Etsy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from execution.app import App
from keeper import Keeper


@pytest.fixture
def keeper(app: App, product_env: dict[str, str]) -> Iterator[Keeper]:
    """`app`: an empty world, and the environment for whoever reads it."""
    with Keeper(product_env) as one:
        yield one
