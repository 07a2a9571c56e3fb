"""How long a platform asks us to wait, whatever it wrote into `Retry-After`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

SHORTEST = timedelta(seconds=1)
LONGEST = timedelta(hours=1)
LONGEST_DAY = timedelta(hours=24)


def retry_after(
    headers: Mapping[str, str], now: datetime, *, default: timedelta | None, longest: timedelta = LONGEST
) -> timedelta | None:
    """Seconds or an HTTP date (RFC 9110, 10.2.3), clamped to [SHORTEST, longest]; `default` for absent or garbage."""
    asked = _asked(headers.get("retry-after", "").strip(), _their_now(headers, now))
    if asked is None:
        return default
    return min(max(asked, SHORTEST), longest)


def _asked(text: str, now: datetime) -> timedelta | None:
    if re.fullmatch(r"[+-]?\d{1,12}(\.\d*)?|[+-]?\d{1,3}e\d{1,2}", text, re.IGNORECASE | re.ASCII):
        # A number beyond any clock is still a number: the clamp makes sense of it.
        return timedelta(seconds=max(-1.0, min(float(text), 1e9)))
    moment = _http_date(text)
    return None if moment is None else moment - now


def _their_now(headers: Mapping[str, str], now: datetime) -> datetime:
    # A date is on the platform's clock, so it is compared with that clock where the answer tells it.
    return _http_date(headers.get("date", "")) or now


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
