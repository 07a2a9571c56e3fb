"""What the routes and the pages show of one user, as facts. The user id always comes from a verified token."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from execution.connections.choice import matching, narrowed
from execution.connections.registration import standings
from execution.errors import StoreError
from execution.reports import deletions, sampled_truth
from execution.tokens.care import ending_soon
from web.context import Web
from web.problems import Problem, refusal_of

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
# A job that is there for less has not been waited for yet.
_SOON = timedelta(seconds=30)
# SQLSTATE of a name that is no time zone.
_INVALID_PARAMETER = "22023"
# SQLSTATE of a statement that ran into its time limit.
_OUT_OF_TIME = "57014"
# Of jobs and connections: texts for engineers, in which a library or a platform may have said anything. A browser is
# sent the code beside each, and the words that are written for sellers.
_FOR_ENGINEERS = frozenset({"error", "park_reason", "status_reason"})


def status_of(web: Web, user_id: str) -> dict[str, Any]:
    """The user's backfill, as `keeper backfill status --json` tells it, without what engineers read.

    404 for a user that is gone.
    """
    facts: dict[str, Any] | None = web.app.store.rpc("backfill_status", p_user_id=user_id)
    if facts is None:
        raise Problem(404, "unknown_user")
    return _for_sellers(web, facts)


def of_shops(facts: dict[str, Any], *, platform: str | None, shop_id: str | None) -> dict[str, Any]:
    """The same of one platform, or of one shop alone."""
    return narrowed(facts, matching(facts["connections"], platform=platform, shop_id=shop_id))


def statuses_of(web: Web, user_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The same of several users, in one query."""
    found: dict[str, dict[str, Any] | None] = web.app.store.rpc("backfill_statuses", p_user_ids=list(user_ids))
    return {user_id: _for_sellers(web, facts) for user_id, facts in found.items() if facts is not None}


def shops_of(web: Web, user_id: str) -> list[dict[str, Any]]:
    """The shops that the user connected, however they are now; see SQL `connections`."""
    found: list[dict[str, Any]] = web.app.store.rpc("connections", p_user_id=user_id)
    return [_told(row) for row in found]


def connections_of(web: Web, user_id: str) -> list[dict[str, Any]]:
    """The same, with when their tokens end."""
    found, ends = shops_of(web, user_id), token_ends_of(web, user_id)
    return [row | {"token_ends_at": ends.get(row["connection_id"])} for row in found]


def webhooks_of(web: Web, facts: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By connection: how the webhooks of the user's shops stand, where their platform has any."""
    return standings(web.app.store, facts["user_id"], facts["connections"])


def held_of(web: Web, user_id: str) -> dict[str, list[dict[str, Any]]]:
    """By connection: of which records so many seem to be gone that none went, and the seller is asked."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in deletions.held(web.app.store, user_id):
        found.setdefault(one["connection_id"], []).append(one)
    return found


def token_ends_of(web: Web, user_id: str) -> dict[str, str]:
    """By connection: when a token ends that only the seller can replace, where that is soon."""
    return {row["connection_id"]: row["expires_at"] for row in ending_soon(web.app.store, user_id)}


async def figures_of(
    web: Web,
    user_id: str,
    *,
    unit: str,
    zone: str,
    since: datetime,
    until: datetime | None = None,
    platforms: Sequence[str] = (),
) -> dict[str, Any]:
    """Sums by platform, currency and time; see SQL `figures`. 422 for a zone that the database does not know."""
    start, end = max(since, _BEGINNING).isoformat(), until and until.isoformat()
    chosen = {"platforms": list(platforms)} if platforms else {}

    def ask() -> dict[str, Any]:
        found: dict[str, Any] = web.app.store.rpc(
            "figures", p_user_id=user_id, p_unit=unit, p_zone=zone, p_since=start, p_until=end, p_filter=chosen
        )
        return found

    try:
        return await summed(web, user_id, ("figures", unit, zone, start, end, *platforms), ask)
    except StoreError as error:
        # Our list of zones may have one that the database's has not.
        if error.code == _INVALID_PARAMETER:
            raise Problem(422, "unknown_zone") from None
        raise


async def summed(web: Web, user_id: str, key: Hashable, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What costs the database more than a page of an index: equal questions of a user are one, and a user has few under
    way. 503 where it takes longer than it may.
    """
    try:
        return await web.questions.of(user_id, key, ask)
    except StoreError as error:
        if error.code == _OUT_OF_TIME:
            raise Problem(503, "figures_take_long", headers={"Retry-After": "60"}) from None
        raise refusal_of(error) from None


def _waits(job: Mapping[str, Any], now: str) -> bool:
    """Whether a worker could have taken it by now."""
    since = datetime.fromisoformat(now) - datetime.fromisoformat(job["created_at"])
    return bool(job["status"] == "queued" and since > _SOON)


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _FOR_ENGINEERS}


def _for_sellers(web: Web, facts: dict[str, Any]) -> dict[str, Any]:
    for name in ("connections", "jobs", "failures"):
        facts[name] = [_told(row) for row in facts[name]]
    facts["stands_still"] = any(_waits(job, facts["now"]) for job in facts["jobs"]) and web.movement.stands_still()
    for job in facts["jobs"]:
        job["sampled"] = sampled_truth.as_told(job.get("sampled"))
        job["backfill_calls_per_day"] = web.allowances.of(job["platform"])
    return facts
