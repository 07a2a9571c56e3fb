"""What every stand-in holds beside its shops."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from pathlib import Path

from sandbox.parts.clock import Clock
from sandbox.parts.journal import Journal
from sandbox.parts.settings import Changeable


class BaseWorld(ABC):
    """Time, chance, settings and the record of requests. `chance` is for faults that can be told again, not secrets."""

    def __init__(self, *, folder: Path, settings: Changeable, seed: int) -> None:
        self.folder = folder
        self.settings = settings
        self.clock = Clock()
        self.journal = Journal(folder)
        self.chance = random.Random(seed)  # noqa: S311 - not for secrets

    @abstractmethod
    def stop_building(self) -> None:
        """End builds of shops that nobody will use any more; called in a signal handler."""

    @abstractmethod
    def close(self) -> None:
        """Close and remove every file."""
