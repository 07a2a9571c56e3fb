"""What a demo has to tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.demo.figures import Figures
from sandbox.demo.shop import Shops, Struck


@dataclass(frozen=True, kw_only=True)
class Told:
    """A seller: how the backfill ended, and what was proven."""

    name: str
    user_id: str
    status: Mapping[str, Any]
    verified: Mapping[str, Any]

    @property
    def ok(self) -> bool:
        return bool(self.status["backfill_status"] == "completed" and self.verified["ok"])


@dataclass(frozen=True, kw_only=True)
class Story:
    """Everything that happened, and what came of it."""

    shops: Shops
    first: Told
    second: Told
    figures: Figures
    costs: Mapping[str, Any]
    struck: tuple[Struck, ...]
    refreshes: int
    calls: Mapping[str, int]
    least_calls: int
    rejected: list[dict[str, Any]]
    backfill_seconds: float
    total_seconds: float

    @property
    def ok(self) -> bool:
        return self.first.ok and self.second.ok
