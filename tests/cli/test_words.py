"""What people read on a terminal, from facts alone."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from execution.clock import SystemClock
from execution.reports import costs, estimates, progress
from tests.web.pages.facts import NOW, completed, failed, job, later, status


def _estimate(entity: str, outcome: str, calls: int | None, reason: str = "") -> dict[str, Any]:
    named = {"platform": "etsy", "shop_id": "1", "entity": entity}
    return named | {"outcome": outcome, "calls": calls, "reason": reason}


def test_a_dry_run_says_nothing_was_queued() -> None:
    """Calls as people count them, what nobody can know with its reason, and a sum that claims no more than it knows."""
    jobs = [
        _estimate("orders", "already_complete", 0),
        _estimate("listings", "queued", 1),
        _estimate("payments", "queued", None, "The platform does not answer just now."),
        _estimate("customers", "already_running", 0),
    ]
    platform = {"platform": "etsy", "calls": 1, "calls_per_day": 5000, "ready_at": None}

    lines = estimates.as_text({"jobs": jobs, "platforms": [platform]}).splitlines()

    assert lines == [
        "etsy orders: already complete",
        "etsy listings: about 1 call",
        "etsy payments: calls not known. The platform does not answer just now.",
        "etsy customers: already running, no calls",
        "etsy in all: at least 1 call of 5,000 a day",
        "Nothing was started.",
    ]


def test_a_platform_that_is_watched_ends_by_itself() -> None:
    """Whatever becomes of the user's other platforms."""
    whole = status(completed()) | {"backfill_status": "in_progress"}

    assert progress.of_its_jobs(whole)["backfill_status"] == "completed"
    assert progress.of_its_jobs(whole | {"jobs": [completed(), job("payments")]})["backfill_status"] == "in_progress"
    assert progress.of_its_jobs(whole | {"jobs": [completed(), failed("payments")]})["backfill_status"] == "failed"
    assert progress.of_its_jobs(whole | {"jobs": []})["backfill_status"] == "failed"


def test_a_watch_that_is_no_terminal_ends_its_last_line() -> None:
    """What the shell prints next starts on a line of its own."""
    paper = io.StringIO()
    facts = status(completed()) | {"backfill_status": "completed", "failures": []}

    progress.watch(lambda: facts, console=Console(file=paper, width=80), clock=SystemClock())

    assert paper.getvalue().endswith("complete\n")


def test_a_wait_is_told_with_its_end() -> None:
    waits = job(status="parked", run_after=later(seconds=30), park_reason="throttled", fraction=None)
    result = io.StringIO()

    Console(file=result, width=80).print(progress.status_table(status(waits) | {"failures": []}, NOW))

    assert "etsy orders: throttled; resumes in 30 s" in result.getvalue()


def test_costs_are_counted_in_words_one_by_one() -> None:
    """One order is no orders; what is left out of the profit is said."""
    total = {
        **dict.fromkeys(("orders", "linked", "no_cost_yet", "ambiguous", "revenue", "refunds", "fees"), 0),
        "platform": "etsy",
        "currency": "EUR",
        "cost": 0,
        "profit": 0,
        "two_currencies": 1,
        "at_a_loss": 2,
    }
    spent = {"state": "unlinked", "reason": "no_sale", "source": "printify", "count": 1, "cost": 99, "currency": "USD"}
    facts = {"totals": [total], "rules": {}, "spent": [spent], "open": [], "orders": [], "digits": {}}
    out = io.StringIO()

    Console(file=out, width=120).print(costs.tables(facts))

    said = out.getvalue()
    assert "1 etsy order (EUR) with parts in another currency: no profit is told there." in said
    assert "2 etsy orders (EUR) made a loss." in said
    assert "1 printify order, 0.99 USD: a manual or sample order: nobody bought it" in said
