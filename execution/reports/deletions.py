"""Very many records that seem to be gone, which a person decides about; and what a run marked gone, brought back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from execution.connections.choice import origins
from execution.errors import UserError
from execution.ids import run_id_in
from execution.store import Rpc
from execution.terminal import moment_text

Decision = Literal["confirmed", "dismissed"]


def held(store: Rpc, user_id: str | None = None) -> list[dict[str, Any]]:
    """What waits for a decision: of a user's shops, or of everybody's."""
    found: list[dict[str, Any]] = store.rpc("held_deletions", p_user_id=user_id)
    return found


def decide(store: Rpc, *, user_id: str, number: int, decision: Decision) -> dict[str, Any]:
    """Confirm: they are gone, softly. Dismiss: they are not, and have to be missed twice again."""
    gone = 0
    while True:
        answer = store.rpc("decide_deletions", p_user_id=user_id, p_id=number, p_decision=decision)
        if answer is None:
            raise UserError(f"No deletions with the number {number} wait for you.", hint="See `keeper deletions list`.")
        gone += answer["gone"]
        if answer["done"]:
            return {"id": number, "decision": decision, "gone": gone}


def restore(store: Rpc, *, user_id: str, run_id: str) -> dict[str, Any]:
    """What a run marked gone comes back. What the platform still does not show has to be missed twice again."""
    restored = 0
    while True:
        answer = store.rpc("restore_gone", p_user_id=user_id, p_run_id=run_id_in(run_id))
        if answer is None:
            raise UserError(f"User {user_id} has no run {run_id}.", hint="Take its id from `keeper deletions list`.")
        restored += answer["restored"]
        if answer["done"]:
            return {"run_id": run_id, "restored": restored}


def as_text(facts: Sequence[Mapping[str, Any]]) -> str:
    origin = origins(facts)
    lines = (
        f"{one['id']}  {origin(one)} {one['entity']}: {one['held']} of {one['stored']} seem to be gone, "
        f"since {moment_text(datetime.fromisoformat(one['held_at']))}; run {one['run_id']}"
        for one in facts
    )
    return "\n".join(lines) or "Nothing is held back."
