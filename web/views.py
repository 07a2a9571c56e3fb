"""What the routes and the pages show of one user, as facts. The user id always comes from a verified token."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from execution import operations
from execution.app import App
from execution.errors import StoreError
from execution.tokens.care import ending_soon
from web.problems import Problem

if TYPE_CHECKING:
    from web.context import Web

_REMEMBERED_S = 30.0


class Allowances:
    """What backfills may call a day, by platform: asked at most twice a minute, however many look."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, int | None]] = {}

    def of(self, platform: str) -> int | None:
        now = self._app.clock.monotonic()
        known = self._known.get(platform)
        if known is not None and now < known[0]:
            return known[1]
        with self._lock:
            value = operations.calls_per_day(self._app, platform) if platform in self._app.budgets else None
            self._known[platform] = (now + _REMEMBERED_S, value)
        return value


def status_of(web: Web, user_id: str, platform: str | None = None) -> dict[str, Any]:
    """The user's backfill, as `keeper backfill status --json` tells it. 404 for a user that is gone."""
    facts: dict[str, Any] | None = web.app.store.rpc("backfill_status", p_user_id=user_id)
    if facts is None:
        raise Problem(404, "unknown_user", "There is no such user.")
    return of_platform(_with_allowances(web, facts), platform)


def of_platform(facts: dict[str, Any], platform: str | None) -> dict[str, Any]:
    """The same of one platform alone."""
    parts = ("platforms", "jobs", "failures") if platform is not None else ()
    return facts | {name: [row for row in facts[name] if row["platform"] == platform] for name in parts}


def statuses_of(web: Web, user_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The same of several users, in one look."""
    found: dict[str, dict[str, Any] | None] = web.app.store.rpc("backfill_statuses", p_user_ids=list(user_ids))
    return {user_id: _with_allowances(web, facts) for user_id, facts in found.items() if facts is not None}


def connections_of(web: Web, user_id: str) -> list[dict[str, Any]]:
    """The shops that the user connected, however they are now; see SQL `connections`."""
    found: list[dict[str, Any]] = web.app.store.rpc("connections", p_user_id=user_id)
    ends = token_ends_of(web, user_id)
    return [row | {"token_ends_at": ends.get(row["platform"])} for row in found]


def token_ends_of(web: Web, user_id: str) -> dict[str, str]:
    """By platform: when a token ends that only the seller can replace, where that is soon."""
    return {row["platform"]: row["expires_at"] for row in ending_soon(web.app.store, user_id)}


def stable_word(error: StoreError) -> str:
    """The word that a SQL function raised."""
    return error.code


def _with_allowances(web: Web, facts: dict[str, Any]) -> dict[str, Any]:
    for job in facts["jobs"]:
        job["backfill_calls_per_day"] = web.allowances.of(job["platform"])
    return facts
