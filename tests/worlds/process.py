"""The product's own process in this one, whose sleeps take no time."""

from __future__ import annotations

import random
from collections.abc import Callable

from execution.app import App
from execution.settings import Settings
from tests.doubles.clocks import HastyClock


def make_app(settings: Settings, *, seed: int = 1, stopping: Callable[[], bool] = lambda: False) -> App:
    return App(settings=settings, clock=HastyClock(), rng=random.Random(seed), stopping=stopping)


def close_app(app: App) -> None:
    """Give the sockets of one process back."""
    app.close()
