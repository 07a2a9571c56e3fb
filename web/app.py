"""The web application: routes over the managers, and what every request goes through."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from execution import __version__, traces
from execution.app import App
from execution.backfill_manager import BackfillManager, JobTable
from execution.catalog import PLATFORMS
from execution.full_refresh import FullRefreshes
from execution.operators import Operators
from execution.process.heartbeat import Heartbeat
from execution.reports.estimates import Estimates
from execution.settings import Settings
from execution.store import Patience, Store
from execution.sync_orchestrator import RoundRules, SyncOrchestrator
from web import problems
from web.admin import operating, syncing
from web.admin import pages as admin_pages
from web.admin import routes as admin
from web.auth.csrf import Csrf
from web.auth.dev_login import dev_login_exists
from web.auth.sessions import Sessions
from web.context import Web
from web.daily_allowances import DailyAllowances
from web.health import routes as health
from web.health.metrics import Metrics, MetricsMiddleware
from web.health.pipeline import PipelineStatus
from web.health.readiness import Readiness
from web.http_limits import BodyLimit
from web.live.coalescing import Coalescer
from web.live.shared_questions import SharedQuestions
from web.live.status_stream import StatusStream
from web.live.wakeup_bell import WakeupBell
from web.movement import Movement
from web.pages.setup import add_pages
from web.routes import (
    backfill,
    connections,
    dashboard,
    goods,
    money,
    onboarding,
    platform_webhooks,
    refreshes,
    sales,
    session,
    sync,
)
from web.security_headers import SecurityHeaders
from web.user_facts import statuses_of

# A person waits for the answer, or a sender that repeats: a refusal soon is better than a result at last.
PATIENCE = Patience(attempts=3, answer_s=8.0)
HEALTH_PATIENCE = Patience(attempts=1, answer_s=3.0)
ROUTERS: Sequence[APIRouter] = (
    health.router,
    session.router,
    onboarding.router,
    backfill.router,
    sync.router,
    refreshes.router,
    connections.router,
    dashboard.router,
    money.router,
    sales.router,
    goods.router,
    admin.router,
    operating.router,
    syncing.router,
)


def create_app(app: App) -> FastAPI:
    """The application over these parts. Nothing is asked of anybody before the first request."""
    app = replace(app, patience=PATIENCE)
    bell = WakeupBell(app.settings)
    # Health reads through a store of its own, which gives up soon: what hangs there holds nobody else.
    health_store = Store(app.settings, clock=app.clock, rng=app.rng, patience=HEALTH_PATIENCE)

    heartbeat, stop = Heartbeat(health_store, "web", app.clock), threading.Event()

    @asynccontextmanager
    async def lifespan(api: FastAPI) -> AsyncIterator[None]:
        async with Readiness(app.settings) as readiness:
            api.state.readiness = readiness
            api.state.pipeline = PipelineStatus(lambda: health_store.rpc("pipeline_health"))
            heart = threading.Thread(target=heartbeat.until, args=(stop,), name="heart", daemon=True)
            heart.start()
            yield
            stop.set()
            await api.state.pipeline.close()
            await asyncio.to_thread(heart.join, HEALTH_PATIENCE.answer_s)
        await api.state.web.status_stream.close()
        bell.close()
        health_store.close()
        app.close()
        # Here, for a signal ends the process without asking anybody else.
        await asyncio.to_thread(traces.flush)

    api = FastAPI(
        title="Keeper",
        version=__version__,
        summary="Loads a seller's whole history, proves it complete and keeps it fresh",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # It would send a browser to whatever host the request names.
        redirect_slashes=False,
    )
    web = api.state.web = _web(app, bell)
    api.state.sessions, api.state.csrf = web.sessions, web.csrf
    problems.install(api)
    api.state.metrics = Metrics()
    api.add_middleware(BodyLimit)
    api.add_middleware(
        SecurityHeaders,
        form_targets=_consent_origins(app.settings),
        https=urlsplit(app.settings.public_url or "").scheme == "https",
    )
    api.add_middleware(MetricsMiddleware, metrics=api.state.metrics)
    for router in (*ROUTERS, platform_webhooks.router_of_platforms()):
        api.include_router(_summed_up(router))
    if dev_login_exists(app.settings):
        api.include_router(_summed_up(session.dev_router))
    api.include_router(admin_pages.router, include_in_schema=False)
    add_pages(api)
    return api


def _summed_up(router: APIRouter) -> APIRouter:
    """Each operation is called by the first sentence of its description: else the function's name stands there."""
    for route in router.routes:
        if isinstance(route, APIRoute):
            route.summary = route.description.partition("\n")[0].partition(". ")[0].rstrip(".")
    return router


def _web(app: App, bell: WakeupBell) -> Web:
    table = JobTable.load(app.catalog)
    manager = BackfillManager(store=app.store, table=table, ring=bell.ring)
    orchestrator = SyncOrchestrator(store=app.store, rules=RoundRules.load(), ring=bell.ring)
    web = Web(
        app=app,
        manager=manager,
        operators=Operators(store=app.store, backfills=manager, rounds=orchestrator),
        refreshes=FullRefreshes(store=app.store, table=table, ring=bell.ring),
        orchestrator=orchestrator,
        sessions=Sessions(app.settings, app.clock),
        csrf=Csrf(app.settings),
        allowances=DailyAllowances(app),
        status_stream=StatusStream(lambda users: statuses_of(web, users)),
        statuses=Coalescer(lambda users: statuses_of(web, users)),
        estimates=Estimates(app),
        questions=SharedQuestions(),
        movement=Movement(app),
    )
    return web


def _consent_origins(settings: Settings) -> list[str]:
    """Where connecting leads a browser: the platforms' consent pages, or those of the stand-ins."""
    consents = [platform.consent.origin for platform in PLATFORMS.values() if platform.consent]
    replaced = [settings.variable(f"{name}_api_base_url") for name in PLATFORMS]
    own = [f"{urlsplit(url).scheme}://{urlsplit(url).netloc}" for url in replaced if url]
    return [*consents, *own]
