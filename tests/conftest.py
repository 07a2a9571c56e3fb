"""Fixtures that every test may ask for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NoReturn

import pytest
import structlog

pytest_plugins = ["tests.stack_fixture", "tests.product_fixture", "tests.doubles_fixture"]


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: many tests wait for other processes. Each has a stack of its own."""
    return min((os.cpu_count() or 1) + 1, 4)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long ones of which a sister stands in every run (`has_sister`) wait for KEEPER_ALL_FAULTS=1."""
    if not os.environ.get("KEEPER_ALL_FAULTS"):
        waiting = [item for item in items if item.get_closest_marker("has_sister")]
        items[:] = [item for item in items if item not in waiting]
        config.hook.pytest_deselected(items=waiting)


def _drop(*_: object) -> NoReturn:
    raise structlog.DropEvent


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """What the product logs is no part of a test's output, and what a test says about logging is over with it."""
    structlog.configure(processors=[_drop])
    yield
    structlog.reset_defaults()
