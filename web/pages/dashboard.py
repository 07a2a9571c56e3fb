"""The dashboard: what is there, drawn; while a history arrives it draws itself anew."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from datetime import time as clock_time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from web.auth.current_user import UserDep
from web.context import Web, WebDep
from web.pages import render
from web.pages.dashboard_view import dashboard_view
from web.pages.formats import Formats
from web.pages.money import PRESETS, Range, range_of
from web.pages.money_words import link
from web.pages.progress_view import is_once_more, progress_view
from web.pages.recent_orders import recent_orders
from web.problems import Problem
from web.user_facts import figures_of, status_of

router = APIRouter()
_ORDERS = 6
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
# Of a day there is a noon in every zone.
_NOON = clock_time(12)
# The bigger the shop, the longer its sums take: they are asked for again in proportion.
_LEAST_REFRESH_S, _REFRESH_FACTOR = 5, 20


@router.get("/dashboard")
async def show(  # noqa: PLR0917  what an address may say
    request: Request,
    user: UserDep,
    web: WebDep,
    range: str = "",  # noqa: A002
    currency: str = "",
    since: Annotated[str, Query(alias="from")] = "",
    until: Annotated[str, Query(alias="to")] = "",
) -> Response:
    facts = await run_in_threadpool(status_of, web, user.id)
    formats = render.formats_of(request, datetime.fromisoformat(facts["now"]))
    today = formats.now.astimezone(formats.zone).date()
    chosen, began = range_of(range, today, since=since, until=until), time.monotonic()
    # A coroutine while it waits for these: a thread that waits would be one less for everybody.
    figures = await _figures(web, user.id, chosen, formats)
    refresh_s = max(_LEAST_REFRESH_S, round((time.monotonic() - began) * _REFRESH_FACTOR))
    view = dashboard_view(figures, formats, chosen, currency or None, jobs=facts["jobs"])
    orders = await run_in_threadpool(recent_orders, web, user.id, formats, most=_ORDERS)
    progress = progress_view(facts, formats)
    shown = view.currency if view else ""
    return render.page(
        request,
        "dashboard.html",
        user=user,
        formats=formats,
        view=view,
        chosen=chosen,
        kept=chosen.query,
        presets=[
            (name, link("/dashboard", range=key, currency=shown), key == chosen.key) for key, name in PRESETS.items()
        ],
        own=[("currency", shown)] if shown else [],
        currencies=[(c, link("/dashboard", **chosen.query, currency=c)) for c in view.currencies] if view else [],
        shops=[f"{p.title}: {p.shop_name}" for p in progress.shops],
        syncing=progress if progress.is_open else None,
        troubles=progress.troubles,
        is_once_more=is_once_more(facts["jobs"]),
        products_path=link("/reports/products", **chosen.query),
        refresh_path=link("/dashboard", **chosen.query, currency=currency),
        refresh_seconds=refresh_s,
        orders=orders,
    )


async def _figures(web: Web, user_id: str, chosen: Range, formats: Formats) -> dict[str, Any]:
    since = datetime.combine(chosen.first, _NOON, formats.zone) if chosen.first else _BEGINNING
    until = datetime.combine(chosen.last, _NOON, formats.zone) if chosen.first else None
    try:
        return await figures_of(web, user_id, unit=chosen.unit, zone=formats.zone.key, since=since, until=until)
    except Problem as problem:
        if problem.code != "unknown_zone":
            raise
        since, until = since.replace(tzinfo=UTC), until and until.replace(tzinfo=UTC)
        return await figures_of(web, user_id, unit=chosen.unit, zone="UTC", since=since, until=until)
