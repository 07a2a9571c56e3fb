"""What a sync would cost, before it starts: estimates in, choices as text out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from web import messages
from web.pages.formats import Formats


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One way to sync: `key` is what the form sends."""

    key: str
    name: str
    note: str
    facts: tuple[tuple[str, str], ...]
    caution: str
    is_first: bool


def choices_of(
    estimates: Sequence[tuple[bool, Mapping[str, Any]]], formats: Formats, *, is_first: bool
) -> tuple[Choice, ...]:
    """`estimates`: whether everything would be read again, and what the dry run brought. The first is preselected."""
    return tuple(
        _choice(again, estimated, formats, is_first=is_first, is_chosen=number == 0)
        for number, (again, estimated) in enumerate(estimates)
        if not (again and is_first)
    )


def _choice(again: bool, estimated: Mapping[str, Any], formats: Formats, *, is_first: bool, is_chosen: bool) -> Choice:  # noqa: FBT001
    name, note = _name_and_note(again, is_first)
    return Choice(
        key="all" if again else "rest",
        name=name,
        note=note,
        facts=facts_of(estimated, formats),
        caution=_caution(estimated),
        is_first=is_chosen,
    )


def _caution(estimated: Mapping[str, Any]) -> str:
    """Why some of it is not known, each reason once."""
    reasons = dict.fromkeys(job["reason"] for job in estimated["jobs"] if job["calls"] is None and job["reason"])
    return "" if estimated["complete"] else " ".join(reasons) or "The first pages will tell how much there is."


def _name_and_note(again: bool, is_first: bool) -> tuple[str, str]:  # noqa: FBT001
    if again:
        return (
            "Read everything once more",
            "Every record is read again and compared. What is unchanged stays untouched.",
        )
    if is_first:
        return "Load the whole history", "From the first record to now, with a proof at the end."
    return "Only what is missing", "What failed or was not finished is read; what is proven is left alone."


def facts_of(estimated: Mapping[str, Any], formats: Formats) -> tuple[tuple[str, str], ...]:
    """Requests, what is allowed a day, days, when it will be ready: names and values."""
    (platform,) = estimated["platforms"]
    about = "about " if estimated["calls"] else ""
    calls = f"{about}{formats.number(estimated['calls'])}" if estimated["complete"] else "not known yet"
    if estimated["calls"] and not estimated["complete"]:
        calls = f"at least {formats.number(estimated['calls'])}"
    facts = [(f"Requests to {messages.platform_title(platform['platform'])}", calls)]
    if platform["calls_per_day"]:
        facts.append(("Allowed a day", formats.number(platform["calls_per_day"])))
    days = platform["days"]
    if estimated["calls"] or estimated["complete"]:
        facts.append(("Spread over", _days(days, formats)))
    if estimated["ready_at"]:
        facts.append(("Ready", _ready(datetime.fromisoformat(estimated["ready_at"]), formats)))
    return tuple(facts)


def _days(days: int, formats: Formats) -> str:
    if not days:
        return "less than a day"
    return f"about {formats.number(days)} {'day' if days == 1 else 'days'}"


def _ready(moment: datetime, formats: Formats) -> str:
    if (moment - formats.now).total_seconds() < 90:
        return "in about a minute"
    return formats.when(moment)
