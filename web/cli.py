"""`keeper web`: the web process. `keeper admin`: who may do what others may not."""

from __future__ import annotations

import gc
from typing import Annotated

import structlog
import typer
import uvicorn

from execution import traces
from execution.app import App
from execution.errors import StoreUnavailable, UserError
from execution.ids import user_id_in
from execution.process import logs
from execution.settings import Settings
from execution.terminal import say
from web.app import create_app
from web.http_limits import UVICORN_OPTIONS

log = structlog.get_logger()


def web(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "0.0.0.0",  # noqa: S104  a dyno's router comes from outside
    port: Annotated[int, typer.Option(envvar="PORT", help="Port to listen on.", min=0, max=65535)] = 8000,
) -> None:
    """Answer HTTP: webhooks, settings, progress, connections, health. Runs until SIGTERM."""
    logs.configure()
    traces.configure("web")
    app = App(settings=Settings.load())
    try:
        app.check_boot()
    except StoreUnavailable as error:
        # It answers all the same, and says what is away; whatever stores a token checks in again first.
        log.warning("database_not_ready", error=error.message)
    api = create_app(app)
    # What a process keeps until its end is not looked through again and again: a tenth of a second, each time.
    gc.collect()
    gc.freeze()
    # No line for each answer: health is asked every few seconds, and would bury the others.
    uvicorn.run(
        api,
        host=host,
        port=port,
        log_level="warning",
        ws="none",
        # Longer than a router keeps its own end open, or it would now and then send into a closed connection.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
        **UVICORN_OPTIONS,
    )


def admin(
    *,
    user_id: Annotated[str, typer.Option("--user", help="The user's id.")],
    revoke: Annotated[bool, typer.Option("--revoke", help="Make it a plain user again.")] = False,
) -> None:
    """Make a user an administrator, or a plain user again. It counts from the next request on."""
    wanted = user_id_in(user_id)
    app = App(settings=Settings.load())
    try:
        app.check_boot()
        known = app.store.rpc("set_admin", p_user_id=wanted, p_admin=not revoke)
    finally:
        app.close()
    if not known:
        raise UserError(f"There is no user {wanted}.", hint="Create one with `keeper user create`.")
    say(f"{wanted} is {'a plain user' if revoke else 'an administrator'} now.")
