"""`keeper jobs`, `keeper tenants`, `keeper platforms`: across all users, for whoever operates the service."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from execution import operations
from execution.catalog import PLATFORMS
from execution.command_parts import Json, Platform, app
from execution.errors import UserError
from execution.operators import JobFilter, Operator, Operators
from execution.reports import operators as told
from execution.terminal import moment_text, show

Facts = Mapping[str, Any]

jobs = typer.Typer(help="Jobs of all users: found, ended, hurried, tried again.", no_args_is_help=True)
platforms = typer.Typer(help="Platforms, and leaving all shops of one alone.", no_args_is_help=True)

JobId = Annotated[str, typer.Argument(metavar="JOB", help="Its id, of `keeper jobs list`.")]
PlatformName = Annotated[str, typer.Argument(metavar="PLATFORM", help=f"One of: {', '.join(sorted(PLATFORMS))}.")]
_AGE = re.compile(r"(\d{1,5})([mhd])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_CURSOR = re.compile(r"([^,]+),([0-9a-f-]{36})", re.ASCII)


def _operators() -> Operators:
    return operations.operators(app())


def _operator() -> Operator:
    return Operator(name=operations.who_is_here())


@jobs.command("list", short_help="Jobs of all users, the newest first.")
def jobs_list(
    *,
    user_id: Annotated[str | None, typer.Option("--user", help="One user's, by id.")] = None,
    platform: Platform = None,
    entity: Annotated[str | None, typer.Option("--entity", help="Of one entity.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="backfill, incremental, refresh or sample.")] = None,
    state: Annotated[list[str] | None, typer.Option("--state", help="One; may be given again.")] = None,
    code: Annotated[str | None, typer.Option("--code", help="Why they ended, or wait.")] = None,
    older_than: Annotated[str | None, typer.Option("--older-than", help="Like 30m, 6h or 2d.")] = None,
    before: Annotated[str | None, typer.Option(help="The last line of the page before, to read on.")] = None,
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=500)] = 50,
    as_json: Json = False,
) -> None:
    """Jobs of all users that are all of what is named, the newest first."""
    wanted = JobFilter(
        user_id=user_id,
        platform=platform,
        entity=entity,
        kind=kind,
        states=state or (),
        code=code,
        older_than=_age(older_than),
    )
    found = _operators().jobs(wanted, before=_cursor(before), limit=limit)
    facts = {"jobs": found, "next": _next(found, "job_id", limit)}
    show(facts, as_json=as_json, text=told.jobs_list)


@jobs.command("show", short_help="One job, with all that is known of it.")
def jobs_show(job: JobId, *, as_json: Json = False) -> None:
    """One job: whose it is, how it stands, how far it is, what it waits for or failed by, and from where it goes on."""
    show(_operators().job(job), as_json=as_json, text=told.job_lines)


@jobs.command("retry", short_help="Try again what has failed.")
def jobs_retry(job: JobId, *, as_json: Json = False) -> None:
    """Ask for what a job has not brought once more: one that failed, was quarantined, or rejected too much."""
    facts = _operators().retry(job, trigger="command")
    show(facts, as_json=as_json, text=lambda one: f"{one['platform']} {one['entity']}: {one['outcome']}.")


@jobs.command("cancel", short_help="End an open job.")
def jobs_cancel(
    job: JobId, *, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False, as_json: Json = False
) -> None:
    """End an open job for good. What has landed stays; the seller reads that it was ended, and can start it again."""
    here = _operators()
    if not yes:
        show(here.job(job), as_json=False, text=told.job_lines)
        typer.confirm("End it?", abort=True)
    facts = here.cancel(job, _operator())
    show(facts, as_json=as_json, text=lambda one: f"Ended: {one['platform']} {one['entity']} of {one['email']}.")


@jobs.command("run-now", short_help="Let a job that waits go on now.")
def jobs_run_now(job: JobId, *, as_json: Json = False) -> None:
    """Let a job wait for its time no longer: it is the next of its equals. The day's calls are asked as ever."""
    facts = _operators().hurry(job, _operator())
    show(facts, as_json=as_json, text=lambda one: f"Next: {one['platform']} {one['entity']} of {one['email']}.")


def tenants(
    *,
    search: Annotated[
        str | None, typer.Option(help="Part of an address or of a shop's name, a user's or a shop's id.")
    ] = None,
    before: Annotated[str | None, typer.Option(help="The last line of the page before, to read on.")] = None,
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=500)] = 50,
    as_json: Json = False,
) -> None:
    """Users, the newest first: plan, shops, up to when all is known, what failed, and calls of the last day."""
    found = _operators().tenants(search=search, before=_cursor(before), limit=limit)
    facts = {"tenants": found, "next": _next(found, "user_id", limit)}
    show(facts, as_json=as_json, text=told.tenants_list)


@platforms.command("list", short_help="Which platforms there are, and which are paused.")
def platforms_list(*, as_json: Json = False) -> None:
    """Which platforms there are, and which are paused, since when and by whom."""
    paused = _operators().paused_platforms()
    facts = [{"platform": name, "paused": paused.get(name)} for name in sorted(PLATFORMS)]
    show(facts, as_json=as_json, text=_platforms)


@platforms.command("pause", short_help="Leave all shops of a platform alone.")
def platforms_pause(platform: PlatformName, *, as_json: Json = False) -> None:
    """Leave all shops of a platform alone, until `resume`: no calls, nothing lost; what webhooks tell waits."""
    facts = _operators().pause_platform(platform, _operator())
    show(facts, as_json=as_json, text=lambda one: f"Paused; {one['stopped']} jobs were under way and wait.")


@platforms.command("resume", short_help="Take them up again.")
def platforms_resume(platform: PlatformName, *, as_json: Json = False) -> None:
    """Take up what was paused, where it stood."""
    facts = _operators().resume_platform(platform, _operator())
    show(facts, as_json=as_json, text=lambda one: f"Resumed; {one['queued']} jobs go on.")


def _platforms(facts: Sequence[Facts]) -> str:
    lines = []
    for one in facts:
        paused = one["paused"]
        since = moment_text(datetime.fromisoformat(paused["paused_at"])) if paused else ""
        lines.append(f"{one['platform']}: " + (f"paused since {since} by {paused['paused_by']}" if paused else "read"))
    return "\n".join(lines)


def _age(text: str | None) -> timedelta | None:
    if text is None:
        return None
    match = _AGE.fullmatch(text)
    if match is None:
        raise UserError(f"{text!r} is no age.", hint="Write it like 30m, 6h or 2d.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _next(found: Sequence[Facts], key: str, limit: int) -> str | None:
    return f"{found[-1]['created_at']},{found[-1][key]}" if len(found) == limit else None


def _cursor(text: str | None) -> dict[str, str] | None:
    if text is None:
        return None
    match = _CURSOR.fullmatch(text)
    moment = operations.moment(match[1]) if match else None
    if match is None or moment is None:
        raise UserError(f"{text!r} is where no page ended.", hint="Take it as the page before says it.")
    return {"created_at": moment.isoformat(), "id": match[2]}
