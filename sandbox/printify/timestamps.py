"""Times as Printify writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def timestamp(at: float) -> str:
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%d %H:%M:%S+00:00")
