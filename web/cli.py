"""`keeper web`: the web process."""

from __future__ import annotations

from typing import Annotated

import typer
import uvicorn

from execution import logs
from execution.app import App
from execution.settings import Settings
from web.app import create_app


def web(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "0.0.0.0",  # noqa: S104  a dyno's router comes from outside
    port: Annotated[int, typer.Option(envvar="PORT", help="Port to listen on.", min=0, max=65535)] = 8000,
) -> None:
    """Answer HTTP: webhooks, settings, progress, connections, health. Runs until SIGTERM."""
    logs.configure()
    # Health is asked every few seconds: a line for each answer would bury the others. Forwarded headers are anybody's
    # word, so none is believed: PUBLIC_URL says where we are.
    uvicorn.run(
        create_app(App(settings=Settings.load())),
        host=host,
        port=port,
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
