"""What every stand-in holds: its shops, and what goes with them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from sandbox.parts.clock import Clock
from sandbox.parts.journal import Journal
from sandbox.parts.settings import Changeable
from sandbox.parts.shelf import BaseShelf


class _Ids(Protocol):
    shop: int


class _Shop(Protocol):
    seed: int

    @property
    def ids(self) -> _Ids: ...


class BaseFront(Protocol):
    """A shop as it stands now."""

    @property
    def shop(self) -> _Shop: ...

    @property
    def shelf(self) -> BaseShelf: ...


F = TypeVar("F", bound=BaseFront)


class BaseWorld(Generic[F]):
    """Shops, time, chance, settings and the record of requests. `chance` is for faults that can be told again."""

    def __init__(self, *, folder: Path, settings: Changeable, seed: int) -> None:
        self.folder = folder
        self.settings = settings
        self.clock = Clock()
        self.journal = Journal(folder)
        self.chance = random.Random(seed)  # noqa: S311 - not for secrets
        self.fronts: dict[int, F] = {}
        # Seeds of shops that are there or are being built.
        self.seeds: set[int] = set()
        self.building: list[F] = []

    async def open(self, front: F, build: Callable[[], None]) -> None:
        """Build the shop beside the loop, so that other requests are answered meanwhile."""
        # Taken before the first await: two requests cannot take one seed. The shop opens when it is whole.
        self.seeds.add(front.shop.seed)
        self.building.append(front)
        await asyncio.to_thread(build)
        self.building.remove(front)
        self.fronts[front.shop.ids.shop] = front

    def stop_building(self) -> None:
        """End builds of shops that nobody will use any more; called in a signal handler."""
        for front in self.building:
            front.shelf.stopped = True

    def close(self) -> None:
        """Close and remove every file."""
        for front in (*self.fronts.values(), *self.building):
            front.shelf.close()
        self.journal.close()
