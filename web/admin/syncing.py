"""Starting, watching and taking back any sync of any user, by HTTP. Each start answers 202 with where to look."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, field_validator

from web.admin import acting
from web.admin.administrators import AdminDep
from web.admin.operating import Row
from web.auth.current_user import SIGNED_IN
from web.backfills import BackfillRequest
from web.context import WebDep
from web.examples import EXAMPLE
from web.inputs import Body, Id, Moment
from web.problems import responses
from web.routes.backfill import EARLIEST, Name
from web.routes.connections import Shop

router = APIRouter(tags=["admin"], dependencies=SIGNED_IN)
_USER = "9d35f1c0-0d1b-4a5e-8a3e-6d0b0a8f7c11"


class Wanted(Body):
    """Whose shops are meant: all that the user has connected, those of a platform, or one of them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"user_id": _USER, "platform": EXAMPLE}]})

    user_id: Id
    platform: Name | None = None
    shop_id: Shop | None = None

    def request(self, **more: Any) -> BackfillRequest:
        return BackfillRequest(platform=self.platform, shop_id=self.shop_id, **more)


class CompleteSync(Wanted):
    """All of it. `full_refresh`: one shop anew beside what is there, `confirm` being its name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"user_id": _USER, "full_refresh": False}]})

    full_refresh: bool = False
    confirm: Annotated[str, Field(max_length=200)] = ""


class IncrementalSync(Wanted):
    """What is new; of these entities alone, where some are named."""

    entities: Annotated[list[Name], Field(default_factory=list, max_length=20)]


class HistoricalOrdersSync(Wanted):
    """All orders from a day on, read once more; since 2018 unless it says otherwise."""

    since: Moment = acting.FIRST_ORDERS

    @field_validator("since")
    @classmethod
    def _in_the_past(cls, since: datetime) -> datetime:
        if not EARLIEST <= since <= datetime.now(UTC):
            raise ValueError("must be between 2000 and now")
        return since


class Rollback(Body):
    """`with_later`: also the later runs that changed the same rows. `dry_run`: only what would happen."""

    user_id: Id
    run_id: Id
    with_later: bool = False
    dry_run: bool = False


class Started(BaseModel):
    """What was queued, and where it can be watched. `run_ids`: of backfills and full refreshes; rounds have one each,
    which the status lists.
    """

    run_ids: list[str]
    jobs: list[Row]
    status_url: str


class RolledBack(Row):
    """As `keeper rollback --json` tells it."""

    run_id: UUID | None
    dry_run: bool


class SyncStatus(BaseModel):
    """A user's open jobs and newest runs, each with what it changed."""

    open: list[Row]
    runs: list[Row]


class Status(BaseModel):
    """Jobs of all users that are open or have failed, by state; platforms that are paused."""

    open: dict[str, int]
    failed: dict[str, int]
    paused_platforms: list[str]


@router.post("/admin/complete-sync", status_code=202, responses=responses(401, 403, 404, 409, 413, 415, 422, 429, 503))
def complete_sync(wanted: CompleteSync, admin: AdminDep, web: WebDep) -> Started:
    """Load what is missing of a user's shops, and look for what is new; or read one shop anew beside what is there."""
    user = str(wanted.user_id)
    if wanted.full_refresh:
        acting.begin(web, admin.id, "complete_sync", user, wanted.request(), full_refresh=True)
        facts = acting.refresh(web, user, wanted.request(), confirm=wanted.confirm)
        return _started(user, [facts["run_id"]], facts["jobs"])
    acting.begin(web, admin.id, "complete_sync", user, wanted.request())
    loaded, new = acting.backfill(web, user, wanted.request()), acting.rounds(web, user, wanted.request())
    return _started(user, loaded["run_ids"], [*loaded["jobs"], *new["jobs"]])


@router.post("/admin/incremental-sync", status_code=202, responses=responses(401, 403, 404, 413, 415, 422, 429, 503))
def incremental_sync(wanted: IncrementalSync, admin: AdminDep, web: WebDep) -> Started:
    """Look for what is new in a user's shops, now."""
    user = str(wanted.user_id)
    request = wanted.request(entities=tuple(wanted.entities))
    acting.begin(web, admin.id, "incremental_sync", user, request)
    return _started(user, [], acting.rounds(web, user, request)["jobs"])


@router.post(
    "/admin/historical-orders-sync", status_code=202, responses=responses(401, 403, 404, 413, 415, 422, 429, 503)
)
def historical_orders_sync(wanted: HistoricalOrdersSync, admin: AdminDep, web: WebDep) -> Started:
    """Read all orders of a user's shops once more, from a day on."""
    user = str(wanted.user_id)
    request = wanted.request(entities=("orders",), since=wanted.since)
    acting.begin(web, admin.id, "historical_orders_sync", user, request)
    facts = acting.backfill(web, user, request)
    return _started(user, facts["run_ids"], facts["jobs"])


@router.post("/admin/rollback", responses=responses(401, 403, 404, 409, 413, 415, 422, 503))
def rollback(wanted: Rollback, admin: AdminDep, web: WebDep) -> RolledBack:
    """Take a run of a user's back: every row as it was before it."""
    done = acting.roll_back(
        web,
        admin.id,
        str(wanted.user_id),
        str(wanted.run_id),
        with_later=wanted.with_later,
        dry_run=wanted.dry_run,
    )
    return RolledBack(**done)


@router.get("/admin/sync-status", responses=responses(401, 404, 422, 503))
def sync_status(
    admin: AdminDep,  # noqa: ARG001  asked for its refusal
    web: WebDep,
    user_id: UUID,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> SyncStatus:
    """A user's open jobs, and the newest runs with what each changed."""
    return SyncStatus(
        open=[Row(**one) for one in acting.open_jobs(web, str(user_id))],
        runs=[Row(**one) for one in acting.runs_of(web, str(user_id), limit=limit)],
    )


@router.get("/admin/status", responses=responses(401, 404, 503))
def status(admin: AdminDep, web: WebDep) -> Status:  # noqa: ARG001  asked for its refusal
    """How much of all users is open, and what failed of late."""
    counts = web.operators.counts()
    return Status(**counts, paused_platforms=sorted(web.operators.paused_platforms()))


def _started(user_id: str, run_ids: list[str], jobs: list[dict[str, Any]]) -> Started:
    return Started(
        run_ids=run_ids, jobs=[Row(**one) for one in jobs], status_url=f"/admin/sync-status?user_id={user_id}"
    )
