"""A user's runs: what each of them read, changed and cost, and taking one back (SQL: runs.sql, docs/decisions/030)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from execution.errors import StoreError, UserError
from execution.ids import run_id_in
from execution.store import Rpc

# Why a run is not taken back by itself.
KEPT_WORDS: Mapping[str, str] = {
    "already_undone": "taken back already",
    "run_is_open": "still open",
    "record_is_over": "too old: what it changed is no longer on record",
    "changed_nothing": "changed nothing",
}
_AGAIN = "`keeper backfill start --again` reads everything anew and mends what differs."
# By code: what is refused, with the run or what the database says beside it, and what to do.
_REFUSALS: Mapping[str, tuple[str, str]] = {
    "unknown_run": ("There is no run {}.", "See `keeper runs list`."),
    "already_undone": (
        "Run {} is taken back already.",
        "The rollback that did it can be taken back itself, as any run.",
    ),
    "run_is_open": ("Run {} is still open.", "Wait until its jobs have ended."),
    "record_is_over": ("Run {} is too old: what it changed is no longer on record.", _AGAIN),
    "changed_nothing": ("Run {} changed nothing.", "There is nothing to take back."),
    "later_runs": (
        "Later runs changed the same rows: {}.",
        "Take those back first, or all of them at once with --with-later.",
    ),
    "entity_is_read": (
        "{} is being read just now, from where this run would be taken back to.",
        "Wait until that job has ended.",
    ),
    "too_many_rows": ("That is too much for one transaction: {} rows.", _AGAIN),
}


def of_user(
    store: Rpc, user_id: str, shops: Sequence[Mapping[str, Any]], *, before: str | None = None, limit: int = 20
) -> list[dict[str, Any]]:
    """The runs of these shops of the user's, the newest first; `before` goes on where a list ended."""
    if not shops:
        return []
    found: list[dict[str, Any]] = store.rpc(
        "runs",
        p_user_id=user_id,
        p_connection_ids=[shop["connection_id"] for shop in shops],
        p_before=before,
        p_limit=limit,
    )
    return found


def one(store: Rpc, run_id: str, *, user_id: str | None = None) -> dict[str, Any]:
    """A run by its id, of this user where one is named. Raises UserError where there is none."""
    found: list[dict[str, Any]] = store.rpc("runs", p_run_id=run_id_in(run_id), p_user_id=user_id)
    if not found:
        raise UserError(f"There is no run {run_id}.", hint="See `keeper runs list`.", code="unknown_run")
    return found[0]


def roll_back(
    store: Rpc,
    run_id: str,
    *,
    actor: str,
    user_id: str | None = None,
    with_later: bool = False,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Take a run back: every row and every watermark as it was before it. One transaction; a run itself.

    Answers {run_id, dry_run, undone, later, tables, entities}. Raises UserError with a code where it cannot be:
    `later_runs` names those that changed the same rows since, which `with_later` takes back as well.
    """
    try:
        answer: dict[str, Any] = store.rpc(
            "roll_back",
            p_run_id=run_id_in(run_id),
            p_user_id=user_id,
            p_with_later=with_later,
            p_dry_run=dry_run,
            p_actor=actor,
            # The answer may be lost after the commit: the same call again is answered the same.
            p_rollback_id=str(uuid.uuid4()),
        )
    except StoreError as error:
        raise _refusal(error) from None
    return answer


def _refusal(error: StoreError) -> Exception:
    """What the database refused, as a person can act on it: its hint names the runs, the rows or the entity."""
    if error.code not in _REFUSALS:
        return error
    message, hint = _REFUSALS[error.code]
    told = error.hint.replace(" ", ", ") if error.code == "later_runs" else error.hint
    return UserError(message.format(told), hint=hint, code=error.code)
