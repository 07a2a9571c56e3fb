"""Health: what a router and a person on call ask."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse

from web.health import Health

router = APIRouter(tags=["health"])


class Live(BaseModel):
    """The process answers."""

    status: Literal["live"] = "live"


class Ready(BaseModel):
    """Whether work can be done; a check says `ok` or why not."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"status": "ready", "checks": {"database": "ok", "valkey": "ok"}}]}
    )

    status: Literal["ready", "unready"]
    checks: dict[str, str]


@router.get("/health/live")
async def live() -> Live:
    """The process answers; whether its neighbours do is another question."""
    return Live()


@router.get("/health/ready", response_model=Ready, responses={503: {"model": Ready, "description": "Not ready"}})
async def ready(request: Request) -> JSONResponse:
    """200 when work can be done, 503 with the reasons when it cannot."""
    health: Health = request.app.state.health
    checks = await health.checks()
    well = all(check.ok for check in checks)
    told = Ready(
        status="ready" if well else "unready",
        checks={check.name: "ok" if check.ok else check.reason for check in checks},
    )
    return JSONResponse(told.model_dump(), 200 if well else 503)
