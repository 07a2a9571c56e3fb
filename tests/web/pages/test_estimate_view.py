"""A dry run says what it would cost before anything starts."""

from __future__ import annotations

from typing import Any

from tests.web.pages.facts import later, reader
from web.pages.estimate_view import choices_of


def _told(**fields: Any) -> dict[str, Any]:
    platform = {"platform": "etsy", "calls": 8120, "calls_per_day": 5000, "days": 1, "ready_at": later(days=1)}
    job = {"platform": "etsy", "entity": "orders", "outcome": "queued", "calls": 8120, "reason": ""}
    result = {
        "jobs": [job],
        "platforms": [platform | fields],
        "calls": 8120,
        "complete": True,
        "ready_at": later(days=1),
    }
    return result | fields


def test_calls_days_and_the_time_of_being_ready_are_told() -> None:
    (choice,) = choices_of([(True, _told())], reader(), is_first=False)

    assert dict(choice.facts) == {
        "Requests to Etsy": "about 8,120",
        "Allowed a day": "5,000",
        "Spread over": "about 1 day",
        "Ready": "tomorrow 12:00\u202fPM",
    }


def test_what_nobody_can_know_is_not_made_up() -> None:
    (choice,) = choices_of([(False, _told(calls=0, complete=False, days=0, ready_at=None))], reader(), is_first=True)

    assert dict(choice.facts)["Requests to Etsy"] == "not known yet"
    assert not {"Ready", "Spread over"} & dict(choice.facts).keys()
    assert choice.caution


def test_why_it_is_not_known_is_said_once() -> None:
    away = {"platform": "etsy", "outcome": "queued", "calls": None, "reason": "The platform does not answer just now."}
    jobs = [away | {"entity": "orders"}, away | {"entity": "listings"}]

    (choice,) = choices_of([(False, _told(complete=False, jobs=jobs))], reader(), is_first=True)

    assert choice.caution == "The platform does not answer just now."


def test_a_shop_that_was_never_read_has_one_choice() -> None:
    choices = choices_of([(False, _told()), (True, _told())], reader(), is_first=True)

    assert [(c.key, c.name, c.is_first) for c in choices] == [("rest", "Load the whole history", True)]
