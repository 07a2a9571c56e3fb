"""Lengths of time as directives write them."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def span(text: object) -> timedelta:
    """30s, 5m, 6h, 1d; 0 for none. ValueError for anything else."""
    parsed = re.fullmatch(r"(\d+)([smhd])|0", str(text))
    if parsed is None:
        raise ValueError(f"{text!r} is not a length of time like 5m, 6h or 1d")
    return timedelta(**{_UNITS[parsed[2]]: int(parsed[1])}) if parsed[2] else timedelta()
