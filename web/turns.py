"""How often a user may do what costs others something: budget, queue, the platforms' patience."""

from __future__ import annotations

from dataclasses import dataclass

from execution.errors import StoreError
from web.context import Web
from web.problems import Problem
from web.views import stable_word


@dataclass(frozen=True, kw_only=True)
class Turn:
    """An action and how often a user may do it in so many seconds."""

    action: str
    most: int
    seconds: int = 3600


# Starting what runs already changes nothing; reading everything again costs the platform's budget.
TRIGGER = Turn(action="backfill", most=60)
AGAIN = Turn(action="backfill_again", most=6)
ESTIMATE = Turn(action="estimate", most=120)
CONNECT = Turn(action="connect", most=30)
DISCONNECT = Turn(action="disconnect", most=30)


def take(web: Web, user_id: str, turn: Turn) -> None:
    """429 with the wait, once the user has had all turns of the window. Counted in the database."""
    try:
        told = web.app.store.rpc(
            "count_action", p_user_id=user_id, p_action=turn.action, p_most=turn.most, p_seconds=turn.seconds
        )
    except StoreError as error:
        if stable_word(error) == "unknown_user":
            raise Problem(404, "unknown_user", "There is no such user.") from None
        raise
    if not told["allowed"]:
        raise Problem(
            429,
            "too_often",
            f"That is allowed {turn.most} times in {turn.seconds // 60} minutes. Try again later.",
            headers={"Retry-After": str(max(1, told["retry_after_seconds"]))},
        )
