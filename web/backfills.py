"""Starting a user's backfill from the web, and what it would cost beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from execution.errors import StoreError, UserError
from web import messages
from web.auth import rate_limits
from web.context import Web
from web.problems import Problem, refusal_of
from web.user_facts import status_of

_DEAD = ("disconnected",)


@dataclass(frozen=True, kw_only=True)
class BackfillRequest:
    """What to start; everything that is connected unless it says less. `since` reads the history from there on only."""

    platform: str | None = None
    entities: tuple[str, ...] = ()
    since: datetime | None = None
    again: bool = False


def start(web: Web, user_id: str, request: BackfillRequest, *, trigger: str = "settings") -> dict[str, Any]:
    """Queue what is not open already, and ring. Returns {run_id, jobs: [{platform, entity, outcome}]}."""
    rate_limits.count_action(web.app.store, user_id, rate_limits.BACKFILL)
    again = request.again or request.since is not None
    if again:
        rate_limits.count_action(web.app.store, user_id, rate_limits.BACKFILL_AGAIN)
    rows = job_rows(web, status_of(web, user_id), request)
    try:
        queued: dict[str, Any] = web.app.store.rpc(
            "queue_backfill",
            p_user_id=user_id,
            p_trigger=trigger,
            p_jobs=rows,
            p_rerun=again,
            p_since=request.since.isoformat() if request.since else None,
        )
    except StoreError as error:
        raise refusal_of(error) from None
    web.manager.ring()
    return queued


def job_rows(web: Web, status: Mapping[str, Any], request: BackfillRequest) -> list[dict[str, Any]]:
    """The rows of the job table that this user's connected shops need. 404 for what is not connected."""
    connected = [account["platform"] for account in status["platforms"] if account["status"] not in _DEAD]
    if request.platform is not None and request.platform not in connected:
        raise Problem(404, "not_connected")
    if not connected:
        raise Problem(404, "not_connected", messages.NO_SHOP_CONNECTED)
    try:
        return [
            row
            for name in ([request.platform] if request.platform else connected)
            if name in web.manager.table.jobs
            for row in web.manager.table.rows(name, status["plan"], request.entities)
        ]
    except UserError as error:
        raise Problem(422, "unknown_entity", error.message) from None


def estimate(web: Web, user_id: str, request: BackfillRequest) -> dict[str, Any]:
    """What starting this would cost: by what it cost before, else by the platform's count; null where neither tells."""
    rate_limits.count_action(web.app.store, user_id, rate_limits.ESTIMATE)
    status = status_of(web, user_id)
    again = request.again or request.since is not None
    rows = job_rows(web, status, request)
    return web.estimates.of(user_id, status, rows, again=again, since=request.since)
