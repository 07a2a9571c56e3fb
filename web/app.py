"""The web application: for now, what a router and a person on call ask."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from execution.settings import Settings
from web.health import Health


def make_app(settings: Settings) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with Health(settings) as health:
            app.state.health = health
            yield

    app = FastAPI(title="Keeper", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.get("/health/live")(live)
    app.get("/health/ready", response_class=JSONResponse)(ready)
    return app


async def live() -> dict[str, str]:
    """The process answers; whether its neighbours do is another question."""
    return {"status": "live"}


async def ready(request: Request) -> JSONResponse:
    """200 when work can be done, 503 with the reasons when it cannot."""
    health: Health = request.app.state.health
    checks = await health.checks()
    well = all(check.ok for check in checks)
    told = {check.name: "ok" if check.ok else check.reason for check in checks}
    return JSONResponse({"status": "ready" if well else "unready", "checks": told}, 200 if well else 503)
