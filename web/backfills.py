"""Starting a user's backfill from the web, and what it would cost beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from execution.errors import StoreError, UserError
from web import turns
from web.context import Web
from web.problems import Problem
from web.views import stable_word, status_of

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
            p_rerun=again,
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
    """What starting this would cost: by what it cost before, else by the platform's count; null where neither tells."""
    turns.take(web, user_id, turns.ESTIMATE)
    status = status_of(web, user_id)
    again = wanted.again or wanted.since is not None
    rows = jobs_of(web, status, wanted)
    return web.estimates.of(user_id, status, rows, again=again, since=wanted.since)


def _explain(error: StoreError) -> None:
    match stable_word(error):
        case "not_connected":
            raise Problem(404, "not_connected", "This platform is not connected.") from None
        case "unknown_user":
            raise Problem(404, "unknown_user", "There is no such user.") from None
