"""A shop is read anew beside what is there, and swapped in when it is proven: begun, watched, cancelled, taken back."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from web import refreshes
from web.auth.current_user import SIGNED_IN, UserDep
from web.backfills import shops_of
from web.context import WebDep
from web.examples import EXAMPLE
from web.inputs import Body
from web.problems import Problem, responses
from web.routes.backfill import Name
from web.routes.connections import Shop
from web.user_facts import status_of

router = APIRouter(tags=["sync"], dependencies=SIGNED_IN)
_KINDS = ("queued", "not_loaded")


class Refresh(Body):
    """Which shop to read anew. `confirm`: its name, as it is called."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"platform": EXAMPLE, "confirm": "Tea and Thread"}]})

    platform: Name | None = None
    shop_id: Shop | None = Field(None, description="Where several shops of the platform are connected")
    confirm: Annotated[str, Field(max_length=200)]


class RefreshStarted(BaseModel):
    """`already_running`: one of this shop is open, and goes on. `left_out` was never loaded."""

    run_id: str
    outcome: Literal["queued", "already_running"]
    connection_id: str
    shop_name: str
    entities: list[str]
    left_out: list[str]


class RefreshedTable(BaseModel):
    """What the swap did to a table, in rows."""

    created: int
    changed: int
    deleted: int


class FullRefresh(BaseModel):
    """The newest of a shop. `tables`: null until it is swapped in. `held_back`: of records that seem to be gone the
    seller is asked.
    """

    run_id: str
    connection_id: str
    platform: str
    shop_id: str
    status: Literal["reading", "swapped", "failed", "cancelled"]
    begun_at: str
    ended_at: str | None
    error_code: str | None
    fraction: float = Field(description="How much of it is read, from 0 to 1.")
    tables: dict[str, RefreshedTable] | None
    held_back: int | None


class Cancelled(BaseModel):
    cancelled: bool


class Undone(BaseModel):
    """`run_id` is that of the undoing, which can be taken back itself."""

    run_id: str
    undone: list[str]


@router.get("/settings/refreshes", responses=responses(401, 404, 422, 503))
def newest(user: UserDep, web: WebDep, platform: Name | None = None, shop_id: Shop | None = None) -> list[FullRefresh]:
    """How the newest full refresh of each shop stands."""
    shops = shops_of(status_of(web, user.id), platform=platform, shop_id=shop_id)
    found = [refreshes.newest(web, user.id, shop["connection_id"]) for shop in shops]
    return [_told(one) for one in found if one is not None]


@router.post("/settings/refreshes", status_code=202, responses=responses(401, 403, 404, 409, 413, 415, 422, 429, 503))
def start(wanted: Refresh, user: UserDep, web: WebDep) -> RefreshStarted:
    """Read a shop anew beside what is there. Until all of it is proven nothing changes."""
    shops = shops_of(status_of(web, user.id), platform=wanted.platform, shop_id=wanted.shop_id)
    if len(shops) != 1:
        raise Problem(422, "ambiguous_shop", "A full refresh is of one shop: name it by platform and shop_id.")
    facts = refreshes.start(web, user.id, shops[0], confirm=wanted.confirm)
    entities = {kind: [job["entity"] for job in facts["jobs"] if job["outcome"] == kind] for kind in _KINDS}
    return RefreshStarted(
        **{name: facts[name] for name in ("run_id", "outcome", "connection_id", "shop_name")},
        entities=entities["queued"],
        left_out=entities["not_loaded"],
    )


@router.post("/settings/refreshes/{run_id}/cancel", responses=responses(401, 403, 404, 422, 429, 503))
def cancel(run_id: UUID, user: UserDep, web: WebDep) -> Cancelled:
    """End one that is open; nothing changes."""
    refreshes.cancel(web, user.id, str(run_id))
    return Cancelled(cancelled=True)


@router.post("/settings/refreshes/{run_id}/undo", responses=responses(401, 403, 404, 409, 422, 429, 503))
def undo(run_id: UUID, user: UserDep, web: WebDep) -> Undone:
    """Take back what its swap did: every row as it was before it."""
    done = refreshes.undo(web, user.id, str(run_id))
    return Undone(run_id=done["run_id"], undone=done["undone"])


def _told(one: dict[str, Any]) -> FullRefresh:
    result = one["result"] or {}
    return FullRefresh(
        **{name: one[name] for name in FullRefresh.model_fields if name in one},
        fraction=refreshes.fraction_of(one["jobs"]),
        tables=result.get("tables"),
        held_back=result.get("held_back"),
    )
