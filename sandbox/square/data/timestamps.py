"""Times as Square writes them: RFC 3339 in UTC. Inside they are whole milliseconds."""

from __future__ import annotations

import re
import time
from datetime import datetime
from functools import lru_cache

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.IGNORECASE)


@lru_cache(maxsize=16_384)
def _day(number: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(number * 86_400))


def precise(at: int) -> str:
    """With milliseconds, as orders, payments and the catalog have them."""
    return f"{plain(at)[:-1]}.{at % SECOND:03d}Z"


def shortest(at: int) -> str:
    """Without zeros that say nothing, as the catalog has them: .5Z, or no fraction at all."""
    return f"{precise(at)[:-1].rstrip('0').rstrip('.')}Z" if at % SECOND else plain(at)


def plain(at: int) -> str:
    """To the second, as locations, bookings and team members have them."""
    day, second = divmod(at // SECOND, 86_400)
    minute, second = divmod(second, 60)
    hour, minute = divmod(minute, 60)
    return f"{_day(day)}T{hour:02d}:{minute:02d}:{second:02d}Z"


def date(at: int) -> str:
    return _day(at // DAY)


def parsed(text: str) -> int:
    """Milliseconds of an RFC 3339 time with its zone; ValueError for anything else."""
    if not _RFC3339.fullmatch(text):
        raise ValueError(f"{text!r} is not an RFC 3339 timestamp")
    moment = datetime.fromisoformat(text.upper())
    return int(moment.timestamp()) * SECOND + moment.microsecond // 1000
