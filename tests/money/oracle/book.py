"""Money events, and what they come to by day, currency and class."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

Doc = Mapping[str, Any]
# Day, currency and class.
Key = tuple[date, str, str]
# Classes that are counted, not added: an event of them is one, and no money.
COUNTED = frozenset({"order", "uncosted", "fees_unknown", "disputes_unknown"})
# Digits after the point, where they are not two (ISO 4217).
_DIGITS = {"JPY": 0, "KRW": 0, "CLP": 0, "KWD": 3, "BHD": 3, "TND": 3}


@dataclass(frozen=True, kw_only=True)
class Event:
    """`sale_at`: the time of the sale that it takes back from."""

    name: str
    at: int
    currency: str
    amount: int = 0
    order: str | None = None
    sale_at: int | None = None


class Book:
    """Days of one shop. `zones`: since when which zone holds, by Unix seconds; the first holds for all time before.

    A date that has begun is not begun again: where a shop moves to a zone that is behind, the old date goes on.
    """

    def __init__(self, *zones: tuple[float, str]) -> None:
        self._zones = sorted((since, ZoneInfo(zone)) for since, zone in zones)
        self.events: list[Event] = []

    def add(self, events: Iterable[Event]) -> None:
        self.events += events

    def day(self, at: int) -> date:
        held = [(since, zone) for number, (since, zone) in enumerate(self._zones) if number == 0 or since <= at]
        # The last second of each zone but the one that holds now.
        ends = [*(since - 1 for since, _ in held[1:]), at]
        return max(_date(end, zone) for end, (_, zone) in zip(ends, held, strict=True))

    def days(self) -> dict[Key, int]:
        """Sums that are not nothing; of what is counted, how often it happened."""
        return _sums((self.day(e.at), e) for e in self.events)

    def sale_days(self) -> dict[Key, int]:
        """What was taken back, by the day of the sale that it was taken back from."""
        return _sums((self.day(e.sale_at), e) for e in self.events if e.sale_at is not None)


def _date(at: float, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(at, UTC).astimezone(zone).date()


def _sums(events: Iterator[tuple[date, Event]]) -> dict[Key, int]:
    found: dict[Key, int] = defaultdict(int)
    for day, event in events:
        found[day, event.currency, event.name] += 1 if event.name in COUNTED else event.amount
    return {key: amount for key, amount in found.items() if amount}


def digits(currency: str) -> int:
    return _DIGITS.get(currency, 2)


def minor(amount: Decimal, currency: str) -> int:
    """Major units in the smallest unit of the currency; it has to be a whole number of them."""
    units = amount.scaleb(digits(currency))
    if units != units.to_integral_value():
        raise ValueError(f"{amount} {currency} is no whole number of the smallest unit")
    return int(units)


def share(amount: int, numerator: int, denominator: int) -> int:
    """So many parts of it, half a unit away from zero."""
    product = amount * numerator * (1 if denominator > 0 else -1)
    whole = (abs(product) * 2 + abs(denominator)) // (2 * abs(denominator))
    return whole if product >= 0 else -whole
