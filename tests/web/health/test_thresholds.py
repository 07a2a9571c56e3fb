"""Each number that has a threshold moves the status when it is passed, and not before."""

from __future__ import annotations

import pytest

from web.health.readiness import Check
from web.health.routes import _overall
from web.health.thresholds import THRESHOLDS, alarms

ENDED = {"completed": 100, "with_rejects": 0, "failed": 0, "quarantined": 0}
WELL = {
    "queue": {"queued": 0, "lag_seconds": 0},
    "running": 0,
    "heartbeats": {kind: {"alive": 1, "age_seconds": 1.0} for kind in ("worker", "clock", "web")},
    "ended": {"etsy": ENDED},
    "quarantined": 0,
    "rejected": 0,
    "deletions_held": 0,
    "lookbacks": [],
    "sampling": {"platforms": {}, "differed": 0},
    "money_unclassified": 0,
    "obligations": {"open": 0, "oldest_seconds": 0},
    "events": {"waiting": 0, "lag_seconds": 0, "failing_seconds": 0, "given_up": 0},
}


def with_value(name, value):
    """Facts in which one number is so bad."""
    failed = round(value * 100)
    return (
        WELL
        | {
            "queue_lag_seconds": {"queue": {"queued": 1, "lag_seconds": value}},
            "error_rate": {"ended": {"etsy": ENDED | {"completed": 100 - failed, "failed": failed}}},
            "jobs_with_rejects": {"ended": {"etsy": ENDED | {"with_rejects": value}}},
            "jobs_quarantined": {"quarantined": value},
            "records_rejected": {"rejected": value},
            "deletions_held": {"deletions_held": value},
            "money_unclassified": {"money_unclassified": value},
            "samples_differ": {"sampling": {"platforms": {}, "differed": value}},
            "lookbacks_grown": {"lookbacks": [{"state": "grown"}] * int(value)},
            "lookbacks_over": {"lookbacks": [{"state": "over"}] * int(value)},
            "obligation_oldest_seconds": {"obligations": {"open": 1, "oldest_seconds": value}},
            "events_failing_seconds": {"events": WELL["events"] | {"failing_seconds": value}},
            "events_given_up": {"events": WELL["events"] | {"given_up": value}},
        }[name]
    )


def status_of(facts):
    return _overall([Check(name="database", ok=True)], [], alarms(facts))


def test_all_is_well():
    assert (alarms(WELL), status_of(WELL)) == ([], "ok")


@pytest.mark.parametrize("threshold", THRESHOLDS, ids=lambda one: one.name)
def test_a_number_that_passes_its_threshold_moves_the_status(threshold):
    below = with_value(
        threshold.name, threshold.degraded * 0.9 if threshold.degraded > 1 else threshold.degraded - 0.05
    )

    assert status_of(with_value(threshold.name, threshold.degraded)) == "degraded"
    if threshold.down is not None:
        assert status_of(with_value(threshold.name, threshold.down)) == "down"
    if threshold.name not in ("jobs_quarantined", "jobs_with_rejects"):
        assert status_of(below) == "ok"


def test_a_few_failures_are_no_trend():
    assert alarms(WELL | {"ended": {"etsy": ENDED | {"completed": 1, "failed": 2}}}) == []
