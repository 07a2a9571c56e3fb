"""From which number on something is wrong with the pipeline, and how wrong: declared here, told by health. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from execution.operations import ALARM_SECONDS
from execution.process.heartbeat import MOVERS

Level = Literal["degraded", "down"]
Facts = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A number of `numbers_of`; None: it never gets that bad by itself."""

    name: str
    degraded: float
    down: float | None = None
    text: str


THRESHOLDS = (
    Threshold(name="queue_lag_seconds", degraded=120, down=1800, text="A job has waited {value:.0f} s for a worker."),
    Threshold(name="error_rate", degraded=0.1, down=0.5, text="{value:.0%} of the jobs of the last hour failed."),
    Threshold(
        name="jobs_quarantined",
        degraded=1,
        text="{value:.0f} jobs are quarantined: see docs/runbooks/jobs-quarantined.md.",
    ),
    Threshold(
        name="jobs_with_rejects",
        degraded=1,
        text="{value:.0f} jobs of the last hour ended without what could not be mapped: see `keeper rejected list`.",
    ),
    Threshold(name="records_rejected", degraded=100, text="{value:.0f} records could not be mapped."),
    Threshold(
        name="deletions_held",
        degraded=1,
        text="{value:.0f} shops seem to have lost much at once; nothing was removed: see `keeper deletions list`.",
    ),
    Threshold(
        name="lookbacks_grown",
        degraded=1,
        text="Records of {value:.0f} entities come later than declared; rounds look back further: see `keeper doctor`.",
    ),
    Threshold(
        name="lookbacks_over",
        degraded=1,
        text="Records of {value:.0f} entities come later than any round looks back: see `keeper doctor`.",
    ),
    Threshold(
        name="samples_differ",
        degraded=1,
        text="Old pages of {value:.0f} entities differed from their platforms within a week, and no round had seen it; "
        "they are read whole again: see `keeper runs list` (kind sample).",
    ),
    Threshold(
        name="money_unclassified",
        degraded=1,
        text="{value:.0f} days of sellers hold money of a kind without a class, and stay open: name it in "
        "directives/daily_financial_roll.md (`GET /money/events?class=unclassified` shows it).",
    ),
    Threshold(
        name="obligation_oldest_seconds",
        # From here on the clock logs an error as well.
        degraded=ALARM_SECONDS,
        down=25 * 86400,
        text="A request about privacy has been open for {value:.0f} s.",
    ),
    Threshold(
        name="events_failing_seconds",
        degraded=3600,
        text="An event has been tried in vain for {value:.0f} s: see `keeper events list --state waiting`.",
    ),
    Threshold(
        name="events_given_up",
        degraded=1,
        text="{value:.0f} events were given up in a day: `keeper events resend --given-up-since` sends them again.",
    ),
)
# A platform may end a few jobs badly without anything being wrong here.
_FEWEST_ENDED = 10
PROCESSES = ("clock", "web", "worker")


@dataclass(frozen=True, kw_only=True)
class Alarm:
    name: str
    level: Level
    text: str


def alarms(facts: Facts) -> list[Alarm]:
    """What is wrong, most urgent first."""
    found = [*_missing(facts), *_passed(numbers_of(facts))]
    return sorted(found, key=lambda alarm: alarm.level != "down")


def numbers_of(facts: Facts) -> dict[str, float]:
    """The numbers that have thresholds, as metrics tell them too."""
    return {
        "queue_lag_seconds": float(facts["queue"]["lag_seconds"]),
        "error_rate": error_rate(facts, fewest=_FEWEST_ENDED) or 0.0,
        "jobs_quarantined": float(facts["quarantined"]),
        "jobs_with_rejects": float(sum(jobs["with_rejects"] for jobs in facts["ended"].values())),
        "records_rejected": float(facts["rejected"]),
        "deletions_held": float(facts["deletions_held"]),
        "lookbacks_grown": float(sum(one["state"] == "grown" for one in facts["lookbacks"])),
        "lookbacks_over": float(sum(one["state"] == "over" for one in facts["lookbacks"])),
        "samples_differ": float(facts["sampling"]["differed"]),
        "money_unclassified": float(facts["money_unclassified"]),
        "obligations_open": float(facts["obligations"]["open"]),
        "obligation_oldest_seconds": float(facts["obligations"]["oldest_seconds"]),
        "events_waiting": float(facts["events"]["waiting"]),
        "events_lag_seconds": float(facts["events"]["lag_seconds"]),
        "events_failing_seconds": float(facts["events"]["failing_seconds"]),
        "events_given_up": float(facts["events"]["given_up"]),
    }


def error_rate(facts: Facts, *, fewest: int = 1) -> float | None:
    """Of the jobs that ended in the last hour, how many failed for good; None where too few ended."""
    ended = facts["ended"].values()
    failed = sum(jobs["failed"] + jobs["quarantined"] for jobs in ended)
    whole = failed + sum(jobs["completed"] + jobs["with_rejects"] for jobs in ended)
    return round(failed / whole, 4) if whole >= fewest else None


def _missing(facts: Facts) -> Iterator[Alarm]:
    """Processes that give no sign of life. With work that waits for them, nothing moves."""
    waits = facts["queue"]["queued"] > 0 or facts["running"] > 0
    for kind in MOVERS:
        if not facts["heartbeats"][kind]["alive"]:
            age = facts["heartbeats"][kind]["age_seconds"]
            when = "was never seen" if age is None else f"was last seen {age:.0f} s ago"
            yield Alarm(name=f"no_{kind}", level="down" if waits else "degraded", text=f"No {kind} runs: one {when}.")


def _passed(numbers: Mapping[str, float]) -> Iterator[Alarm]:
    for one in THRESHOLDS:
        value = numbers[one.name]
        if value >= one.degraded:
            level: Level = "down" if one.down is not None and value >= one.down else "degraded"
            yield Alarm(name=one.name, level=level, text=one.text.format(value=value))
