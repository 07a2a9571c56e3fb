"""Which version of the API serves a call: each is kept a year; one that is gone falls forward (sheet section 1)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_HANDLE = re.compile(r"20\d\d-(01|04|07|10)")
# A stable version at the start of each quarter at 17:00 UTC, kept for twelve months at least.
_HOUR = 17
_KEPT = 4


def handles(now: int) -> list[tuple[str, bool]]:
    """(handle, supported), oldest first; the release candidate and `unstable` are not supported yet."""
    stable = _stable(now)
    return [*((handle, True) for handle in stable), (_after(stable[-1]), False), ("unstable", False)]


def serving(wanted: str, now: int) -> str | None:
    """The version that serves a request for `wanted`; None where that never was a version."""
    known = [handle for handle, _ in handles(now)]
    if wanted in known:
        return wanted
    if _HANDLE.fullmatch(wanted) is None or wanted > known[-2]:
        return None
    return known[0]


def _stable(now: int) -> list[str]:
    at = datetime.fromtimestamp(now - _HOUR * 3600, UTC)
    year, quarter = at.year, (at.month - 1) // 3
    found = []
    for _ in range(_KEPT):
        found.append(f"{year}-{quarter * 3 + 1:02d}")
        year, quarter = (year, quarter - 1) if quarter else (year - 1, 3)
    return found[::-1]


def _after(handle: str) -> str:
    year, month = int(handle[:4]), int(handle[5:])
    return f"{year}-{month + 3:02d}" if month < 10 else f"{year + 1}-01"
