"""What routes share: the parts of the process, and the managers that they call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from execution.app import App
from execution.backfill_manager import BackfillManager
from execution.full_refresh import FullRefreshes
from execution.operators import Operators
from execution.reports.estimates import Estimates
from execution.sync_orchestrator import SyncOrchestrator
from web.auth.csrf import Csrf
from web.auth.sessions import Sessions
from web.daily_allowances import DailyAllowances
from web.live.coalescing import Coalescer
from web.live.shared_questions import SharedQuestions
from web.live.status_stream import StatusStream
from web.movement import Movement
from web.problems import Problem


@dataclass(frozen=True, kw_only=True)
class Web:
    """One a process, at `request.app.state.web`."""

    app: App
    manager: BackfillManager
    orchestrator: SyncOrchestrator
    refreshes: FullRefreshes
    operators: Operators
    sessions: Sessions
    csrf: Csrf
    allowances: DailyAllowances
    status_stream: StatusStream
    statuses: Coalescer
    estimates: Estimates
    questions: SharedQuestions
    movement: Movement


def web_of(request: Request) -> Web:
    return cast("Web", request.app.state.web)


async def _web(request: Request) -> Web:
    # A coroutine, because FastAPI would send a plain function to a thread, at every request.
    return web_of(request)


WebDep = Annotated[Web, Depends(_web)]


def base_url(web: Web, request: Request) -> str:
    """Our own address. Without PUBLIC_URL the request's, on the embedded stack alone: a Host header is anybody's."""
    settings = web.app.settings
    if settings.public_url:
        return settings.public_url.rstrip("/")
    if not settings.is_embedded:
        raise Problem(503, "no_public_url")
    return f"{request.url.scheme}://{request.url.netloc}"
