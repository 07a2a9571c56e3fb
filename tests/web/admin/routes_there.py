"""Which routes administrators have, as the application says."""

from __future__ import annotations

import re

from fastapi.routing import APIRoute

from web.admin import operating, pages, syncing


def admin_routes() -> set[tuple[str, re.Pattern[str]]]:
    """Each as its method and a pattern of its paths."""
    return {
        (method, re.compile(re.sub(r"\{[^}]+\}", "[^/]+", route.path)))
        for router in (operating.router, syncing.router, pages.router)
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
