"""A test that is cut off leaves nothing behind: no process, and no answer that the next would take for its own."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import NoReturn

import pytest

from tests.runner.children import Child


class CutOffError(Exception):
    """As pytest-timeout ends a test: from a signal's handler, wherever it stands."""


@pytest.fixture
def cut_off() -> Iterator[None]:
    def end(*_: object) -> NoReturn:
        raise CutOffError

    before = signal.signal(signal.SIGUSR1, end)
    yield
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.usefixtures("cut_off")
def test_an_order_that_is_cut_off_ends_its_process_and_the_next_has_one_of_its_own() -> None:
    with Child.running("tests.runner.orders_child", {}) as child:
        first = child.ask(hang=False)["pid"]
        assert child.ask(hang=False)["pid"] == first

        with pytest.raises(CutOffError):
            child.ask(hang=True)

        with pytest.raises(ProcessLookupError):
            os.kill(first, 0)
        assert child.ask(hang=False)["pid"] != first
