"""From when to when a page shows, and what came before."""

from __future__ import annotations

from datetime import date

import pytest

from web.pages.money import PRESETS, Range, range_of

TODAY = date(2026, 3, 31)


def days(chosen: Range) -> tuple[str, str]:
    return str(chosen.first), str(chosen.last)


@pytest.mark.parametrize(
    ("key", "first", "last", "unit"),
    [
        ("today", "2026-03-31", "2026-03-31", "day"),
        ("7d", "2026-03-25", "2026-03-31", "day"),
        ("30d", "2026-03-02", "2026-03-31", "day"),
        ("90d", "2026-01-01", "2026-03-31", "day"),
        ("month", "2026-03-01", "2026-03-31", "day"),
        ("last-month", "2026-02-01", "2026-02-28", "day"),
        ("year", "2026-01-01", "2026-03-31", "day"),
        ("12m", "2025-04-01", "2026-03-31", "month"),
        ("all", "None", "2026-03-31", "month"),
        ("nonsense", "2025-04-01", "2026-03-31", "month"),
    ],
)
def test_a_preset_is_whole_days(key: str, first: str, last: str, unit: str) -> None:
    chosen = range_of(key, TODAY)

    assert (*days(chosen), chosen.unit) == (first, last, unit)


def test_the_time_before_is_as_long_and_touches() -> None:
    for key in PRESETS:
        chosen = range_of(key, TODAY)
        if chosen.first is None:
            assert chosen.before is None
            continue
        first, last = chosen.before or (TODAY, TODAY)
        assert (chosen.first - last).days == 1
        assert last - first == chosen.last - chosen.first


@pytest.mark.parametrize(
    ("since", "until", "wanted"),
    [
        ("2026-01-05", "2026-01-09", ("2026-01-05", "2026-01-09")),
        ("2026-01-09", "2026-01-05", ("2026-01-05", "2026-01-09")),
        ("2026-01-09", "", ("2026-01-09", "2026-03-31")),
        ("", "2026-01-09", ("2026-01-09", "2026-01-09")),
        ("0001-01-01", "9999-12-31", ("1990-01-01", "2100-12-31")),
        ("yesterday", "2026-02-30", ("2025-04-01", "2026-03-31")),
    ],
)
def test_dates_of_ones_own_are_taken_as_they_are_meant(since: str, until: str, wanted: tuple[str, str]) -> None:
    chosen = range_of("own", TODAY, since=since, until=until)

    assert days(chosen) == wanted
    assert range_of(chosen.key, TODAY, since=chosen.query.get("from", ""), until=chosen.query.get("to", "")) == chosen
