"""What administrators' pages show: facts in, text out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from execution.jobs import OPEN
from execution.operators import RETRIED
from web import messages
from web.pages.formats import Formats

Facts = Mapping[str, Any]
NOBODY_KNOWS = "–"


@dataclass(frozen=True, kw_only=True)
class JobLine:
    """A job of anybody's. `acts`: what can be done to it now."""

    job_id: str
    user_id: str
    email: str
    shop: str
    what: str
    state: str
    why: str
    made: str
    done: str
    acts: tuple[tuple[str, str], ...]


def job_line(job: Facts, formats: Formats) -> JobLine:
    acts = []
    if job["status"] in RETRIED:
        acts.append(("retry", "Try again"))
    if job["status"] in ("queued", "parked"):
        acts.append(("run-now", "Run now"))
    if job["status"] in OPEN:
        acts.append(("cancel", "Cancel"))
    return JobLine(
        job_id=job["job_id"],
        user_id=job["user_id"],
        email=job["email"] or NOBODY_KNOWS,
        shop=f"{messages.platform_title(job['platform'])} {job['shop_name'] or job['shop_id']}",
        what=f"{messages.entity_title(job['entity'])}, {job['job_type']}",
        state="paused" if job["status"] == "waiting" and job["is_paused"] else job["status"],
        why=job["error_code"] or job["park_code"] or "",
        made=_ago(job["created_at"], formats),
        done=_done(job, formats),
        acts=tuple(acts),
    )


def job_facts(job: Facts, formats: Formats) -> list[tuple[str, str]]:
    """All that is known of one, by name."""
    found = [
        ("Run", job["run_id"]),
        ("Asked for by", job["trigger"]),
        ("Plan", job["plan"]),
        ("Begun", _ago(job["started_at"], formats)),
        ("Ended", _ago(job["finished_at"], formats)),
        ("Goes on", _ago(job["run_after"], formats)),
        ("Worked by", job["leased_by"] if job["status"] == "running" else ""),
        ("Waits for", job["park_reason"]),
        ("Failed by", job["error"]),
        ("Tried in vain", formats.number(job["attempts"])),
        ("Workers that died", formats.number(job["deaths"])),
        ("Pages", formats.number(job["page_seq"])),
        ("Calls", formats.number(job["calls_used"])),
        ("Rejected records", formats.number(job["records_rejected"])),
        ("Goes on from", str(job["cursor"]) if job["cursor"] else ""),
    ]
    return [(name, str(value)) for name, value in found if value]


@dataclass(frozen=True, kw_only=True)
class TenantLine:
    user_id: str
    email: str
    plan: str
    shops: tuple[str, ...]
    backfill: str
    known: str
    late: int
    open: int
    failing: int
    calls: str
    is_paused: bool


def tenant_line(one: Facts, formats: Formats) -> TenantLine:
    return TenantLine(
        user_id=one["user_id"],
        email=one["email"] or NOBODY_KNOWS,
        plan=one["plan"],
        shops=tuple(shop_line(shop) for shop in one["shops"]),
        backfill=one["backfill_status"].replace("_", " "),
        known=_ago(one["known_until"], formats) or NOBODY_KNOWS,
        late=one["late"],
        open=one["open"],
        failing=one["failing"],
        calls=", ".join(
            f"{messages.platform_title(name)} {formats.number(calls)}" for name, calls in sorted(one["calls"].items())
        ),
        is_paused=bool(one["paused_at"]),
    )


@dataclass(frozen=True, kw_only=True)
class RunLine:
    run_id: str
    kind: str
    state: str
    made: str
    by: str
    did: str
    calls: str
    may_be_undone: bool


def run_line(run: Facts, formats: Formats) -> RunLine:
    did = [
        f"{messages.entity_title(name)}: {changed}"
        for name, counts in sorted(run["tables"].items())
        if (changed := _counts(counts, formats))
    ]
    return RunLine(
        run_id=run["run_id"],
        kind=run["kind"],
        state=run["state"],
        made=_ago(run["created_at"], formats),
        by=run["trigger"],
        did="; ".join(did) or "nothing changed",
        calls=formats.number(run["calls"]),
        may_be_undone=run["kept_because"] is None and bool(run["tables"]),
    )


@dataclass(frozen=True, kw_only=True)
class ScopeLine:
    """A day of calls that a platform counts together."""

    name: str
    per_day: str
    used: tuple[tuple[str, str], ...]
    reserved: str
    frees: str
    blocked: str


def scope_line(scope: Facts, formats: Formats) -> ScopeLine:
    frees = scope["frees"][0] if scope["frees"] else None
    blocked = scope["blocked_until"]
    return ScopeLine(
        name=scope["scope"],
        per_day=formats.number(scope["per_day"]) if scope["per_day"] else "as declared",
        used=tuple((name, formats.number(calls)) for name, calls in scope["used"].items() if calls),
        reserved=formats.number(sum(one["calls"] for one in scope["reserved"])),
        frees=f"{formats.number(frees['calls'])} {formats.when(datetime.fromisoformat(frees['at']))}" if frees else "",
        blocked=f"until {formats.when(datetime.fromisoformat(blocked))}: {scope['blocked_reason']}" if blocked else "",
    )


def counted(pairs: Mapping[str, int], formats: Formats) -> list[tuple[str, str]]:
    return [(name, formats.number(count)) for name, count in sorted(pairs.items())]


def beats(facts: Mapping[str, Facts]) -> list[tuple[str, str]]:
    """Each kind of process: how many live, and how long ago one was heard."""
    found = []
    for kind, one in sorted(facts.items()):
        heard = f", heard {round(one['age_seconds'])} s ago" if one["age_seconds"] is not None else ", never heard"
        found.append((kind, f"{one['alive']} alive{heard}"))
    return found


def _counts(counts: Mapping[str, int], formats: Formats) -> str:
    told = [f"{formats.number(counts[kind])} {kind}" for kind in ("created", "changed", "deleted") if counts.get(kind)]
    return ", ".join(told)


def shop_line(shop: Facts) -> str:
    stands = "" if shop["status"] == "connected" else f", {shop['status'].replace('_', ' ')}"
    paused = ", paused" if shop["paused_at"] else ""
    return f"{messages.platform_title(shop['platform'])} {shop['shop_name'] or shop['shop_id']}{stands}{paused}"


def _done(job: Facts, formats: Formats) -> str:
    total = f" of {formats.number(job['records_total'])}" if job["records_total"] is not None else ""
    return f"{formats.number(job['records_done'])}{total}"


def _ago(at: str | None, formats: Formats) -> str:
    return formats.ago(datetime.fromisoformat(at)) if at else ""
