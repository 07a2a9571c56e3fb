"""What sampling proves: how large a share of an entity's records can differ from the platform, and its words. Pure.

Old pages are read again at random and compared (`slices/sample_step.py`). With so many records compared and so many
that differed, the true share lies below a bound with 95 % (docs/decisions/035).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

_DOUBT = 0.05
# The rule of three: with nothing found in n, less than 3/n, for -ln 0.05 is just below 3.
_NONE_FOUND = 3.0
# Below "1 in 2" nothing is said.
_LEAST_ONE_IN = 2


def most_expected(differences: int) -> float:
    """The greatest mean number of differences at which so few are found in one of twenty samples (Poisson).

    What a sample of a known size shows is binomial, and narrower: the bound errs to the careful side.
    """
    if differences <= 0:
        return _NONE_FOUND
    low, high = float(differences), differences + 10 * math.sqrt(differences) + 10
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _as_few(differences, middle) > _DOUBT else (low, middle)
    return high


def _as_few(differences: int, mean: float) -> float:
    """The chance of so many or fewer, where so many are expected."""
    logs = (number * math.log(mean) - mean - math.lgamma(number + 1) for number in range(differences + 1))
    return math.fsum(map(math.exp, logs))


def share_bound(compared: int, differences: int) -> float:
    """Fewer than this share of all records differ, with 95 %; 1 where nothing was compared."""
    return min(1.0, most_expected(differences) / compared) if compared > 0 else 1.0


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """What was compared of an entity, fading with age: `compared` and `differences` are what it is worth today."""

    compared: int
    differences: int
    at: datetime

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Self:
        """Of what the database tells (SQL: `sampled`): less of what was compared, more of what differed."""
        return cls(
            compared=math.floor(facts["compared"]),
            differences=math.ceil(round(facts["differences"], 6)),
            at=datetime.fromisoformat(facts["at"]),
        )

    @property
    def one_in(self) -> int | None:
        """Fewer than one in so many can differ; None where that would say nothing."""
        found = math.floor(1 / share_bound(self.compared, self.differences))
        return found if found >= _LEAST_ONE_IN else None

    def as_json(self) -> dict[str, Any]:
        return {
            "compared": self.compared,
            "differences": self.differences,
            "fewer_than_one_in": self.one_in,
            "confidence": 1 - _DOUBT,
            "at": self.at.isoformat(),
        }

    def words(self, platform: str) -> str:
        """For a person; empty where it says nothing."""
        if self.one_in is None:
            return ""
        told = f"fewer than 1 in {self.one_in:,} can differ from {platform} (95 %), as of {self.at:%Y-%m-%d}"
        return f"{told}; {self.differences:,} of {self.compared:,} did" if self.differences else told


def words(facts: Mapping[str, Any] | None, platform: str) -> str:
    """Of what the database tells of an entity; empty where nothing was compared, or too little to say anything."""
    return Sampled.of(facts).words(platform) if facts else ""


def as_told(facts: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The same for programs, which may be told it twice."""
    return Sampled.of(facts).as_json() if facts else None
