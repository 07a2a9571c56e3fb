"""Fixtures that every test may ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

pytest_plugins = ["tests.stack_fixture"]


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """What one test says about logging is over with it."""
    yield
    structlog.reset_defaults()
