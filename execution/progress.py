"""How a backfill looks to a person: bars with counts, rate and an ETA that knows the budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from execution.clock import Clock

_LOOK_SECONDS = 0.5
_MARKS = {
    "waiting": ("·", "dim"),
    "queued": ("○", "cyan"),
    "running": ("●", "cyan"),
    "parked": ("◔", "yellow"),
    "completed": ("✓", "green"),
    "failed": ("✗", "red"),
    "quarantined": ("✗", "red"),
}


def status_table(facts: Mapping[str, Any], now: datetime) -> RenderableType:
    """The whole status of a user as a table with bars, and what failed below it."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("", "entity", "", "records", "calls", "state"):
        table.add_column(heading)
    for job in facts["jobs"]:
        mark, style = _MARKS[job["status"]]
        table.add_row(
            Text(mark, style=style),
            f"{job['platform']} {job['entity']}",
            ProgressBar(total=1.0, completed=_share(job), width=24, complete_style=style),
            _counts(job),
            str(job["calls_used"]),
            Text(_state(job, now), style=style),
        )
    lines: list[RenderableType] = [table]
    if not facts["jobs"]:
        lines = [Text("No backfill was started. Run `keeper backfill start`.")]
    lines += [
        Text(f"{f['platform']} {f['entity']} failed ({f['code']}): {f['message']}", style="red")
        for f in facts["failures"]
    ]
    return Group(*lines)


def watch(look: Callable[[], Mapping[str, Any]], *, console: Console, clock: Clock) -> Mapping[str, Any]:
    """Redraw the status until the backfill has ended; answers the last status."""
    with Live(console=console, auto_refresh=False, transient=False) as live:
        while True:
            facts = look()
            live.update(status_table(facts, datetime.fromisoformat(facts["now"])), refresh=True)
            if facts["backfill_status"] != "in_progress":
                return facts
            clock.sleep(_LOOK_SECONDS)


def verification_table(facts: Mapping[str, Any]) -> RenderableType:
    """The certificates, and whether they still hold."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("", "entity", "platform says", "we hold", "rejected", "from", "to", "checks"):
        table.add_column(heading)
    for entity in facts["entities"]:
        certificate = entity.get("certificate") or {}
        checks = [*certificate.get("checks", []), *entity.get("proofs", [])]
        table.add_row(
            Text("✓", style="green") if entity["ok"] else Text("✗", style="red"),
            f"{entity['platform']} {entity['entity']}",
            _number(certificate.get("provider_count")),
            _number(certificate.get("distinct_keys")),
            _number(certificate.get("rejected")),
            _day(certificate.get("earliest")),
            _day(certificate.get("latest")),
            ", ".join(dict.fromkeys(c["name"] for c in checks)) if certificate else entity["status"],
        )
    return table


def _share(job: Mapping[str, Any]) -> float:
    if job["status"] == "completed":
        return 1.0
    if job["records_total"]:
        return min(1.0, float(job["records_done"]) / float(job["records_total"]))
    return float(job["fraction"] or 0.0)


def _counts(job: Mapping[str, Any]) -> str:
    certificate = job["certificate"]
    if certificate:
        return f"{certificate['distinct_keys']:,}"
    if job["records_total"] is not None:
        return f"{job['records_done']:,}/{job['records_total']:,}"
    return f"{job['records_done']:,}" if job["records_done"] else ""


def _state(job: Mapping[str, Any], now: datetime) -> str:
    match job["status"]:
        case "parked":
            return f"{job['park_reason']}, resumes {_when(datetime.fromisoformat(job['run_after']), now)}"
        case "running" | "queued" if job["started_at"]:
            return f"syncing{_eta(job, now)}"
        case "failed" | "quarantined":
            return str(job["error_code"])
        case "completed":
            rejected = job["records_rejected"]
            return f"complete, {rejected} rejected" if rejected else "complete"
        case status:
            return str(status)


def _eta(job: Mapping[str, Any], now: datetime) -> str:
    """Ready when the rest goes as the part before went, waiting for the budget included."""
    share = _share(job)
    if share < 0.02:
        return ""
    spent = (now - datetime.fromisoformat(job["started_at"])).total_seconds()
    rate = job["records_done"] / max(spent, 0.001)
    return f", {rate:,.0f}/s, ready in {_span(timedelta(seconds=spent / share * (1 - share)))}"


def _when(moment: datetime, now: datetime) -> str:
    """A wake time as people say it."""
    local, today = moment.astimezone(), now.astimezone()
    if moment - now < timedelta(minutes=1):
        return f"in {max(0, round((moment - now).total_seconds()))} s"
    days = (local.date() - today.date()).days
    day = {0: "today", 1: "tomorrow"}.get(days, f"{local:%a %d %b}")
    return f"{day} {local:%H:%M}"


def _span(span: timedelta) -> str:
    seconds = round(span.total_seconds())
    if seconds < 90:
        return f"{seconds} s"
    if seconds < 5400:
        return f"about {round(seconds / 60)} min"
    if seconds < 36 * 3600:
        return f"about {round(seconds / 3600)} h"
    return f"about {round(seconds / 86400)} days"


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _day(text: str | None) -> str:
    return text[:10] if text else ""
