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


def _drop(*_: object) -> NoReturn:
    raise structlog.DropEvent


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """What the product logs is no part of a test's output, and what a test says about logging is over with it."""
    structlog.configure(processors=[_drop])
    yield
    structlog.reset_defaults()
