"""Starting a user's backfill from the web, and what it would cost beforehand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from execution import progress
from execution.errors import StoreError, UserError
from web import turns
from web.context import Web
from web.problems import Problem
from web.views import stable_word, status_of

_OPEN = ("waiting", "queued", "running", "parked")
_DEAD = ("disconnected",)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What to start; everything that is connected unless it says less. `since` reads the history from there on only."""

    platform: str | None = None
    entities: tuple[str, ...] = ()
    since: datetime | None = None
    again: bool = False


def start(web: Web, user_id: str, wanted: Wanted, *, trigger: str = "settings") -> dict[str, Any]:
    """Queue what is not open already, and ring. Answers {run_id, jobs: [{platform, entity, outcome}]}."""
    turns.take(web, user_id, turns.TRIGGER)
    again = wanted.again or wanted.since is not None
    if again:
        turns.take(web, user_id, turns.AGAIN)
    rows = jobs_of(web, status_of(web, user_id), wanted)
    try:
        answer: dict[str, Any] = web.app.store.rpc(
            "queue_backfill",
            p_user_id=user_id,
            p_trigger=trigger,
            p_jobs=rows,
            p_again=again,
            p_since=wanted.since.isoformat() if wanted.since else None,
        )
    except StoreError as error:
        _explain(error)
        raise
    web.manager.ring()
    return answer


def jobs_of(web: Web, status: Mapping[str, Any], wanted: Wanted) -> list[dict[str, Any]]:
    """The rows of the job table that this user's connected shops need. 404 for what is not connected."""
    connected = [account["platform"] for account in status["platforms"] if account["status"] not in _DEAD]
    if wanted.platform is not None and wanted.platform not in connected:
        raise Problem(404, "not_connected", "This platform is not connected.")
    if not connected:
        raise Problem(404, "not_connected", "No shop is connected.")
    try:
        return [
            row
            for name in ([wanted.platform] if wanted.platform else connected)
            if name in web.manager.table.jobs
            for row in web.manager.table.rows(name, status["plan"], wanted.entities)
        ]
    except UserError as error:
        raise Problem(422, "unknown_entity", error.message) from None


def estimate(web: Web, user_id: str, wanted: Wanted) -> dict[str, Any]:
    """What starting this would cost, by what the same reading cost before; null where nobody can know yet."""
    turns.take(web, user_id, turns.ESTIMATE)
    status = status_of(web, user_id)
    rows = jobs_of(web, status, wanted)
    newest = {(job["platform"], job["entity"]): job for job in status["jobs"]}
    now = datetime.fromisoformat(status["now"])
    again = wanted.again or wanted.since is not None
    jobs = [_forecast(row, newest.get((row["platform"], row["entity"])), again=again) for row in rows]
    platforms = [_ready(web, name, jobs, newest, now) for name in dict.fromkeys(job["platform"] for job in jobs)]
    known = [one["ready_at"] for one in platforms]
    return {
        "jobs": jobs,
        "platforms": platforms,
        "calls": sum(job["calls"] or 0 for job in jobs),
        "complete": all(job["calls"] is not None for job in jobs),
        "ready_at": max((at for at in known if at), default=None),
    }


def _forecast(row: Mapping[str, Any], before: Mapping[str, Any] | None, *, again: bool) -> dict[str, Any]:
    """One entity: what starting it does, and the calls that are still to come."""
    calls: int | None = None
    outcome = "queued"
    if before is not None and before["status"] in _OPEN:
        outcome, calls = "already running", _to_come(before)
    elif before is not None and before["status"] == "completed":
        outcome, calls = ("queued", int(before["calls_used"])) if again else ("already complete", 0)
    return {"platform": row["platform"], "entity": row["entity"], "outcome": outcome, "calls": calls}


def _to_come(job: Mapping[str, Any]) -> int | None:
    done = progress.share(job)
    return math.ceil(job["calls_used"] * (1 - done) / done) if done > 0.02 and job["calls_used"] else None


def _ready(
    web: Web, platform: str, jobs: list[dict[str, Any]], newest: Mapping[Any, Mapping[str, Any]], now: datetime
) -> dict[str, Any]:
    """A platform's calls against what backfills may call a day and a second."""
    calls = sum(job["calls"] or 0 for job in jobs if job["platform"] == platform)
    known = all(job["calls"] is not None for job in jobs if job["platform"] == platform)
    a_day = next((j.get("backfill_calls_per_day") for (name, _), j in newest.items() if name == platform), None)
    budget = web.app.budgets.get(platform)
    pace = budget.pace if budget is not None else None
    days = calls // a_day if a_day else 0
    seconds = (calls - days * a_day if a_day else calls) / pace if pace else 0
    wakes = [
        datetime.fromisoformat(job["run_after"])
        for (name, _), job in newest.items()
        if name == platform and job["status"] == "parked" and job["run_after"]
    ]
    ready = max([now, *wakes]) + timedelta(days=days, seconds=seconds)
    return {
        "platform": platform,
        "calls": calls,
        "calls_per_day": a_day,
        "days": days,
        "ready_at": ready.isoformat() if known else None,
    }


def _explain(error: StoreError) -> None:
    match stable_word(error):
        case "not_connected":
            raise Problem(404, "not_connected", "This platform is not connected.") from None
        case "unknown_user":
            raise Problem(404, "unknown_user", "There is no such user.") from None
