"""Health: what a router, a person on call and Prometheus ask. No route here waits for anybody longer than a moment."""

from __future__ import annotations

import asyncio
import hmac
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse, Response

from execution.catalog import PLATFORMS
from execution.settings import Settings
from web.context import WebDep
from web.examples import EXAMPLE
from web.health.metrics import CONTENT_TYPE, Metrics
from web.health.pipeline import PipelineStatus
from web.health.platform_health import platform_health
from web.health.readiness import Check, Readiness
from web.health.thresholds import Alarm, alarms, error_rate
from web.problems import Problem, responses

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


class PlatformBrief(BaseModel):
    """A platform in one line."""

    platform: str
    status: Literal["ok", "degraded", "down"]
    score: int
    circuits: int


class Heartbeats(BaseModel):
    """Processes of one kind that gave a sign of life within half a minute, and how long ago the last one was."""

    alive: int
    age_seconds: float | None


class DataPipeline(BaseModel):
    """The pipeline at a glance. `age_seconds`: how old the numbers are; null where there were none yet."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "status": "ok",
                    "checks": {"database": "ok", "valkey": "ok"},
                    "alarms": [],
                    "heartbeats": {
                        "clock": {"alive": 1, "age_seconds": 4.1},
                        "web": {"alive": 2, "age_seconds": 3.2},
                        "worker": {"alive": 2, "age_seconds": 0.7},
                    },
                    "platforms": [{"platform": EXAMPLE, "status": "ok", "score": 99, "circuits": 0}],
                    "last_sync_at": "2026-11-22T09:58:11+00:00",
                    "error_rate": 0.01,
                    "queued": 12,
                    "queue_lag_seconds": 0.8,
                    "running": 8,
                    "parked": 3,
                    "age_seconds": 1.2,
                    "fault": "",
                }
            ]
        }
    )

    status: Literal["ok", "degraded", "down", "unknown"]
    checks: dict[str, str]
    alarms: list[str]
    heartbeats: dict[str, Heartbeats] | None
    platforms: list[PlatformBrief]
    last_sync_at: str | None
    error_rate: float | None
    queued: int | None
    queue_lag_seconds: float | None
    running: int | None
    parked: int | None
    age_seconds: float | None
    fault: str


class Rates(BaseModel):
    """How calls went. Throttled ones are counted apart, not as failures."""

    calls: int
    success_rate: float | None
    rate_limit_hits: int
    failed: int
    refused: int
    average_ms: int | None
    p95_ms: int | None


class EndpointHealth(Rates):
    """One endpoint in the last hour."""

    endpoint: str


class PlatformHealth(Rates):
    """One platform in the last hour, with what to do about it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "platform": EXAMPLE,
                    "status": "ok",
                    "score": 99,
                    "calls": 812,
                    "success_rate": 0.9963,
                    "rate_limit_hits": 1,
                    "failed": 3,
                    "refused": 0,
                    "average_ms": 140,
                    "p95_ms": 410,
                    "endpoints": [],
                    "last_success_at": "2026-11-22T09:58:00+00:00",
                    "backoff": [],
                    "parked": 0,
                    "queued_retries": 0,
                    "next_retry_at": None,
                    "circuits": [],
                    "jobs": {"completed": 4, "with_rejects": 0, "failed": 0, "quarantined": 0},
                    "reconnect_needed": 0,
                    "recommendations": ["Nothing to do."],
                    "age_seconds": 1.2,
                    "fault": "",
                }
            ]
        }
    )

    platform: str
    status: Literal["ok", "degraded", "down", "unknown"]
    score: int | None
    endpoints: list[EndpointHealth]
    last_success_at: str | None
    backoff: list[dict[str, Any]]
    parked: int
    queued_retries: int
    next_retry_at: str | None
    circuits: list[dict[str, Any]]
    jobs: dict[str, int]
    reconnect_needed: int
    recommendations: list[str]
    age_seconds: float | None
    fault: str


@router.get("/health/live")
async def live() -> Live:
    """The process answers; whether its neighbours do is another question."""
    return Live()


@router.get("/health/ready", response_model=Ready, responses={503: {"model": Ready, "description": "Not ready"}})
async def ready(request: Request) -> JSONResponse:
    """200 when work can be done, 503 with the reasons when it cannot."""
    checks = await _checks(request)
    well = all(check.ok for check in checks)
    return JSONResponse({"status": "ready" if well else "unready", "checks": _as_text(checks)}, 200 if well else 503)


