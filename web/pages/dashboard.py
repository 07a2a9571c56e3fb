"""The dashboard: what is there, drawn; while a history arrives it draws itself anew."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from datetime import time as clock_time
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from web.auth.current_user import UserDep
from web.context import Web, WebDep
from web.pages import render
from web.pages.dashboard_view import dashboard_view
from web.pages.formats import Formats
from web.pages.money import RANGES, Range, range_named
from web.pages.progress_view import is_once_more, progress_view
from web.pages.recent_orders import recent_orders
from web.problems import Problem
from web.user_facts import figures_of, status_of

router = APIRouter()
_ORDERS = 6
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
# The bigger the shop, the longer its sums take: they are asked for again in proportion.
_LEAST_REFRESH_S, _REFRESH_FACTOR = 5, 20


@router.get("/dashboard")
async def show(request: Request, user: UserDep, web: WebDep, range: str = "", currency: str = "") -> Response:  # noqa: A002
    facts = await run_in_threadpool(status_of, web, user.id)
    formats = render.formats_of(request, datetime.fromisoformat(facts["now"]))
    chosen, began = range_named(range), time.monotonic()
    # A coroutine while it waits for these: a thread that waits would be one less for everybody.
    figures = await _figures(web, user.id, chosen, formats)
    refresh_s = max(_LEAST_REFRESH_S, round((time.monotonic() - began) * _REFRESH_FACTOR))
    view = dashboard_view(figures, formats, chosen, currency or None, jobs=facts["jobs"])
    orders = await run_in_threadpool(recent_orders, web, user.id, formats, most=_ORDERS)
    progress = progress_view(facts, formats)
    return render.page(
        request,
        "dashboard.html",
        user=user,
        formats=formats,
        view=view,
        ranges=RANGES,
        shops=[f"{p.title}: {p.shop_name}" for p in progress.shops],
        syncing=progress if progress.is_open else None,
        troubles=progress.troubles,
        is_once_more=is_once_more(facts["jobs"]),
        refresh_path="/dashboard?" + urlencode({"range": chosen.key, "currency": currency}),
        refresh_seconds=refresh_s,
        orders=orders,
    )


async def _figures(web: Web, user_id: str, chosen: Range, formats: Formats) -> dict[str, Any]:
    first = chosen.since(formats.now.astimezone(formats.zone).date())
    since = datetime.combine(first, clock_time(), formats.zone) if first else _BEGINNING
    try:
        return await figures_of(web, user_id, unit=chosen.unit, zone=formats.zone.key, since=since)
    except Problem as problem:
        if problem.code != "unknown_zone":
            raise
        return await figures_of(web, user_id, unit=chosen.unit, zone="UTC", since=since)
