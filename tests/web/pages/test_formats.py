"""Numbers, money and times are written as the reader writes them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.web.pages.facts import NOW, reader
from web.pages.formats import formats_for, span


@pytest.mark.parametrize(
    ("minor", "currency", "written"),
    [(123456789, "USD", "$1,234,567.89"), (-5, "EUR", "-€0.05"), (1234, "JPY", "¥1,234"), (2**62, "USD", None)],
)
def test_money_keeps_every_digit_of_its_currency(minor: int, currency: str, written: str | None) -> None:
    """Yen have no cents, and an amount beyond a float's precision is still exact."""
    said = reader().money(minor, currency)

    assert said == (written or "$46,116,860,184,273,879.04")


def test_a_short_amount_has_no_cents() -> None:
    assert [reader().money_short(minor, "USD") for minor in (0, 99950, -898400, 5416938, 123456789_00)] == [
        "$0",
        "$1,000",
        "-$8,984",
        "$54.2K",
        "$123.5M",
    ]


def test_a_wake_time_is_told_in_the_readers_zone() -> None:
    """17:00 UTC is noon in New York and tomorrow in Tokyo."""
    wakes = NOW + timedelta(hours=13, minutes=10)

    assert reader("America/New_York", "en-GB").when(wakes) == "tomorrow 01:10"
    assert reader("Asia/Tokyo", "en-GB").when(wakes) == "at 15:10"
    assert reader("UTC", "en-GB").when(NOW + timedelta(days=3)) == "Wed, Nov 25, 17:00"


@pytest.mark.parametrize(
    ("passed", "said"),
    [
        (timedelta(seconds=20), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=3), "3 hours ago"),
        (timedelta(hours=20), "yesterday 16:00"),
        (timedelta(days=19), "3 Nov 2026"),
    ],
)
def test_a_time_that_has_passed_is_told_as_people_do(passed: timedelta, said: str) -> None:
    assert reader(language="en-GB").ago(NOW - passed) == said


def test_a_forecast_is_no_more_exact_than_it_can_be() -> None:
    assert [span(timedelta(seconds=s)) for s in (5, 60, 600, 7200, 3 * 86400)] == [
        "less than a minute",
        "about 1 minute",
        "about 10 minutes",
        "about 2 hours",
        "about 3 days",
    ]


@pytest.mark.parametrize("zone", ["Nowhere/AtAll", "../../etc/passwd", "", "\x00", "A" * 5000])
@pytest.mark.parametrize("language", ["de-DE,de;q=0.9", "*", ";;;", "x" * 5000, ""])
def test_nonsense_is_answered_as_if_nothing_had_been_asked(zone: str, language: str) -> None:
    formats = formats_for(accept_language=language, zone=zone, now=NOW)

    assert formats.when(NOW) == "at 5:00\u202fPM"


def test_almost_all_is_not_all() -> None:
    assert reader().percent(0.9999) == "99%"
