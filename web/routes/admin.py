"""What administrators may do. Who is one is asked of the database at each request; what they do is put on record."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse

from web import turns
from web.auth import SIGNED_IN, AdminDep
from web.backfills import Wanted, jobs_of
from web.context import Web, WebDep
from web.problems import Problem, responses
from web.routes.backfill import Name, Status
from web.routes.onboarding import Accepted
from web.turns import Turn
from web.views import status_of

# An administrator's hurry must not eat the budget of all tenants either.
_RESYNC = Turn(action="admin_resync", most=30)

router = APIRouter(tags=["admin"], dependencies=SIGNED_IN)


class Resync(BaseModel):
    """Read a user's platform again, complete or not."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"platform": "etsy"}]})

    platform: Name


class Action(BaseModel):
    """One line of the record."""

    id: int
    user_id: str
    subject_id: str | None
    action: str
    details: dict[str, Any]
    at: str


@router.get("/admin/users/{user_id}/backfill", response_model=Status, responses=responses(401, 404, 422, 503))
def backfill_of(user_id: UUID, admin: AdminDep, web: WebDep) -> JSONResponse:
    """A user's backfill as the user sees it. Looking is on record as well."""
    _record(web, admin.id, "look", user_id, {})
    return JSONResponse(status_of(web, str(user_id)))


@router.post(
    "/admin/users/{user_id}/backfill",
    status_code=202,
    response_model=Accepted,
    responses=responses(401, 403, 404, 413, 422, 429, 503),
)
def resync(user_id: UUID, wanted: Resync, admin: AdminDep, web: WebDep) -> JSONResponse:
    """Force a user's platform to be read again. What runs now runs once more afterwards."""
    turns.take(web, admin.id, _RESYNC)
    rows = jobs_of(web, status_of(web, str(user_id)), Wanted(platform=wanted.platform))
    _record(web, admin.id, "resync", user_id, {"platform": wanted.platform})
    told = web.app.store.rpc(
        "queue_backfill", p_user_id=str(user_id), p_trigger="admin", p_jobs=rows, p_rerun=True, p_since=None
    )
    web.manager.ring()
    return JSONResponse(told, 202)


@router.get("/admin/actions", responses=responses(401, 404, 422, 503))
def actions(
    admin: AdminDep,  # noqa: ARG001  asked for its refusal
    web: WebDep,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[Action]:
    """The record, oldest first, from an id on."""
    found: list[dict[str, Any]] = web.app.store.rpc("admin_actions", p_after=after, p_limit=limit)
    return [Action(**row) for row in found]


def _record(web: Web, admin_id: str, action: str, subject: UUID, details: dict[str, Any]) -> None:
    """Before it is done, so that nothing is done without a record. 404 for a user that is not there."""
    number = web.app.store.rpc(
        "record_admin_action", p_user_id=admin_id, p_action=action, p_subject_id=str(subject), p_details=details
    )
    if number is None:
        raise Problem(404, "unknown_user", "There is no such user.")
