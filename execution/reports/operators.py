"""Jobs and tenants as operators read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from execution.terminal import moment_text

Facts = Mapping[str, Any]
_NOT_KNOWN, _NONE = "nobody knows", "None."
_COUNTED = (("late", "late"), ("open", "jobs open"), ("failing", "failing"))


def jobs_list(facts: Facts) -> str:
    """A page of jobs, two lines each, with why it waits or failed, and where the next page begins."""
    lines = []
    for one in facts["jobs"]:
        shop = f"{one['platform']} {one['shop_name'] or one['shop_id']}"
        why = one["error_code"] or one["park_code"] or ""
        lines += [
            f"{_state(one)}{f' ({why})' if why else ''}: {one['job_type']} of {one['entity']}, {shop}, {one['email']}",
            f"  {one['job_id']}  made {_moment(one['created_at'])}, done {_done(one)}",
        ]
    return "\n".join(lines + _more(facts)) or _NONE


def job_lines(job: Facts) -> RenderableType:
    """One job, a line a fact."""
    table = Table(box=None, pad_edge=False, show_header=False)
    shop = f"{job['platform']} {job['shop_name'] or job['shop_id']} (connection {job['connection_id']})"
    for name, value in (
        ("job", f"{job['job_id']}, run {job['run_id']}, asked for by {job['trigger']}"),
        ("of", f"{job['email']} ({job['user_id']}), plan {job['plan']}"),
        ("shop", shop),
        ("what", f"{job['job_type']} of {job['entity']}"),
        ("state", _state(job)),
        ("made", _moment(job["created_at"])),
        ("begun", _moment(job["started_at"])),
        ("ended", _moment(job["finished_at"])),
        ("goes on", _moment(job["run_after"])),
        ("worked by", job["leased_by"] if job["status"] == "running" else None),
        ("waits for", _why(job["park_code"], job["park_reason"])),
        ("failed by", _why(job["error_code"], job["error"])),
        ("tried", f"{job['attempts']} times in vain, {job['deaths']} workers died"),
        ("done", f"{_done(job)}, {job['page_seq']:,} pages, {job['calls_used']:,} calls"),
        ("rejected", f"{job['records_rejected']:,}" if job["records_rejected"] else None),
        ("goes on from", str(job["cursor"]) if job["cursor"] else None),
    ):
        if value:
            table.add_row(Text(name, style="dim"), str(value))
    return table


def tenants_list(facts: Facts) -> str:
    """A page of users, some lines each, and where the next one begins."""
    lines = []
    for one in facts["tenants"]:
        calls = ", ".join(f"{calls:,} of {platform}" for platform, calls in sorted(one["calls"].items())) or "none"
        stands = [f"backfill {one['backfill_status']}", f"all known until {_moment(one['known_until']) or _NOT_KNOWN}"]
        stands += [f"{one[name]} {words}" for name, words in _COUNTED if one[name]]
        lines += [
            f"{one['email']}, plan {one['plan']}{', paused' if one['paused_at'] else ''}: {'; '.join(stands)}",
            f"  {one['user_id']}  calls of the last day: {calls}",
            *(f"  {_shop(shop)}" for shop in one["shops"]),
        ]
    return "\n".join(lines + _more(facts)) or _NONE


def _more(facts: Facts) -> list[str]:
    return [f"More: --before {facts['next']}"] if facts["next"] else []


def _shop(shop: Facts) -> str:
    stands = ", paused" if shop["paused_at"] else ""
    stands += f", {shop['status']}" if shop["status"] != "connected" else ""
    return f"{shop['platform']} {shop['shop_name'] or shop['shop_id']}{stands}"


def _state(job: Facts) -> str:
    return "paused" if job["status"] == "waiting" and job["is_paused"] else str(job["status"])


def _done(job: Facts) -> str:
    total = f" of {job['records_total']:,}" if job["records_total"] is not None else ""
    return f"{job['records_done']:,}{total}"


def _why(code: str | None, text: str | None) -> str:
    return f"{code}: {text}" if code and text else code or text or ""


def _moment(at: str | None) -> str:
    return moment_text(datetime.fromisoformat(at)) if at else ""
