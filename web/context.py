"""What routes share: the parts of the process, and the managers that they call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from execution.app import App
from execution.backfill_manager import BackfillManager
from execution.reports.estimates import Estimates
from web.csrf import Csrf
from web.sessions import Sessions
from web.together import Together
from web.views import Allowances
from web.watching import Hub


@dataclass(frozen=True, kw_only=True)
class Web:
    """One a process, at `request.app.state.web`."""

    app: App
    manager: BackfillManager
    sessions: Sessions
    csrf: Csrf
    allowances: Allowances
    hub: Hub
    together: Together
    estimates: Estimates


def web_of(request: Request) -> Web:
    return cast("Web", request.app.state.web)


async def _web(request: Request) -> Web:
    # A coroutine, because FastAPI would send a plain function to a thread, at every request.
    return web_of(request)


WebDep = Annotated[Web, Depends(_web)]
