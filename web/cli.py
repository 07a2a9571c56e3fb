"""`keeper web`: the web process."""

from __future__ import annotations

from typing import Annotated

import typer
import uvicorn

from execution import logs
from execution.settings import Settings
from web.app import make_app


def web(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "0.0.0.0",  # noqa: S104  a dyno's router comes from outside
    port: Annotated[int, typer.Option(envvar="PORT", help="Port to listen on.", min=0, max=65535)] = 8000,
) -> None:
    """Answer HTTP: /health/live and /health/ready. Runs until SIGTERM."""
    logs.configure()
    # Health is asked every few seconds: a line for each answer would bury the others.
    uvicorn.run(make_app(Settings.load()), host=host, port=port, access_log=False, log_level="warning")
