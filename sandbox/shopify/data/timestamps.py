"""Unix seconds as Shopify writes them: GraphQL in UTC with `Z`, REST with the shop's offset (sheet section 3.2)."""

from __future__ import annotations

import time
from functools import lru_cache


@lru_cache(maxsize=8192)
def _day(number: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(number * 86_400))


def utc(at: int | None) -> str | None:
    if at is None:
        return None
    day, second = divmod(at, 86_400)
    minute, second = divmod(second, 60)
    hour, minute = divmod(minute, 60)
    return f"{_day(day)}T{hour:02d}:{minute:02d}:{second:02d}Z"


def local(at: int | None, offset_minutes: int) -> str | None:
    if at is None:
        return None
    there = utc(at + offset_minutes * 60)
    sign = "-" if offset_minutes < 0 else "+"
    hours, minutes = divmod(abs(offset_minutes), 60)
    return f"{(there or '')[:-1]}{sign}{hours:02d}:{minutes:02d}"
