"""`keeper events`: what the embedding service is told. Joins the command line as a group of its own."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from execution import operations
from execution.command_line import EXIT_NOT_AS_IT_SHOULD_BE
from execution.command_parts import Json, app
from execution.errors import UserError
from execution.events import outbox
from execution.terminal import show

events = typer.Typer(help="What the embedding service is told.", no_args_is_help=True)


@events.command("list", short_help="What was told and what waits, the newest first.")
def events_list(
    *,
    user_id: Annotated[str | None, typer.Option("--user", help="Of one user; of all by default.")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="Of one type, such as sync.completed.")] = None,
    state: Annotated[str | None, typer.Option(help="waiting, sent or given_up; all by default.")] = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=1000)] = 50,
    as_json: Json = False,
) -> None:
    """What was told and what waits to be, the newest first. A month of it is kept."""
    facts = outbox.listed(app().store, user_id=user_id, kind=kind, state=state, limit=limit)
    show(facts, as_json=as_json, text=outbox.as_lines)


@events.command("show", short_help="One event, with its payload.")
def events_show(
    event_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, which is the webhook-id.")],
    *,
    as_json: Json = False,
) -> None:
    """One event: what is sent of it, how often it was tried, and why it was not received."""
    facts = outbox.shown(app().store, event_id)
    show(facts, as_json=as_json, text=outbox.as_text)


@events.command("resend", short_help="Send events once more.")
def events_resend(
    event_ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Their ids.")] = None,
    *,
    given_up_since: Annotated[
        str | None, typer.Option(help="All that were given up and happened since: ISO 8601, or Unix seconds.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Queue events once more, under the ids that they had: whoever remembers ids is told nothing twice.

    They go before what happened to their tenants later.
    """
    since = operations.moment(given_up_since)
    facts = {"queued": outbox.resent(app().store, event_ids or [], given_up_since=since)}
    show(facts, as_json=as_json, text=lambda told: f"{told['queued']} events are sent again.")


@events.command("test", short_help="Send an event that tells of nothing.")
def events_test(*, as_json: Json = False) -> None:
    """Send `keeper.test` to the endpoint, signed as every other. Exits 1 where it is not received."""
    endpoint = app().event_endpoint
    if endpoint is None:
        raise UserError("EVENTS_URL and EVENTS_SECRET are not set:", hint="set both; nobody is told anything.")
    event_id, verdict = outbox.tried(endpoint)
    facts: dict[str, Any] = {"event_id": event_id, "received": verdict.failure is None, "failure": verdict.failure}
    show(facts, as_json=as_json, text=_tried)
    raise typer.Exit(0 if facts["received"] else EXIT_NOT_AS_IT_SHOULD_BE)


def _tried(told: dict[str, Any]) -> str:
    if told["received"]:
        return f"Received: keeper.test {told['event_id']}."
    return f"Not received ({told['failure']}). {outbox.advice_of(told['failure'])}"
