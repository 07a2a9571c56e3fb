"""What administrators' routes and pages share: asking operators' rules, and starting a user's syncs, on record."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from execution import operations, runs
from execution.errors import StoreError, UserError
from execution.jobs import OPEN
from execution.operators import JobFilter
from web.admin.administrators import pseudonym, record
from web.auth import rate_limits
from web.backfills import BackfillRequest, job_rows, shops_of
from web.context import Web
from web.problems import Problem, refusal_of
from web.user_facts import status_of

_T = TypeVar("_T")
_STATUS = {
    "later_runs": 409,
    "unknown_job": 404,
    "unknown_platform": 404,
    "unknown_run": 404,
    "unknown_state": 422,
    "unknown_user": 404,
    "too_many_rows": 422,
    "wrong_shop_name": 422,
}
_CURSOR = re.compile(r"([0-9T:.+Z-]{19,40}),([0-9a-f-]{36})", re.ASCII)
# Where orders began, for whoever asks for all of them.
FIRST_ORDERS = datetime(2018, 1, 1, tzinfo=UTC)
TRIGGER = "admin"
# Of rejected records: how many are shown, and how much of each.
_MOST_RECORDS, _MOST_BYTES = 20, 4000


def asked(ask: Callable[[], _T]) -> _T:
    """What the rules answer; what they refuse is told in their own words: an administrator reads them."""
    try:
        return ask()
    except UserError as error:
        detail = f"{error.message} {error.hint or ''}".strip()
        raise Problem(_STATUS.get(error.code, 409 if error.code else 422), error.code or "refused", detail) from None
    except StoreError as error:
        raise refusal_of(error) from None


def after(found: Sequence[Mapping[str, Any]], key: str, limit: int) -> str | None:
    """Where the next page begins."""
    return f"{found[-1]['created_at']},{found[-1][key]}" if len(found) == limit else None


def _before(text: str) -> dict[str, str] | None:
    if not text:
        return None
    match = _CURSOR.fullmatch(text)
    if match is not None:
        with suppress(ValueError):
            return {"created_at": datetime.fromisoformat(match[1]).isoformat(), "id": str(UUID(match[2]))}
    raise Problem(422, "invalid_input", "`before` is `next` of the page before.")


def jobs(web: Web, wanted: JobFilter, *, before: str = "", limit: int = 50) -> list[dict[str, Any]]:
    return asked(lambda: web.operators.jobs(wanted, before=_before(before), limit=limit))


def tenants(web: Web, *, search: str, before: str = "", limit: int = 50) -> list[dict[str, Any]]:
    plain = search.replace("\0", "")
    return asked(lambda: web.operators.tenants(search=plain, before=_before(before), limit=limit))


def open_jobs(web: Web, user_id: str) -> list[dict[str, Any]]:
    """A user's jobs that have not ended. 404 for a user that is not there."""
    status_of(web, user_id)
    return jobs(web, JobFilter(user_id=user_id, states=OPEN), limit=500)


def retry(web: Web, admin_id: str, job_id: str) -> dict[str, Any]:
    """On record before it is done; 404 for a job that is not there."""
    rate_limits.count_action(web.app.store, admin_id, rate_limits.ADMIN_RESYNC)
    job = asked(lambda: web.operators.job(job_id))
    details = {"job_id": job_id, "entity": job["entity"], "job_type": job["job_type"]}
    record(web, admin_id, "retry_job", UUID(job["user_id"]), details)
    return asked(lambda: web.operators.retry(job_id, trigger=TRIGGER))


def begin(web: Web, admin_id: str, action: str, user_id: str, wanted: BackfillRequest, **more: Any) -> None:
    """Before it is done it is on record, and counted. 404 for a user that is not there."""
    rate_limits.count_action(web.app.store, admin_id, rate_limits.ADMIN_RESYNC)
    record(web, admin_id, action, UUID(user_id), {**_details(wanted), **more})


