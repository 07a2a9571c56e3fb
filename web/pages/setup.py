"""Adds the pages to the application: routes, static files, and errors as pages for who reads pages."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from web.pages import platform_colours
from web.pages.connections import router as connections
from web.pages.dashboard import router as dashboard
from web.pages.error_page import problem_page
from web.pages.goods import router as goods
from web.pages.login import router as login
from web.pages.progress import router as progress
from web.pages.refreshes import router as refreshes
from web.pages.render import STATIC, static
from web.pages.reports import router as reports

_router = APIRouter()


@_router.get("/favicon.ico")
def favicon() -> RedirectResponse:
    """Browsers ask for it whatever the page says."""
    return RedirectResponse(static("keeper.svg"), 308)


@_router.get("/robots.txt")
def robots() -> PlainTextResponse:
    """A seller's figures are nobody's search results."""
    return PlainTextResponse("User-agent: *\nDisallow: /\n")


def add_pages(api: FastAPI) -> None:
    for router in (login, connections, refreshes, progress, dashboard, goods, reports):
        api.include_router(router, include_in_schema=False)
    # Before the files, among which it is not.
    api.include_router(platform_colours.router, include_in_schema=False)
    api.mount("/static", _Static(directory=STATIC), name="static")
    api.include_router(_router, include_in_schema=False)
    api.state.html_problem = problem_page


class _Static(StaticFiles):
    """Our own files: their addresses carry a hash of what is in them, so a browser may keep them.

    At an address with another hash (of the next release, asked of a process of this one) nobody may keep what we have:
    a cache that all share would give it to everybody for a year.
    """

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if f"/static/{path}?{scope['query_string'].decode('latin-1')}" == static(path):
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response
