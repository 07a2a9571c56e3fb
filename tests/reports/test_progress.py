"""What a person reads while a backfill runs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from execution.reports import progress

NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _greenwich(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")


def job(**fields: Any) -> dict[str, Any]:
    return {
        "platform": "etsy",
        "entity": "orders",
        "status": "running",
        "records_done": 0,
        "records_total": None,
        "records_rejected": 0,
        "fraction": None,
        "calls_used": 0,
        "started_at": (NOW - timedelta(minutes=10)).isoformat(),
        "run_after": None,
        "park_reason": None,
        "error_code": None,
        "certificate": None,
        "backfill_calls_per_day": 500,
    } | fields


def shown(*jobs: dict[str, Any]) -> str:
    console = Console(width=100, force_terminal=False)
    with console.capture() as capture:
        console.print(progress.status_table({"connections": [], "jobs": list(jobs), "failures": []}, NOW))
    return " ".join(capture.get().split())


def test_a_parked_job_tells_when_it_goes_on_and_when_it_is_ready() -> None:
    """Of 2,000 calls 500 are done today: it goes on tomorrow, and takes three more days."""
    resumes = datetime(2026, 11, 23, 6, 10, tzinfo=UTC)
    parked = job(
        status="parked", run_after=resumes.isoformat(), park_reason="budget used up",
        records_done=50_000, records_total=200_000, calls_used=500,
    )  # fmt: skip

    text = shown(parked)

    assert "50,000/200,000" in text
    assert "budget used up; resumes tomorrow 06:10 UTC, ready in about 3 days" in text


def test_a_running_job_tells_its_rate_and_what_is_left() -> None:
    """A quarter took ten minutes: half an hour is left."""
    text = shown(job(records_done=300, records_total=1_200, calls_used=4))

    assert "300/1,200" in text
    assert "about 30 min left" in text


def test_nothing_is_forecast_from_next_to_nothing() -> None:
    """After the first page of a large shop any forecast would be a guess."""
    assert "left" not in shown(job(records_done=100, records_total=200_000, calls_used=1))


def test_what_was_read_twice_is_not_told_as_more_than_there_is() -> None:
    """A list that moves is looked at again from its head: 1,210 of 1,200 would puzzle anybody."""
    text = shown(job(records_done=1_210, records_total=1_200, calls_used=121))

    assert "1,200/1,200" in text
    assert "1,210" not in text


def test_verifying_says_what_random_old_pages_showed() -> None:
    """Below the table, of each entity of which enough was compared."""
    proven = {"platform": "etsy", "shop_id": "1", "ok": True, "status": "completed", "shortfall": ""}
    sampled = {"compared": 12_000, "differences": 0, "at": NOW.isoformat()}
    entities = [
        proven | {"entity": name, "sampled": told}
        for name, told in (("orders", sampled), ("payments", None), ("listings", sampled | {"compared": 2}))
    ]
    console = Console(width=200, force_terminal=False)
    with console.capture() as capture:
        console.print(progress.verification_table({"entities": entities}))

    lines = [line.strip() for line in capture.get().splitlines() if "can differ" in line]
    assert lines == ["etsy orders: fewer than 1 in 4,000 can differ from Etsy (95 %), as of 2026-11-22"]
