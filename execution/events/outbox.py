"""What was told and what waits to be, for people: listed, shown, sent again; and an endpoint that is tried."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import orjson

from execution.errors import UserError
from execution.events.endpoint import Endpoint, Verdict
from execution.events.message import Message
from execution.ids import user_id_in, uuid_in
from execution.store import Rpc
from execution.terminal import moment_text

State = Literal["waiting", "sent", "given_up"]
STATES: tuple[State, ...] = get_args(State)
_NO_TENANT = "00000000-0000-0000-0000-000000000000"


def listed(
    store: Rpc, *, user_id: str | None = None, kind: str | None = None, state: str | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """The newest events, of one user, kind or state where they are named. Raises UserError for a state that is none."""
    if state is not None and state not in STATES:
        raise UserError(f"{state!r} is no state of an event.", hint=f"Choose one of: {', '.join(STATES)}.")
    user = None if user_id is None else user_id_in(user_id)
    found: list[dict[str, Any]] = store.rpc("events_out", p_user_id=user, p_type=kind, p_state=state, p_limit=limit)
    return [_told(row) for row in found]


def shown(store: Rpc, event_id: str) -> dict[str, Any]:
    """One event with what is sent of it. Raises UserError where there is none of this id."""
    found: list[dict[str, Any]] = store.rpc("events_out", p_id=_event_id(event_id))
    if not found:
        raise UserError(f"There is no event {event_id}.", hint="See `keeper events list`; a month of them is kept.")
    return {**_told(found[0]), "payload": orjson.loads(Message.of(found[0]).body)}


def resent(store: Rpc, event_ids: Sequence[str], *, given_up_since: datetime | None = None) -> int:
    """Queue these events once more, and all that were given up since. Answers how many.

    Raises UserError where nothing is named, or nothing of that name is there.
    """
    if not event_ids and given_up_since is None:
        raise UserError("Nothing was named.", hint="Name events by their ids, or --given-up-since a time.")
    count: int = store.rpc(
        "resend_events",
        p_ids=[_event_id(one) for one in event_ids],
        p_given_up_since=given_up_since.isoformat() if given_up_since else None,
    )
    if event_ids and not count:
        raise UserError("There are no such events.", hint="See `keeper events list`; a month of them is kept.")
    return count


def tried(endpoint: Endpoint) -> tuple[str, Verdict]:
    """Send an event that tells of nothing. Answers its id and what became of it."""
    row = {
        "id": str(uuid.uuid4()),
        "type": "keeper.test",
        "happened_at": datetime.now(UTC).isoformat(),
        "user_id": _NO_TENANT,
        "data": {},
        "attempts": 1,
        "failures": 0,
    }
    return str(row["id"]), endpoint.send(Message.of(row))


_ADVICE: Mapping[str, str] = {
    "address_refused": "EVENTS_URL leads to a private address: set EVENTS_ALLOW_PRIVATE=true if that is meant.",
    "no_connection": "Check EVENTS_URL, and that whoever listens there runs and has a certificate that is trusted.",
    "no_answer": "Whoever listens there has to answer within the time that directives/events.md declares.",
}


def advice_of(failure: str) -> str:
    """What to do about a failure, for whoever runs this."""
    status = failure.removeprefix("status_")
    if status in ("401", "403"):
        return "Whoever listens there refuses us: give it the secret of EVENTS_SECRET."
    if status.startswith("3"):
        return "Redirects are not followed: set EVENTS_URL to where it leads."
    return _ADVICE.get(failure, "Look into the log of whoever listens there.")


def as_lines(events: Sequence[Mapping[str, Any]]) -> str:
    """One line an event: ids are too long for a table."""
    lines = []
    for one in events:
        failed = f", last {one['failure']}" if one["failure"] else ""
        happened = moment_text(datetime.fromisoformat(one["happened_at"]))
        stands = f"{one['state']}, {one['attempts']} tries{failed}"
        lines.append(f"{one['event_id']}  {happened}  {one['type']} of {one['user_id']}: {stands}")
    return "\n".join(lines) or "Nothing was told."


def as_text(event: Mapping[str, Any]) -> str:
    """One event for a person: how it stands, and below it what is sent."""
    happened = moment_text(datetime.fromisoformat(event["happened_at"]))
    lines = [f"{event['type']} {event['event_id']}, {happened}: {event['state']}, {event['attempts']} tries"]
    if event["failure"]:
        lines.append(f"Last failure: {event['failure']}. {advice_of(event['failure'])}")
    return "\n".join([*lines, orjson.dumps(event["payload"], option=orjson.OPT_INDENT_2).decode()])


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("type", "user_id", "happened_at", "state", "attempts", "failure", "ended_at", "data")
    due = row["due_at"] if row["state"] == "waiting" else None
    return {"event_id": row["id"], **{name: row[name] for name in names}, "next_try_at": due}


def _event_id(text: str) -> str:
    return uuid_in(text, "an event id", "An id is a UUID; see `keeper events list`.")
