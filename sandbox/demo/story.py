"""What a demo has to tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.demo.figures import Figures
from sandbox.demo.shop import Seller, Struck


@dataclass(frozen=True, kw_only=True)
class Story:
    """Everything that happened, and what came of it."""

    seller: Seller
    user_id: str
    status: Mapping[str, Any]
    verified: Mapping[str, Any]
    figures: Figures
    struck: tuple[Struck, ...]
    refreshes: int
    calls: int
    least_calls: int
    rejected: list[dict[str, Any]]
    backfill_seconds: float
    total_seconds: float

    @property
    def ok(self) -> bool:
        return bool(self.status["backfill_status"] == "completed" and self.verified["ok"])
