"""The two limits of an API key: per second, and per rolling 24 hours in buckets (sheet section 5). Counts are exact."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from sandbox.etsy.responses import EtsyError
from sandbox.etsy.settings import Settings
from sandbox.parts.clock import Clock
from sandbox.parts.responses import Headers, HttpResponse

DAY_SECONDS = 86_400


class Verdict(NamedTuple):
    """`refused` is empty, `second` or `day`; `headers` go on every success and on every 429."""

    refused: str
    headers: Headers
    retry_after: int


class Limits:
    """Counts calls of the key. The day moves bucket by bucket: each drops out when its 24 hours are over."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._recent: deque[float] = deque()
        self._second = (0, 0)
        self._buckets: dict[int, int] = {}

    def admit(self) -> Verdict:
        """Judge and count one call; per second first, then per day."""
        now = self._clock.now()
        in_second, today = self._in_second(now), self.today(now)
        refused = "second" if in_second >= self._settings.per_second else ""
        if not refused and today >= self._settings.per_day:
            refused = "day"
        if not refused or self._settings.rejected_calls_count:
            self._count(now)
            in_second, today = in_second + 1, today + 1
        retry = {"": 0, "second": 1, "day": self._seconds_until_available(now)}[refused]
        return Verdict(refused, self._headers(in_second, today), retry)

    def use(self, calls: int) -> None:
        """Let `calls` calls have been made in the current bucket of the day."""
        bucket = int(self._clock.now()) // self._settings.day_bucket_seconds
        self._buckets[bucket] = self._buckets.get(bucket, 0) + calls

    def forget(self) -> None:
        self._recent.clear()
        self._second = (0, 0)
        self._buckets.clear()

    def today(self, now: float) -> int:
        """Calls in the rolling day."""
        size = self._settings.day_bucket_seconds
        oldest = int(now) // size - DAY_SECONDS // size
        for bucket in [b for b in self._buckets if b <= oldest]:
            del self._buckets[bucket]
        return sum(self._buckets.values())

    def _in_second(self, now: float) -> int:
        if self._settings.second_window == "fixed":
            return self._second[1] if self._second[0] == int(now) else 0
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        return len(self._recent)

    def _count(self, now: float) -> None:
        second = int(now)
        self._second = (second, self._second[1] + 1 if self._second[0] == second else 1)
        if self._settings.second_window == "sliding":
            self._recent.append(now)
        bucket = second // self._settings.day_bucket_seconds
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1

    def _seconds_until_available(self, now: float) -> int:
        """When enough buckets have dropped out for one more call."""
        over = sum(self._buckets.values()) - self._settings.per_day + 1
        for bucket in sorted(self._buckets):
            over -= self._buckets[bucket]
            if over <= 0:
                leaves = bucket * self._settings.day_bucket_seconds + DAY_SECONDS
                return max(int(leaves - now) + (leaves - now > int(leaves - now)), 1)
        return DAY_SECONDS

    def _headers(self, in_second: int, today: int) -> Headers:
        s = self._settings
        left = b"x-remaining-this-secon" if s.misspell_remaining_header else b"x-remaining-this-second"
        return [
            (b"x-limit-per-second", b"%d" % s.per_second),
            (left, b"%d" % max(s.per_second - in_second, 0)),
            (b"x-limit-per-day", b"%d" % s.per_day),
            (b"x-remaining-today", b"%d" % max(s.per_day - today, 0)),
        ]


def throttled(which: str, retry_after: int, headers: Headers) -> HttpResponse:
    """A 429 of one of the two kinds."""
    text = "Exceeded per second rate limit" if which == "second" else "Exceeded daily rate limit"
    response = EtsyError(429, text).response
    response.headers = [*headers, (b"retry-after", b"%d" % retry_after)]
    return response