@router.get("/health/data-pipeline")
async def data_pipeline(request: Request) -> DataPipeline:
    """Platforms, database, Valkey, the last sync, errors, the queue. 200 also when something is down: it says so."""
    snapshot, checks = await asyncio.gather(_pipeline(request).snapshot(), _checks(request))
    facts = snapshot.facts
    found = None if facts is None else alarms(facts)
    platforms = [] if facts is None else [platform_health(name, facts) for name in sorted(PLATFORMS)]
    return DataPipeline(
        status=_overall(checks, platforms, found),
        alarms=[alarm.text for alarm in found or ()],
        heartbeats=facts["heartbeats"] if facts else None,
        checks=_as_text(checks),
        platforms=[
            PlatformBrief(
                platform=health["platform"],
                status=health["status"],
                score=health["score"],
                circuits=len(health["circuits"]),
            )
            for health in platforms
        ],
        last_sync_at=facts["last_sync_at"] if facts else None,
        error_rate=error_rate(facts) if facts else None,
        queued=facts["queue"]["queued"] if facts else None,
        queue_lag_seconds=round(float(facts["queue"]["lag_seconds"]), 1) if facts else None,
        running=facts["running"] if facts else None,
        parked=sum(parked["waiting"] for parked in facts["parked"].values()) if facts else None,
        age_seconds=snapshot.age_s,
        fault=snapshot.fault,
    )


@router.get("/api/{platform}-health", responses=responses(404, 422))
async def platform(
    platform: Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{1,30}$", examples=[EXAMPLE])], request: Request, web: WebDep
) -> PlatformHealth:
    """One platform's last hour: score, rates and latencies by endpoint, limits, retries, circuits, advice.

    As private as `/metrics`: with METRICS_TOKEN as bearer.
    """
    _check_scraper(request, web.app.settings)
    if platform not in PLATFORMS:
        raise Problem(404, "unknown_platform")
    snapshot = await _pipeline(request).snapshot()
    if snapshot.facts is None:
        health = platform_health(platform, _NOTHING) | {
            "status": "unknown",
            "score": None,
            "recommendations": [f"The database cannot be looked at: {snapshot.fault or 'no answer yet'}."],
        }
    else:
        health = platform_health(platform, snapshot.facts)
    return PlatformHealth(**health, age_seconds=snapshot.age_s, fault=snapshot.fault)


@router.get(
    "/metrics",
    response_class=Response,
    responses=responses(404, also={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}),
)
async def metrics(request: Request, web: WebDep) -> Response:
    """For Prometheus, with METRICS_TOKEN as bearer. Without one set, on the embedded stack alone."""
    _check_scraper(request, web.app.settings)
    snapshot, checks = await asyncio.gather(_pipeline(request).snapshot(), _checks(request))
    kept = cast("Metrics", request.app.state.metrics)
    return Response(kept.text(snapshot, checks, sorted(PLATFORMS)), media_type=CONTENT_TYPE)


def _check_scraper(request: Request, settings: Settings) -> None:
    if settings.metrics_token is None:
        if not settings.is_embedded:
            raise Problem(404, "not_found")
        return
    wanted = f"Bearer {settings.metrics_token.get_secret_value()}"
    if not hmac.compare_digest(request.headers.get("authorization", "").encode(), wanted.encode()):
        raise Problem(404, "not_found")


async def _checks(request: Request) -> list[Check]:
    return await cast("Readiness", request.app.state.readiness).checks()


def _as_text(checks: list[Check]) -> dict[str, str]:
    return {check.name: "ok" if check.ok else check.reason for check in checks}


def _pipeline(request: Request) -> PipelineStatus:
    return cast("PipelineStatus", request.app.state.pipeline)


def _overall(
    checks: list[Check], platforms: list[dict[str, Any]], found: list[Alarm] | None
) -> Literal["ok", "degraded", "down", "unknown"]:
    if not any(check.ok for check in checks if check.name == "database"):
        return "down"
    if found is None:
        return "unknown"
    if any(alarm.level == "down" for alarm in found):
        return "down"
    well = all(check.ok for check in checks) and all(health["status"] == "ok" for health in platforms)
    return "ok" if well and not found else "degraded"


_NOTHING: dict[str, Any] = {
    "calls": [],
    "circuits": [],
    "blocked": [],
    "parked": {},
    "ended": {},
    "last_success": {},
    "reconnect_needed": {},
}
