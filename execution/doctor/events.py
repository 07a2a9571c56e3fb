"""Whether whoever is told what became of tenants receives it: asked by an event that tells of nothing."""

from __future__ import annotations

from collections.abc import Iterator

from execution.app import App
from execution.doctor.lines import Line, failed, not_checked, ok
from execution.errors import UserError
from execution.events import outbox

_NAME = "events endpoint"


def of_endpoint(app: App) -> Iterator[Line]:
    try:
        endpoint = app.event_endpoint
    except UserError as error:
        yield failed(_NAME, error.message.rstrip(":"), error.hint)
        return
    if endpoint is None:
        yield not_checked(_NAME, "EVENTS_URL is not set", "Set it with EVENTS_SECRET where a service wants to be told.")
        return
    _, verdict = outbox.tried(endpoint)
    if verdict.failure is None:
        yield ok(_NAME, "receives keeper.test")
    else:
        yield failed(_NAME, f"does not receive keeper.test ({verdict.failure})", outbox.advice_of(verdict.failure))
