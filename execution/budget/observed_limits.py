"""What a platform's responses say about its own limits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ObservedLimits:
    """The limits that a response's headers or body name; None for what they do not.

    Points are what a platform charges for a call by its weight (Shopify's GraphQL cost); calls are counted besides.
    """

    per_second: int | None = None
    remaining_this_second: int | None = None
    per_minute: int | None = None
    remaining_this_minute: int | None = None
    per_day: int | None = None
    remaining_today: int | None = None
    # A bucket of points (GraphQL costs) and one of calls (REST), as they stood when the response was made.
    points_maximum: float | None = None
    points_available: float | None = None
    points_restore_per_s: float | None = None
    calls_maximum: float | None = None
    calls_available: float | None = None
