"""What administrators see and do across tenants, by HTTP: users, jobs, platforms. Rules: execution/operators.py."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from execution.operators import JobFilter
from web.admin import acting
from web.admin.administrators import AdminDep, operator_of
from web.auth.current_user import SIGNED_IN
from web.context import WebDep
from web.problems import responses
from web.routes.backfill import Name
from web.routes.connections import Platform

router = APIRouter(tags=["admin"], dependencies=SIGNED_IN)

State = Literal[
    "waiting", "queued", "running", "parked", "completed", "completed_with_rejects", "failed", "quarantined"
]
Kind = Literal["backfill", "incremental", "refresh", "sample"]
Limit = Annotated[int, Query(ge=1, le=500)]
Before = Annotated[str, Query(max_length=100, description="`next` of the page before.")]


class Row(BaseModel):
    """As `keeper jobs list --json` and `keeper tenants --json` tell it."""

    model_config = ConfigDict(extra="allow")


class Job(Row):
    job_id: UUID
    run_id: UUID
    user_id: UUID
    status: State


class Jobs(BaseModel):
    """A page of jobs, the newest first."""

    jobs: list[Job]
    next: str | None


class Tenant(Row):
    user_id: UUID
    email: str
    plan: str


class Tenants(BaseModel):
    """A page of users, the newest first."""

    tenants: list[Tenant]
    next: str | None


class Retried(BaseModel):
    """What became of the entity that was asked for once more."""

    platform: str
    connection_id: str
    shop_id: str
    entity: str
    outcome: str


class PlatformStands(BaseModel):
    """`stopped` and `queued`: how many jobs that was about."""

    platform: str
    stopped: int | None = None
    queued: int | None = None


class PausedPlatform(BaseModel):
    platform: str
    paused_at: str
    paused_by: str


@router.get("/admin/users", responses=responses(401, 404, 422, 503))
def tenants(
    admin: AdminDep,  # noqa: ARG001  asked for its refusal
    web: WebDep,
    search: Annotated[str, Query(max_length=200)] = "",
    before: Before = "",
    limit: Limit = 50,
) -> Tenants:
    """Users, the newest first: plan, shops, how late they are, what failed, calls of the last day."""
    found = acting.tenants(web, search=search, before=before, limit=limit)
    return Tenants(tenants=[Tenant(**one) for one in found], next=acting.after(found, "user_id", limit))


@router.get("/admin/sync-jobs", responses=responses(401, 404, 422, 503))
def jobs(  # noqa: PLR0917  FastAPI passes by name
    admin: AdminDep,  # noqa: ARG001  asked for its refusal
    web: WebDep,
    user_id: UUID | None = None,
    platform: Name | None = None,
    entity: Name | None = None,
    kind: Kind | None = None,
    state: Annotated[list[State] | None, Query()] = None,
    code: Annotated[str | None, Query(max_length=80, description="Why they ended, or wait.")] = None,
    older_than_minutes: Annotated[int | None, Query(ge=1, le=10**7)] = None,
    before: Before = "",
    limit: Limit = 50,
) -> Jobs:
    """Jobs of all users that are all of what is named, the newest first."""
    wanted = JobFilter(
        user_id=str(user_id) if user_id else None,
        platform=platform,
        entity=entity,
        kind=kind,
        states=state or (),
        code=code,
        older_than=timedelta(minutes=older_than_minutes) if older_than_minutes else None,
    )
    found = acting.jobs(web, wanted, before=before, limit=limit)
    return Jobs(jobs=[Job(**one) for one in found], next=acting.after(found, "job_id", limit))


@router.get("/admin/sync-jobs/{job_id}", responses=responses(401, 404, 422, 503))
def job(job_id: UUID, admin: AdminDep, web: WebDep) -> Job:  # noqa: ARG001  asked for its refusal
    """One job, with all that is known of it."""
    return Job(**acting.asked(lambda: web.operators.job(str(job_id))))


@router.post("/admin/sync-jobs/{job_id}/retry", status_code=202, responses=responses(401, 403, 404, 409, 422, 429, 503))
def retry(job_id: UUID, admin: AdminDep, web: WebDep) -> Retried:
    """Ask once more for what a job that failed has not brought."""
    return Retried(**acting.retry(web, admin.id, str(job_id)))


@router.post("/admin/sync-jobs/{job_id}/cancel", responses=responses(401, 403, 404, 409, 422, 503))
def cancel(job_id: UUID, admin: AdminDep, web: WebDep) -> Job:
    """End an open job. What has landed stays."""
    return Job(**acting.asked(lambda: web.operators.cancel(str(job_id), operator_of(admin))))


@router.post("/admin/sync-jobs/{job_id}/run-now", status_code=202, responses=responses(401, 403, 404, 409, 422, 503))
def run_now(job_id: UUID, admin: AdminDep, web: WebDep) -> Job:
    """Let a job that waits for its time go on now. The day's calls are asked as ever."""
    return Job(**acting.asked(lambda: web.operators.hurry(str(job_id), operator_of(admin))))


@router.get("/admin/platforms", responses=responses(401, 404, 503))
def platforms(admin: AdminDep, web: WebDep) -> list[PausedPlatform]:  # noqa: ARG001  asked for its refusal
    """Platforms that are paused."""
    return [PausedPlatform(**one) for one in web.operators.paused_platforms().values()]


@router.post("/admin/platforms/{platform}/pause", responses=responses(401, 403, 404, 422, 503))
def pause(platform: Platform, admin: AdminDep, web: WebDep) -> PlatformStands:
    """Leave all shops of a platform alone; nothing is lost."""
    return PlatformStands(**acting.asked(lambda: web.operators.pause_platform(platform, operator_of(admin))))


@router.post("/admin/platforms/{platform}/resume", responses=responses(401, 403, 404, 422, 503))
def resume(platform: Platform, admin: AdminDep, web: WebDep) -> PlatformStands:
    """Take them up where they stood."""
    return PlatformStands(**acting.asked(lambda: web.operators.resume_platform(platform, operator_of(admin))))
