"""Starting a user's backfill from the web, and what it would cost beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from execution.connections.choice import chosen
from execution.errors import StoreError, UserError
from web import messages
from web.auth import rate_limits
from web.context import Web
from web.problems import Problem, refusal_of
from web.user_facts import status_of

_DEAD = ("disconnected",)


@dataclass(frozen=True, kw_only=True)
class BackfillRequest:
    """What to start; every shop that is connected unless it says less. `since` reads the history from there on only."""

    platform: str | None = None
    shop_id: str | None = None
    entities: tuple[str, ...] = ()
    since: datetime | None = None
    again: bool = False


def start(web: Web, user_id: str, request: BackfillRequest, *, trigger: str = "settings") -> dict[str, Any]:
    """Queue what is not open already, and ring. Returns what SQL `queue_jobs` tells."""
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
    alive = {**status, "connections": [one for one in status["connections"] if one["status"] not in _DEAD]}
    shops = shops_of(alive, platform=request.platform, shop_id=request.shop_id)
    try:
        return [
            row
            for shop in shops
            if shop["platform"] in web.manager.table.jobs
            for row in web.manager.table.rows(shop, status["plan"], request.entities)
        ]
    except UserError as error:
        raise Problem(422, "unknown_entity", error.message) from None


def shops_of(status: Mapping[str, Any], *, platform: str | None, shop_id: str | None) -> list[Mapping[str, Any]]:
    """The connections that a caller means: 404 where there is none, 422 where a shop's id alone means two."""
    if platform is not None and platform not in {one["platform"] for one in status["connections"]}:
        raise Problem(404, "not_connected")
    try:
        return chosen(status, platform=platform, shop_id=shop_id)
    except UserError as error:
        if error.code == "ambiguous_shop":
            raise Problem(422, error.code, f"{error.message} {error.hint}") from None
        if error.code == "unknown_shop":
            raise Problem(404, error.code, f"There is no such shop. {error.hint}") from None
        raise Problem(404, "not_connected", messages.NO_SHOP_CONNECTED) from None


def estimate(web: Web, user_id: str, request: BackfillRequest) -> dict[str, Any]:
    """What starting this would cost: by what it cost before, else by the platform's count; null where neither tells."""
    rate_limits.count_action(web.app.store, user_id, rate_limits.ESTIMATE)
    status = status_of(web, user_id)
    again = request.again or request.since is not None
    rows = job_rows(web, status, request)
    return web.estimates.of(user_id, status, rows, again=again, since=request.since)
