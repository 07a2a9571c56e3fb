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
from execution.connections.choice import origins
from execution.jobs import CERTIFIED, OPEN, WITH_REJECTS
from execution.reports import sampled_truth
from execution.terminal import time_text

_LOOK_SECONDS = 0.5
_BAR_CELLS = 18
# Before this much is read, a guess at the rest would be worth nothing.
_LEAST_SHARE = 0.02
_MARKS = {
    "waiting": ("·", "dim"),
    "queued": ("○", "cyan"),
    "running": ("●", "cyan"),
    "parked": ("◔", "yellow"),
    "completed": ("✓", "green"),
    WITH_REJECTS: ("!", "yellow"),
    "failed": ("✗", "red"),
    "quarantined": ("✗", "red"),
}


def status_table(facts: Mapping[str, Any], now: datetime) -> RenderableType:
    """The whole status of a user as a table with bars, and what failed below it."""
    table = _table("", "entity", "", "records", "calls", "state")
    for column in table.columns[3:5]:
        column.justify = "right"
    origin = origins(facts["connections"])
    for job in facts["jobs"]:
        mark, style = _MARKS[job["status"]]
        table.add_row(
            Text(mark, style=style),
            f"{origin(job)} {job['entity']}",
            ProgressBar(total=1.0, completed=share(job), width=_BAR_CELLS, complete_style=style),
            _counts(job),
            str(job["calls_used"]),
            Text(_state(job, now), style=style),
        )
    lines: list[RenderableType] = [table]
    if not facts["jobs"]:
        lines = [Text("No backfill was started. Run `keeper backfill start`.")]
    lines += [
        Text(f"{origin(shop)} is paused; `keeper user resume` goes on.", style="yellow")
        for shop in facts["connections"]
        if shop.get("paused_at")
    ]
    lines += [
        Text(f"{origin(job)} {_wait(job, now)}", style="yellow") for job in facts["jobs"] if job["status"] == "parked"
    ]
    lines += [
        Text(f"{origin(f)} {f['entity']} {_became(f)} ({f['code']}): {f['message']}", style="red")
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
                break
            clock.sleep(_LOOK_SECONDS)
    if not console.is_terminal:
        console.line()  # rich ends the last line for a terminal alone
    return facts


def of_its_jobs(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Some shops' status, which is not the user's: another shop may still run, or have failed."""
    states = {job["status"] for job in facts["jobs"]}
    status = "completed" if states == {"completed"} else "failed"
    if states & set(OPEN):
        status = "in_progress"
    elif states and WITH_REJECTS in states and states <= set(CERTIFIED):
        status = WITH_REJECTS
    return {**facts, "backfill_status": status}


def _became(failure: Mapping[str, Any]) -> str:
    return "is not whole" if failure["status"] == WITH_REJECTS else "failed"


def verification_table(facts: Mapping[str, Any]) -> RenderableType:
    """The certificates, whether they still hold, and below them what does not."""
    if not facts["entities"]:
        return Text("Nothing to verify: the user has no connected shop.")
    table = _table("", "entity", "announced", "held", "rejected", "from", "to", "checks")
    for column in table.columns[2:5]:
        column.justify = "right"
    origin = origins(facts["entities"])
    for entity in facts["entities"]:
        certificate = entity.get("certificate") or {}
        checks = _checks(entity)
        table.add_row(
            Text("✓", style="green") if entity["ok"] else Text("✗", style="red"),
            f"{origin(entity)} {entity['entity']}",
            _number(certificate.get("provider_count")),
            _number(rows_held(certificate)) if certificate else "",
            _number(certificate.get("rejected")),
            _day(certificate.get("earliest")),
            _day(certificate.get("latest")),
            f"{sum(checks.values())}/{len(checks)}" if certificate else entity["status"],
        )
    complaints = (f"{origin(entity)} {line}" for entity in facts["entities"] for line in _complaints(entity))
    notes = (
        f"{origin(entity)} {entity['entity']}: {partial:,} landed in part; `keeper rejected list` says without what"
        for entity in facts["entities"]
        if (partial := in_part(entity.get("certificate") or {"checks": []}))
    )
    sampled = (
        f"{origin(entity)} {entity['entity']}: {told}"
        for entity in facts["entities"]
        if (told := sampled_truth.words(entity.get("sampled"), entity["platform"].title()))
    )
    sample = facts.get("sample", ())
    shops = {entity["connection_id"]: entity for entity in facts["entities"]} if sample else {}
    compared = (
        f"{origin(shops[one['connection_id']])} {one['entity']}: {one['compared']:,} records were read again now, "
        f"{one['differences']:,} differ"
        for one in sample
    )
    lines = (*notes, *sampled, *compared)
    return Group(table, *(Text(line, style="red") for line in complaints), *(Text(line) for line in lines))


_AGAIN = {
    "queued": "queued to be read again",
    "rerun_requested": "will be read again",
    "already_running": "is being read again",
    "already_complete": "was read again meanwhile",
}


def rows_held(certificate: Mapping[str, Any]) -> int:
    """Distinct records that came, less those that could not be mapped."""
    return int(certificate["distinct_keys"]) - int(certificate["rejected"])


def in_part(certificate: Mapping[str, Any]) -> int:
    """Records that landed without a member that could not be read."""
    return next((int(c["detail"]["partial"]) for c in certificate["checks"] if c["name"] == "members"), 0)


def _checks(entity: Mapping[str, Any]) -> dict[str, bool]:
    """Every check of an entity by name; a proof made anew outweighs the certificate's."""
    certificate = entity.get("certificate") or {}
    checks = {c["name"]: bool(c["ok"]) for c in (*certificate.get("checks", []), *entity.get("proofs", []))}
    # Known anew as the proofs are: what was kept aside may have landed since.
    return {**checks, "rejects": not entity["shortfall"]} if certificate else checks


def _complaints(entity: Mapping[str, Any]) -> list[str]:
    """Why an entity that has a certificate does not hold any more, in words."""
    name = entity["entity"]
    missing = (entity.get("audit") or {}).get("missing_rows", 0)
    lines = [f"{name}: {missing:,} records that were read are no rows now"] if missing else []
    if entity["shortfall"]:
        lines.append(f"{entity['shortfall']}: see `keeper rejected list`, then `keeper rejected replay`")
    lines += [
        f"{name}: {check} does not hold" for check, ok in _checks(entity).items() if not ok and check != "rejects"
    ]
    again = f"{name}: {_AGAIN[entity['outcome']]}" if "outcome" in entity else ""
    return [*lines, again] if again else lines


def _table(*headings: str) -> Table:
    """Columns that fit 80 cells; what is too long ends in an ellipsis rather than in a second line."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, no_wrap=True, overflow="ellipsis", header_style="dim")
    return table


def share(job: Mapping[str, Any]) -> float:
    """How much of a job is read, 0 to 1."""
    if job["status"] in CERTIFIED:
        return 1.0
    if job["records_total"]:
        return min(1.0, float(job["records_done"]) / float(job["records_total"]))
    return float(job["fraction"] or 0.0)


def _counts(job: Mapping[str, Any]) -> str:
    certificate = job["certificate"]
    if certificate:
        return f"{rows_held(certificate):,}"
    if job["records_total"] is not None:
        # A list that moves shows some records twice.
        return f"{min(job['records_done'], job['records_total']):,}/{job['records_total']:,}"
    return f"{job['records_done']:,}" if job["records_done"] else ""


def _state(job: Mapping[str, Any], now: datetime) -> str:
    match job["status"]:
        case "parked":
            return f"resumes {_when(datetime.fromisoformat(job['run_after']), now)}"
        case "running" | "queued" if job["started_at"]:
            return _pace(job, now)
        case "failed" | "quarantined":
            return str(job["error_code"])
        case _ if job["status"] == WITH_REJECTS:
            return f"not whole, {job['certificate']['rejected']} rejected"
        case "completed":
            # The certificate counts records, the job counts rejections: a window may have been read twice.
            rejected, partial = job["certificate"]["rejected"], in_part(job["certificate"])
            said = ["complete"] + ([f"{rejected} rejected"] if rejected else [])
            return ", ".join(said + ([f"{partial} in part"] if partial else []))
        case status:
            return str(status)


def _wait(job: Mapping[str, Any], now: datetime) -> str:
    """Why a job waits, when it goes on, and when it will be ready."""
    resumes = datetime.fromisoformat(job["run_after"])
    to_come = rest(job, now)
    ready = f", ready in {_span(max(resumes - now, timedelta()) + to_come)}" if to_come is not None else ""
    return f"{job['entity']}: {job['park_reason']}; resumes {_when(resumes, now)}{ready}"


def _pace(job: Mapping[str, Any], now: datetime) -> str:
    to_come = rest(job, now)
    if to_come is None:
        return "syncing"
    spent = (now - datetime.fromisoformat(job["started_at"])).total_seconds()
    return f"{_span(to_come)} left, {job['records_done'] / max(spent, 0.001):,.0f}/s"


def rest(job: Mapping[str, Any], now: datetime) -> timedelta | None:
    """What is still to come: a day for every day's worth of calls, or as long as the part before took."""
    done = share(job)
    if done < _LEAST_SHARE or not job["started_at"]:
        return None
    to_come, a_day = (1 - done) / done, job.get("backfill_calls_per_day")
    full_days = int(job["calls_used"] * to_come / a_day) if a_day else 0
    if full_days:
        return timedelta(days=full_days)
    return (now - datetime.fromisoformat(job["started_at"])) * to_come


def _when(moment: datetime, now: datetime) -> str:
    """A wake time as people say it."""
    local, today = moment.astimezone(), now.astimezone()
    if moment - now < timedelta(minutes=1):
        return f"in {max(0, round((moment - now).total_seconds()))} s"
    days = (local.date() - today.date()).days
    day = {0: "today", 1: "tomorrow"}.get(days, f"{local:%a %d %b}")
    return f"{day} {time_text(local)}"


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
