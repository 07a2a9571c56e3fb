"""The page that is watched while a history arrives, and the stream that keeps it alive."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from web.auth import User, UserDep
from web.context import Web, WebDep
from web.pages import render, words
from web.pages.orders import newest_orders
from web.pages.progress_view import progress_view
from web.views import status_of

router = APIRouter()
# Then the browser connects again by itself, and whether it is still signed in is seen.
_LONGEST_LINE_S = 900.0
_RETRY_MS = 2000
_ORDERS = 8


@router.get("/backfill")
def show(request: Request, user: UserDep, web: WebDep, connected: str = "", started: str = "") -> Response:
    values = _values(request, web, user, status_of(web, user.id))
    return render.page(request, "progress.html", user=user, notice=_notice(connected, started), **values)


@router.get("/backfill/live")
async def live(request: Request, user: UserDep, web: WebDep) -> Response:
    """Server-sent events: `progress` with the page's moving part whenever it changed, `done` when nothing will."""
    web.hub.demand_room(user.id)
    return StreamingResponse(
        _changes(request, web, user, until=min(time.time() + _LONGEST_LINE_S, user.claims.expires_at)),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def _changes(request: Request, web: Web, user: User, *, until: float) -> AsyncIterator[bytes]:
    yield f"retry: {_RETRY_MS}\n\n".encode()
    async for facts in web.hub.watch(user.id):
        if facts is None:
            yield b": still here\n\n"
        else:
            drawn, is_open = await asyncio.to_thread(_draw, request, web, user, facts)
            yield event("progress", drawn)
            if not is_open:
                yield event("done", "")
                return
        if time.time() >= until:
            return


def _notice(connected: str, started: str) -> render.Notice | None:
    if connected in words.TITLES:
        return render.Notice(tone="good", text=f"{words.title(connected)} is connected.")
    if started in words.TITLES:
        return render.Notice(tone="good", text=f"The sync of {words.title(started)} was started.")
    return None


def event(name: str, data: str) -> bytes:
    """One event of a stream; a line of data each."""
    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    return f"event: {name}\n{lines}\n".encode()


def _draw(request: Request, web: Web, user: User, facts: Mapping[str, Any]) -> tuple[str, bool]:
    values = _values(request, web, user, facts)
    return render.text(request, "_progress.html", user=user, **values), values["view"].is_open


def _values(request: Request, web: Web, user: User, facts: Mapping[str, Any]) -> dict[str, Any]:
    formats = render.formats_of(request, datetime.fromisoformat(facts["now"]))
    return {
        "view": progress_view(facts, formats),
        "orders": newest_orders(web, user.id, formats, most=_ORDERS) if facts["jobs"] else (),
        "formats": formats,
    }
