"""A seller's backfill: start it, what that would cost, how it stands, and live."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Header, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse

from execution.backfill_manager import QueueOutcome
from web import backfills
from web.auth.current_user import SIGNED_IN, User, UserDep
from web.backfills import BackfillRequest
from web.context import Web, WebDep
from web.examples import EXAMPLE
from web.inputs import Body, Moment
from web.live import server_sent_events
from web.live.status_stream import version_of
from web.problems import Problem, responses
from web.routes.connections import Shop
from web.routes.onboarding import Accepted
from web.user_facts import of_shops, status_of

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,30}$")]
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)

_STREAM = {
    "description": "Server-sent events named `status`; `data` is what /backfill/status answers",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}

router = APIRouter(tags=["backfill"], dependencies=SIGNED_IN)


class Start(Body):
    """What to start; every shop that is connected unless it says less."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {},
                {"platform": EXAMPLE, "entities": ["orders"], "dry_run": True},
                {"platform": EXAMPLE, "shop_id": "30010001", "again": True},
                {"platform": EXAMPLE, "since": "2026-01-01T00:00:00Z"},
            ]
        },
    )

    platform: Name | None = None
    shop_id: Shop | None = Field(None, description="One shop; every shop of the platform by default.")
    entities: Annotated[list[Name], Field(default_factory=list, max_length=20)]
    since: Moment | None = Field(None, description="Read the history from here on only, again if need be.")
    again: bool = Field(default=False, description="Read complete entities once more.")
    dry_run: bool = Field(default=False, description="Start nothing; answer what it would cost.")

    @field_validator("since")
    @classmethod
    def _in_the_past(cls, since: datetime | None) -> datetime | None:
        if since is not None and not EARLIEST <= since <= datetime.now(UTC):
            raise ValueError("must be between 2000 and now")
        return since

    def request(self) -> BackfillRequest:
        return BackfillRequest(
            platform=self.platform,
            shop_id=self.shop_id,
            entities=tuple(self.entities),
            since=self.since,
            again=self.again,
        )


class EntityEstimate(BaseModel):
    """One entity; `calls` is null where nobody can know yet, and `reason` says why in words for the seller."""

    platform: str
    connection_id: str
    shop_id: str
    entity: str
    outcome: QueueOutcome
    calls: int | None
    reason: str


class PlatformEstimate(BaseModel):
    """A platform's calls against its budget; `calls_per_day` null where no day's limit is known."""

    platform: str
    calls: int
    calls_per_day: int | None
    days: int
    ready_at: str | None


class Estimate(BaseModel):
    """What starting it would cost. `complete` is false where `calls` leaves something out that nobody can know yet."""

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
                            "calls": 812,
                            "reason": "",
                        }
                    ],
                    "platforms": [
                        {
                            "platform": EXAMPLE,
                            "calls": 812,
                            "calls_per_day": 2500,
                            "days": 0,
                            "ready_at": "2026-11-22T10:05:00+00:00",
                        }
                    ],
                    "calls": 812,
                    "complete": True,
                    "ready_at": "2026-11-22T10:05:00+00:00",
                }
            ]
        }
    )

    jobs: list[EntityEstimate]
    platforms: list[PlatformEstimate]
    calls: int
    complete: bool
    ready_at: str | None


class Status(BaseModel):
    """How a user's backfill stands, as `keeper backfill status --json` tells it, without what engineers read."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "user_id": "6f1c0a3e-6d0b-4a5e-9d35-0d1b0a8f7c11",
                    "plan": "pro",
                    "backfill_status": "in_progress",
                    "backfill_completed_at": None,
                    "failures": [],
                    "now": "2026-11-22T10:00:00+00:00",
                    "connections": [
                        {
                            "connection_id": "9d35f1c0-0d1b-4a5e-8a3e-6d0b0a8f7c11",
                            "platform": EXAMPLE,
                            "shop_id": "30010001",
                            "shop_name": "Tea",
                            "status": "connected",
                        }
                    ],
                    "jobs": [
                        {
                            "platform": EXAMPLE,
                            "connection_id": "9d35f1c0-0d1b-4a5e-8a3e-6d0b0a8f7c11",
                            "shop_id": "30010001",
                            "entity": "orders",
                            "status": "running",
                            "records_done": 450,
                            "records_total": 1200,
                            "run_after": None,
                            "seller_message": None,
                            "certificate": None,
                        }
                    ],
                }
            ]
        },
    )

    user_id: str
    plan: str
    backfill_status: Literal["not_started", "in_progress", "completed", "completed_with_rejects", "failed"]
    backfill_completed_at: str | None
    failures: list[dict[str, Any]]
    now: str
    connections: list[dict[str, Any]]
    jobs: list[dict[str, Any]]


@router.post(
    "/settings/backfill",
    status_code=202,
    response_model=Accepted,
    responses=responses(
        401, 403, 404, 413, 422, 429, 503, also={200: {"model": Estimate, "description": "The estimate of a dry run"}}
    ),
)
def start_backfill(start: Start, user: UserDep, web: WebDep) -> Response:
    """Start a backfill, or ask what it would cost. What runs is left alone and said to be running."""
    if start.dry_run:
        return JSONResponse(backfills.estimate(web, user.id, start.request()))
    return JSONResponse(backfills.start(web, user.id, start.request()), 202)


@router.get("/backfill/status", response_model=Status, responses=responses(401, 404, 422, 503))
async def backfill_status(
    user: UserDep,
    web: WebDep,
    platform: Annotated[Name | None, Query()] = None,
    shop_id: Annotated[Shop | None, Query()] = None,
) -> Response:
    """Connections, jobs, counts, waits, failures in words, certificates."""
    facts = await web.statuses.of(user.id)
    if facts is None:
        raise Problem(404, "unknown_user")
    # Sent as it is: the model above documents it, and checking it again would cost more than asking for it.
    return Response(orjson.dumps(of_shops(facts, platform=platform, shop_id=shop_id)), media_type="application/json")


@router.get(
    "/backfill/events",
    response_class=StreamingResponse,
    responses=responses(401, 404, 429, 503, also={200: _STREAM}),
)
async def backfill_events(
    user: UserDep,
    web: WebDep,
    last_event_id: Annotated[str, Header(max_length=64)] = "",
) -> StreamingResponse:
    """The status now, and again whenever it changed. A stream that is taken up again brings only what is new to it."""
    now = await run_in_threadpool(status_of, web, user.id)
    web.status_stream.check_limit(user.id)
    return StreamingResponse(
        _events(web, user, now, last_event_id, until=server_sent_events.stream_end(user.claims.expires_at)),
        media_type=server_sent_events.MEDIA_TYPE,
        headers=server_sent_events.HEADERS,
    )


async def _events(web: Web, user: User, now: dict[str, Any], last: str, *, until: float) -> AsyncIterator[bytes]:
    yield server_sent_events.RETRY
    version = version_of(now)
    if version != last:
        yield _event(version, now)
    async for facts in web.status_stream.watch(user.id):
        if facts is None:
            yield server_sent_events.HEARTBEAT
        elif (newer := version_of(facts)) != version:
            version = newer
            yield _event(version, facts)
        if time.time() >= until:
            return


def _event(version: str, facts: dict[str, Any]) -> bytes:
    return server_sent_events.event("status", orjson.dumps(facts).decode(), event_id=version)
