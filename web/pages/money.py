"""A seller's money over a time: sums of one currency, and the stretch of time that a reader chose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from web.pages.formats import Formats

Row = Mapping[str, Any]
# No shop is older, and no day further off is anybody's.
_FIRST, _LAST = date(1990, 1, 1), date(2100, 12, 31)
# More days than this are drawn as months, and more than that as years.
_MOST_DAYS, _MOST_MONTH_DAYS = 92, 36 * 31
_DEFAULT = "12m"
OWN = "own"
ALL = "all"
# What a reader may choose beside dates of their own.
PRESETS = {
    "today": "Today",
    "7d": "7 days",
    "30d": "30 days",
    "90d": "90 days",
    "month": "This month",
    "last-month": "Last month",
    "year": "This year",
    _DEFAULT: "12 months",
    ALL: "All time",
}


@dataclass(frozen=True, kw_only=True)
class Range:
    """A choice of the reader's: from which day to which, and in which steps charts go. `first` is None for all time."""

    key: str
    name: str
    first: date | None
    last: date

    @property
    def unit(self) -> str:
        if self.first is None:
            return "month"
        days = (self.last - self.first).days + 1
        return "day" if days <= _MOST_DAYS else "month" if days <= _MOST_MONTH_DAYS else "year"

    @property
    def before(self) -> tuple[date, date] | None:
        """As many days, just before; of all time there is nothing before."""
        if self.first is None:
            return None
        days = (self.last - self.first).days + 1
        return self.first - timedelta(days=days), self.first - timedelta(days=1)

    @property
    def begins(self) -> date:
        return self.first or _FIRST

    @property
    def query(self) -> dict[str, str]:
        """As an address says it."""
        own = {"from": self.begins.isoformat(), "to": self.last.isoformat()} if self.key == OWN else {}
        return {"range": self.key, **own}


def range_of(key: str, today: date, *, since: str = "", until: str = "") -> Range:
    """What an address asks for; nonsense is answered as if nothing had been asked. Dates of one's own go before."""
    first, last = _day(since), _day(until)
    if key == OWN and (first or last):
        first, last = first or min(last or today, today), last or max(first or today, today)
        first, last = min(first, last), max(first, last)
        return Range(key=OWN, name="Own dates", first=first, last=last)
    chosen = key if key in PRESETS else _DEFAULT
    return Range(key=chosen, name=PRESETS[chosen], **_days_of(chosen, today))


def _days_of(key: str, today: date) -> dict[str, Any]:
    this_month = today.replace(day=1)
    if key == "last-month":
        last = this_month - timedelta(days=1)
        return {"first": last.replace(day=1), "last": last}
    first = {
        "today": today,
        "month": this_month,
        "year": today.replace(month=1, day=1),
        # Months are whole, so that the first bar is no stump.
        _DEFAULT: _months_before(this_month, 11),
        ALL: None,
    }
    return {"first": first[key] if key in first else today - timedelta(days=int(key[:-1]) - 1), "last": today}


def _months_before(month: date, number: int) -> date:
    years, index = divmod(month.year * 12 + month.month - 1 - number, 12)
    return date(years, index + 1, 1)


def _day(text: str) -> date | None:
    try:
        return min(max(date.fromisoformat(text), _FIRST), _LAST)
    except ValueError:
        return None


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
    disputes_unknown: int = 0

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