def backfill(web: Web, user_id: str, wanted: BackfillRequest) -> dict[str, Any]:
    """What is missing of a user's shops is loaded; all of it once more where that is asked for."""
    queued: dict[str, Any] = web.app.store.rpc(
        "queue_backfill",
        p_user_id=user_id,
        p_trigger=TRIGGER,
        p_jobs=job_rows(web, status_of(web, user_id), wanted),
        p_rerun=wanted.again or wanted.since is not None,
        p_since=wanted.since.isoformat() if wanted.since else None,
    )
    web.manager.ring()
    return queued


def rounds(web: Web, user_id: str, wanted: BackfillRequest) -> dict[str, Any]:
    """What is new in a user's shops is looked for now."""
    shops = shops_of(status_of(web, user_id), platform=wanted.platform, shop_id=wanted.shop_id)
    return asked(lambda: web.orchestrator.sync_shops(user_id, shops, entities=wanted.entities, trigger=TRIGGER))


def refresh(web: Web, user_id: str, wanted: BackfillRequest, *, confirm: str) -> dict[str, Any]:
    """One shop is read anew beside what is there; `confirm` is its name."""
    shops = shops_of(status_of(web, user_id), platform=wanted.platform, shop_id=wanted.shop_id)
    if len(shops) != 1:
        raise Problem(422, "ambiguous_shop", "A full refresh is of one shop: name it by platform and shop_id.")
    one = {"platform": shops[0]["platform"], "shop_id": shops[0]["shop_id"]}
    return asked(lambda: web.refreshes.start(user_id, confirm=confirm, trigger=TRIGGER, **one))


def roll_back(web: Web, admin_id: str, user_id: str, run_id: str, *, with_later: bool, dry_run: bool) -> dict[str, Any]:
    """A run of this user's is taken back; another's is not there. It is on record with its rollback."""
    return asked(
        lambda: runs.roll_back(
            web.app.store, run_id, actor=pseudonym(admin_id), user_id=user_id, with_later=with_later, dry_run=dry_run
        )
    )


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """A record that could not be mapped, with the beginning of its bytes as text."""

    platform_id: str
    reason: str
    status: str
    seen: str
    text: str


def rejected_of(web: Web, job: Mapping[str, Any]) -> list[Rejected]:
    """Of this job's shop and entity: what was rejected or landed in part, the newest last."""
    named = {"platform": job["platform"], "shop_id": job["shop_id"]}
    found = asked(lambda: operations.rejected(web.app, user_id=job["user_id"], **named))
    return [
        Rejected(
            platform_id=one["platform_id"] or "",
            reason=one["reason"],
            status=one["status"],
            seen=one["first_seen_at"],
            text=base64.b64decode(one["raw"])[:_MOST_BYTES].decode(errors="replace"),
        )
        for one in found
        if one["entity"] == job["entity"]
    ][-_MOST_RECORDS:]


def replay(web: Web, admin_id: str, job: Mapping[str, Any]) -> dict[str, int]:
    """What was rejected of this job's shop is tried once more, from what was kept: {landed, refused}."""
    record(web, admin_id, "replay_rejected", UUID(job["user_id"]), {"connection_id": job["connection_id"]})
    named = {"platform": job["platform"], "shop_id": job["shop_id"]}
    return asked(lambda: operations.replay_rejected(web.app, user_id=job["user_id"], **named))


def runs_of(web: Web, user_id: str, *, before: str | None = None, limit: int = 20) -> list[dict[str, Any]]:
    """A user's runs, the newest first."""
    shops = status_of(web, user_id)["connections"]
    return asked(lambda: runs.of_user(web.app.store, user_id, shops, before=before, limit=limit))


def _details(wanted: BackfillRequest) -> dict[str, Any]:
    found = {"platform": wanted.platform, "shop_id": wanted.shop_id, "entities": list(wanted.entities)}
    since = {"since": wanted.since.isoformat()} if wanted.since else {}
    return {name: value for name, value in (found | since).items() if value}
