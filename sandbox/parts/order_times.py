"""When orders come in: a weakly increasing function of position, with growth, seasons, weekdays and hours."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from datetime import UTC, datetime
from itertools import accumulate

from sandbox.parts.seeded_random import hash_pair

DAY = 86_400

# January to December: gifts before Christmas, quiet in July.
_MONTHS = (0.8, 0.85, 0.85, 0.85, 0.95, 0.8, 0.7, 0.8, 0.95, 1.2, 1.9, 2.2)
_WEEKDAYS = (1.1, 1.05, 1.0, 0.98, 0.92, 0.88, 1.12)
# UTC hours; buyers are mostly in Europe and America.
_HOURS = (5, 4, 3, 2, 1.5, 1.5, 2, 3, 4, 4.5, 5, 5, 5, 5, 5.5, 6, 6, 6, 6, 6.5, 7, 7, 6.5, 6)
_HOUR_SHARE = [0.0, *(h / sum(_HOURS) for h in accumulate(_HOURS))]


class OrderTimes:
    """Creation times of `orders` orders between `start` and `end`, both Unix seconds."""

    def __init__(self, *, seed: int, orders: int, start: int, end: int) -> None:
        self._seed = seed
        self._orders = max(orders, 1)
        self._first_day = start // DAY
        self._end = end
        last_day = end // DAY
        self._last_share = max(_share_of_day(end % DAY), 1e-6)
        weights = [self._weight(day, last_day) for day in range(self._first_day, last_day + 1)]
        weights[-1] *= self._last_share
        self._sums = array("d", [0.0, *accumulate(weights)])

    def created(self, pos: int) -> int:
        """About one order in forty shares its second with the one before."""
        tied = self._is_tied(pos) and not self._is_tied(pos - 1)
        return self._at(pos - 1) if tied else self._at(pos)

    def _is_tied(self, pos: int) -> bool:
        return pos > 0 and hash_pair(self._seed, -pos) % 40 == 0

    def _at(self, pos: int) -> int:
        place = (pos + hash_pair(self._seed, pos) / 2**64) / self._orders * self._sums[-1]
        day = min(bisect_right(self._sums, place), len(self._sums) - 1) - 1
        within = (place - self._sums[day]) / (self._sums[day + 1] - self._sums[day])
        if day == len(self._sums) - 2:
            within *= self._last_share
        return min((self._first_day + day) * DAY + _second_of_day(within), self._end)

    def _weight(self, day: int, last_day: int) -> float:
        date = datetime.fromtimestamp(day * DAY, UTC)
        growth = 1.0 + 0.8 * (day - self._first_day) / max(last_day - self._first_day, 1)
        noise = 0.6 + 0.8 * hash_pair(self._seed, day) / 2**64
        return growth * noise * _MONTHS[date.month - 1] * _WEEKDAYS[date.weekday()]


def _second_of_day(within: float) -> int:
    hour = min(bisect_right(_HOUR_SHARE, within), 24) - 1
    part = (within - _HOUR_SHARE[hour]) / (_HOUR_SHARE[hour + 1] - _HOUR_SHARE[hour])
    return min(int((hour + part) * 3600), DAY - 1)


def _share_of_day(second: int) -> float:
    hour, rest = divmod(second, 3600)
    return _HOUR_SHARE[hour] + (_HOUR_SHARE[hour + 1] - _HOUR_SHARE[hour]) * rest / 3600
