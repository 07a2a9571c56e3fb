"""What is new in a seller's shops, now: a round beside those that come by themselves."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from execution.errors import UserError
from execution.sync_orchestrator import RoundOutcome
from web.auth import rate_limits
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


class Sync(Body):
    """What to look at; everything that is connected and loaded unless it says less."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"platform": EXAMPLE, "entities": ["orders"]}]})

    platform: Name | None = None
    shop_id: Shop | None = Field(None, description="One shop; every shop of the platform by default.")
    entities: Annotated[list[Name], Field(default_factory=list, max_length=20)]


class SyncedEntity(BaseModel):
    """What became of one entity of a shop. `not_loaded`: its backfill comes first."""

    platform: str
    connection_id: str
    shop_id: str
    entity: str
    outcome: RoundOutcome


class Syncing(BaseModel):
    """What was queued."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "jobs": [
                        {
                            "platform": EXAMPLE,
                            "connection_id": "9d35f1c0-0d1b-4a5e-8a3e-6d0b0a8f7c11",
                            "shop_id": "30010001",
                            "entity": "orders",
                            "outcome": "queued",
                        }
                    ]
                }
            ]
        }
    )

    jobs: list[SyncedEntity]


@router.post(
    "/settings/sync",
    status_code=202,
    response_model=Syncing,
    responses=responses(401, 403, 404, 413, 422, 429, 503),
)
def sync_now(wanted: Sync, user: UserDep, web: WebDep) -> dict[str, Any]:
    """Look for what is new, now. Rounds come by themselves as well; what is being read is left alone."""
    rate_limits.count_action(web.app.store, user.id, rate_limits.SYNC)
    shops = shops_of(status_of(web, user.id), platform=wanted.platform, shop_id=wanted.shop_id)
    try:
        return web.orchestrator.sync_shops(user.id, shops, entities=wanted.entities, trigger="settings")
    except UserError as error:
        raise Problem(422, "unknown_entity", error.message) from None
