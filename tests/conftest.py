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


# Long ones of which a sister stands in every run; KEEPER_ALL_FAULTS=1 takes these as well.
_SISTERS = (
    "test_two_deaths_at_any_two_effects_of_three_platforms",
    "test_killed_in_the_middle_where_the_old_token_may_be_tried_again",
    "test_a_window_above_ten_thousand_is_halved",
    "test_a_death_after_the_start_finds_the_export_again",
    "test_full_slots_are_waited_for",
    "test_a_token_that_expires_while_an_export_runs",
    "test_without_the_leave_for_exports",
    "test_a_death_at_any_effect_of_the_whole_flow",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not os.environ.get("KEEPER_ALL_FAULTS"):
        items[:] = [item for item in items if not item.name.startswith(_SISTERS)]


def _drop(*_: object) -> NoReturn:
    raise structlog.DropEvent


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """What the product logs is no part of a test's output, and what a test says about logging is over with it."""
    structlog.configure(processors=[_drop])
    yield
    structlog.reset_defaults()
