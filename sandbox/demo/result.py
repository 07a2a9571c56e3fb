"""What came of a demo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.demo.figures import Figures
from sandbox.demo.second_act import SecondAct
from sandbox.demo.stand_ins import FaultCount, Shops


@dataclass(frozen=True, kw_only=True)
class SellerResult:
    """A seller: how the backfill ended, and what was proven."""

    name: str
    user_id: str
    status: Mapping[str, Any]
    verified: Mapping[str, Any]

    @property
    def ok(self) -> bool:
        return bool(self.status["backfill_status"] == "completed" and self.verified["ok"])


@dataclass(frozen=True, kw_only=True)
class DemoResult:
    """Everything that happened, and what came of it."""

    shops: Shops
    first: SellerResult
    second: SellerResult
    third: SellerResult
    # What the third seller has that the others have not, by name.
    counted: Mapping[str, int]
    figures: Figures
    costs: Mapping[str, Any]
    struck: tuple[FaultCount, ...]
    refreshes: int
    calls: Mapping[str, int]
    least_calls: int
    rejected: list[dict[str, Any]]
    # None where the backfill did not end well.
    second_act: SecondAct | None
    backfill_seconds: float
    total_seconds: float

    @property
    def ok(self) -> bool:
        sellers_ok = all(seller.ok for seller in self.sellers)
        return sellers_ok and self.second_act is not None and self.second_act.ok

    @property
    def sellers(self) -> tuple[SellerResult, ...]:
        return self.first, self.second, self.third
