"""A seller's money over a time: sums of one currency, and the stretch of time that a reader chose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from web.pages.formats import Formats

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Range:
    """A choice of the reader's: how far back, and in which steps the charts go."""

    key: str
    name: str
    unit: str
    days: int = 0
    months: int = 0

    def since(self, today: date) -> date | None:
        """The first day; None for all time. Months are whole, so that the first bar is no stump."""
        if self.days:
            return today - timedelta(days=self.days - 1)
        if self.months:
            years, month = divmod(today.year * 12 + today.month - self.months, 12)
            return date(years, month + 1, 1)
        return None


RANGES = (
    Range(key="30d", name="30 days", unit="day", days=30),
    Range(key="12m", name="12 months", unit="month", months=12),
    Range(key="all", name="All time", unit="month"),
)
DEFAULT_RANGE = RANGES[1]


def range_named(key: str) -> Range:
    return next((r for r in RANGES if r.key == key), DEFAULT_RANGE)


@dataclass(frozen=True, kw_only=True)
class Money:
    """What came in and what stayed, in minor units of one currency."""

    orders: int = 0
    revenue: int = 0
    refunds: int = 0
    fees: int = 0
    cost: int = 0
    costed: int = 0
    uncosted: int = 0

    @property
    def profit(self) -> int:
        return self.revenue - self.refunds - self.fees - self.cost

    def plus(self, row: Row) -> Money:
        return Money(**{name: getattr(self, name) + int(row[name]) for name in self.__dataclass_fields__})


def total_of(rows: Iterable[Row]) -> Money:
    """Rows of SQL `figures`, added up."""
    total = Money()
    for row in rows:
        total = total.plus(row)
    return total


@dataclass(frozen=True)
class AmountFormat:
    """Amounts of one currency as text."""

    formats: Formats
    currency: str

    def money(self, minor: int) -> str:
        return self.formats.money(minor, self.currency)

    def short(self, minor: int) -> str:
        return self.formats.money_short(minor, self.currency)
