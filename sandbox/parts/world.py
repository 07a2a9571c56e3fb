"""What every stand-in holds: its shops, and what goes with them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from sandbox.parts.clock import Clock
from sandbox.parts.request_log import RequestLog
from sandbox.parts.settings import RuntimeSettings
from sandbox.parts.shop_store import BaseShopStore


class _Ids(Protocol):
    shop: int


class _Shop(Protocol):
    seed: int

    @property
    def ids(self) -> _Ids: ...


class BaseLiveShop(Protocol):
    """A shop as it stands now."""

    @property
    def shop(self) -> _Shop: ...

    @property
    def store(self) -> BaseShopStore: ...


F = TypeVar("F", bound=BaseLiveShop)


class BaseWorld(Generic[F]):
    """Shops, time, chance, settings and the record of requests. `chance` is for faults that can be told again."""

    def __init__(self, *, folder: Path, settings: RuntimeSettings, seed: int) -> None:
        self.folder = folder
        self.settings = settings
        self.clock = Clock()
        self.request_log = RequestLog(folder)
        self.chance = random.Random(seed)  # noqa: S311 - not for secrets
        self.live_shops: dict[int, F] = {}
        # Seeds of shops that are there or are being built.
        self.seeds: set[int] = set()
        self.building: list[F] = []

    async def open(self, live_shop: F, build: Callable[[], None]) -> None:
        """Build the shop beside the loop, so that other requests are answered meanwhile."""
        # Taken before the first await: two requests cannot take one seed. The shop opens when it is whole.
        self.seeds.add(live_shop.shop.seed)
        self.building.append(live_shop)
        await asyncio.to_thread(build)
        self.building.remove(live_shop)
        self.live_shops[live_shop.shop.ids.shop] = live_shop

    def stop_building(self) -> None:
        """End builds of shops that nobody will use any more; called in a signal handler."""
        for live_shop in self.building:
            live_shop.store.stopped = True

    def close(self) -> None:
        """Close and remove every file."""
        for live_shop in (*self.live_shops.values(), *self.building):
            live_shop.store.close()
        self.request_log.close()
