"""What administrators may do. Who is one is asked of the database at each request; what they do is put on record."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse

from execution import tenants
from execution.errors import UserError
from web.admin.administrators import AdminDep, record
from web.auth import rate_limits
from web.auth.current_user import SIGNED_IN
from web.backfills import BackfillRequest, job_rows
from web.context import Web, WebDep
from web.examples import EXAMPLE
from web.inputs import Body
from web.problems import Problem, responses
from web.routes.backfill import Name, Status
from web.routes.connections import Shop
from web.routes.onboarding import Accepted
from web.user_facts import status_of

router = APIRouter(tags=["admin"], dependencies=SIGNED_IN)


class Resync(Body):
    """Read a user's shops of a platform again, or one of them, complete or not."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"platform": EXAMPLE}]})

    platform: Name
    shop_id: Shop | None = None


class Paused(Body):
    """Whose shops are meant: all that the user has and will have, those of a platform, or one of them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"platform": EXAMPLE}]})

    platform: Name | None = None
    shop_id: Shop | None = None


class Action(BaseModel):
    """One line of the record."""

    id: int
    # Null once the account is gone; `actor` and `subject` are pseudonyms, and stay.
    user_id: str | None
    subject_id: str | None
    actor: str
    subject: str
    action: str
    details: dict[str, Any]
    at: str


@router.get("/admin/users/{user_id}/backfill", response_model=Status, responses=responses(401, 404, 422, 503))
def backfill_of(user_id: UUID, admin: AdminDep, web: WebDep) -> JSONResponse:
    """A user's backfill as the user sees it. Looking is on record as well."""
    record(web, admin.id, "look", user_id, {})
    return JSONResponse(status_of(web, str(user_id)))


@router.post(
    "/admin/users/{user_id}/backfill",
    status_code=202,
    response_model=Accepted,
    responses=responses(401, 403, 404, 413, 422, 429, 503),
)
def resync(user_id: UUID, request: Resync, admin: AdminDep, web: WebDep) -> JSONResponse:
    """Force a user's shops to be read again. What runs now runs once more afterwards."""
    rate_limits.count_action(web.app.store, admin.id, rate_limits.ADMIN_RESYNC)
    rows = job_rows(
        web, status_of(web, str(user_id)), BackfillRequest(platform=request.platform, shop_id=request.shop_id)
    )
    record(web, admin.id, "resync", user_id, request.model_dump(exclude_none=True))
    queued = web.app.store.rpc(
        "queue_backfill", p_user_id=str(user_id), p_trigger="admin", p_jobs=rows, p_rerun=True, p_since=None
    )
    web.manager.ring()
    return JSONResponse(queued, 202)


@router.post(
    "/admin/users/{user_id}/pause",
    status_code=204,
    response_model=None,
    responses=responses(401, 403, 404, 413, 422, 503),
)
def pause(user_id: UUID, request: Paused, admin: AdminDep, web: WebDep) -> None:
    """Leave a user's shops alone, or some: nothing is read, and nothing is lost."""
    _pausing(web, admin.id, user_id, request, is_paused=True)


@router.post(
    "/admin/users/{user_id}/resume",
    status_code=204,
    response_model=None,
    responses=responses(401, 403, 404, 413, 422, 503),
)
def resume(user_id: UUID, request: Paused, admin: AdminDep, web: WebDep) -> None:
    """Go on with them where they stood."""
    _pausing(web, admin.id, user_id, request, is_paused=False)


def _pausing(web: Web, admin_id: str, user_id: UUID, request: Paused, *, is_paused: bool) -> None:
    whose, platform, shop_id = str(user_id), request.platform, request.shop_id
    status_of(web, whose)
    try:
        if is_paused:
            tenants.pause(web.app, user_id=whose, platform=platform, shop_id=shop_id, by="admin")
        else:
            tenants.resume(web.app, user_id=whose, platform=platform, shop_id=shop_id, by="admin", ring=False)
            web.manager.ring()
    except UserError as error:
        raise Problem(404, "not_connected", error.message) from None
    record(web, admin_id, "pause" if is_paused else "resume", user_id, request.model_dump(exclude_none=True))


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
