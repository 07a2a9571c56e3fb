"""What a query costs (sheet section 3.3 and addendum: found by fitting 13,109 recorded answers)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

# Objects that the fit found free: money, and the wrappings of a connection.
FREE = frozenset({"MoneyBag", "MoneyV2", "PageInfo"})
COUNT = 10.0
MUTATION = 10.0

Counts = dict[int, int]


@dataclass
class Cost:
    """A part of a query: what it costs itself, what hangs on it, and how often that is charged."""

    own: float = 0.0
    parts: list[Cost] = field(default_factory=list)
    # A connection's `first` or `last`, and the number under which rows really read are counted.
    asked: int | None = None
    place: int = -1
    # Of an interface only the dearest choice counts.
    costliest_only: bool = False

    def points(self, counts: Counts | None = None) -> float:
        """As requested; with `counts` of rows, as it turned out."""
        below = [part.points(counts) for part in self.parts]
        inner = max(below, default=0.0) if self.costliest_only else sum(below)
        if self.asked is None:
            return self.own + inner
        rows = self.asked if counts is None else min(counts.get(self.place, 0), self.asked)
        return 2 + times(rows) * inner


def times(rows: int) -> int:
    """2 ln n, rounded down and 1 at least; nothing for no rows."""
    return max(1, math.floor(2 * math.log(rows))) if rows > 0 else 0
