"""The page that is watched while a history arrives, and the stream that keeps it alive."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from execution.catalog import shown
from web import messages
from web.auth.current_user import User, UserDep
from web.context import Web, WebDep
from web.live import server_sent_events
from web.pages import render
from web.pages.progress_view import progress_view
from web.pages.recent_orders import recent_orders
from web.user_facts import status_of

router = APIRouter()
_ORDERS = 8


@router.get("/backfill")
def show(request: Request, user: UserDep, web: WebDep, connected: str = "", started: str = "") -> Response:
    values = _values(request, web, user, status_of(web, user.id))
    return render.page(request, "progress.html", user=user, notice=_notice(connected, started), **values)


@router.get("/backfill/live")
async def live(request: Request, user: UserDep, web: WebDep) -> Response:
    """Server-sent events: `progress` with the page's moving part whenever it changed, `done` when nothing will."""
    web.status_stream.check_limit(user.id)
    return StreamingResponse(
        _events(request, web, user, until=server_sent_events.stream_end(user.claims.expires_at)),
        media_type=server_sent_events.MEDIA_TYPE,
        headers=server_sent_events.HEADERS,
    )


async def _events(request: Request, web: Web, user: User, *, until: float) -> AsyncIterator[bytes]:
    yield server_sent_events.RETRY
    async for facts in web.status_stream.watch(user.id):
        if facts is None:
            yield server_sent_events.HEARTBEAT
        else:
            html, is_open = await asyncio.to_thread(_render, request, web, user, facts)
            yield server_sent_events.event("progress", html)
            if not is_open:
                yield server_sent_events.event("done", "")
                return
        if time.time() >= until:
            return


def _notice(connected: str, started: str) -> render.Notice | None:
    if connected in shown():
        return render.Notice(tone="good", text=f"{messages.platform_title(connected)} is connected.")
    if started in shown():
        return render.Notice(tone="good", text=f"The sync of {messages.platform_title(started)} was started.")
    return None


def _render(request: Request, web: Web, user: User, facts: Mapping[str, Any]) -> tuple[str, bool]:
    values = _values(request, web, user, facts)
    return render.text(request, "_progress.html", user=user, **values), values["view"].is_open


def _values(request: Request, web: Web, user: User, facts: Mapping[str, Any]) -> dict[str, Any]:
    formats = render.formats_of(request, datetime.fromisoformat(facts["now"]))
    return {
        "view": progress_view(facts, formats),
        "orders": recent_orders(web, user.id, formats, most=_ORDERS) if facts["jobs"] else (),
        "formats": formats,
    }
