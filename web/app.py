"""The web application: routes over the managers, and what every request goes through."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI

from execution.app import App
from execution.backfill_manager import BackfillManager, JobTable
from execution.reports.estimates import Estimates
from execution.settings import Settings
from execution.store import Patience, Store
from web import problems
from web.bell import Bell
from web.context import Web
from web.csrf import Csrf
from web.headers import BodyLimit, SecurityHeaders
from web.health import Health
from web.metrics import Measured, Metrics
from web.pages import add_pages
from web.pipeline import Pipeline
from web.routes import admin, backfill, connections, dashboard, health, onboarding, platform_webhooks, session
from web.sessions import Sessions
from web.together import Together
from web.views import Allowances, statuses_of
from web.watching import Hub

# A person waits for the answer, or a sender that repeats: soon told is better than at last done.
PATIENCE = Patience(attempts=3, answer_s=8.0)
HEALTH_PATIENCE = Patience(attempts=1, answer_s=3.0)
ROUTERS: Sequence[APIRouter] = (
    health.router,
    session.router,
    onboarding.router,
    backfill.router,
    connections.router,
    platform_webhooks.router,
    dashboard.router,
    admin.router,
)


def create_app(app: App) -> FastAPI:
    """The application over these parts. Nothing is asked of anybody before the first request."""
    app = replace(app, patience=PATIENCE)
    bell = Bell(app.settings)
    # Health looks through a door of its own, which gives up soon: what hangs there holds nobody else.
    lookout = Store(app.settings, clock=app.clock, rng=app.rng, patience=HEALTH_PATIENCE)

    @asynccontextmanager
    async def lifespan(api: FastAPI) -> AsyncIterator[None]:
        async with Health(app.settings) as checks:
            api.state.health = checks
            api.state.pipeline = Pipeline(lambda: lookout.rpc("pipeline_health"))
            yield
            await api.state.pipeline.close()
        await api.state.web.hub.close()
        bell.close()
        lookout.close()
        _close(app)

    api = FastAPI(
        title="Keeper",
        version="0.1.0",
        summary="Loads a seller's whole history, proves it complete and keeps it fresh",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # It would send a browser to whatever host the request names.
        redirect_slashes=False,
    )
    api.state.web = _web(app, bell)
    problems.install(api)
    api.state.metrics = Metrics()
    api.add_middleware(BodyLimit)
    api.add_middleware(
        SecurityHeaders,
        form_targets=_consent_origins(app.settings),
        https=urlsplit(app.settings.public_url or "").scheme == "https",
    )
    api.add_middleware(Measured, metrics=api.state.metrics)
    for router in ROUTERS:
        api.include_router(router)
    if session.dev_login_exists(app.settings):
        api.include_router(session.dev)
    add_pages(api)
    return api


def _web(app: App, bell: Bell) -> Web:
    web = Web(
        app=app,
        manager=BackfillManager(store=app.store, table=JobTable.load(app.catalog), ring=bell.ring),
        sessions=Sessions(app.settings, app.clock),
        csrf=Csrf(app.settings),
        allowances=Allowances(app),
        hub=Hub(lambda users: statuses_of(web, users)),
        together=Together(lambda users: statuses_of(web, users)),
        estimates=Estimates(app),
    )
    return web


def _close(app: App) -> None:
    """Give back the connections of the parts that were made."""
    for name in ("store", "transport", "valkey"):
        part = app.__dict__.get(name)
        if part is not None:
            part.close()


def _consent_origins(settings: Settings) -> list[str]:
    """Where connecting leads a browser: the platforms' consent pages, or those of the stand-ins."""
    replaced = (settings.etsy_api_base_url, settings.printify_api_base_url, settings.shopify_api_base_url)
    own = [f"{urlsplit(url).scheme}://{urlsplit(url).netloc}" for url in replaced if url]
    return ["https://www.etsy.com", "https://printify.com", "https://*.myshopify.com", *own]
