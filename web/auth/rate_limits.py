"""How often a user may do what costs others something: budget, queue, the platforms' patience."""

from __future__ import annotations

from dataclasses import dataclass

from execution.errors import StoreError
from execution.store import Store
from web.problems import Problem, refusal_of


@dataclass(frozen=True, kw_only=True)
class RateLimit:
    """An action and how often a user may do it in so many seconds."""

    action: str
    most: int
    seconds: int = 3600


# Starting what runs already changes nothing; reading everything again costs the platform's budget.
BACKFILL = RateLimit(action="backfill", most=60)
BACKFILL_AGAIN = RateLimit(action="backfill_again", most=6)
# A round is a call or a few, but everybody's budget pays for it.
SYNC = RateLimit(action="sync", most=30)
ESTIMATE = RateLimit(action="estimate", most=120)
CONNECT = RateLimit(action="connect", most=30)
GOODS = RateLimit(action="goods", most=120)
EXPORT = RateLimit(action="export", most=6)
DISCONNECT = RateLimit(action="disconnect", most=30)
# An administrator's hurry must not eat the budget of all tenants either.
ADMIN_RESYNC = RateLimit(action="admin_resync", most=30)


def count_action(store: Store, user_id: str, limit: RateLimit) -> None:
    """429 with the wait, once the user has done it as often as the window allows. Counted in the database."""
    try:
        counted = store.rpc(
            "count_action", p_user_id=user_id, p_action=limit.action, p_most=limit.most, p_seconds=limit.seconds
        )
    except StoreError as error:
        raise refusal_of(error) from None
    if not counted["allowed"]:
        raise Problem(
            429,
            "too_often",
            f"That is allowed {limit.most} times in {limit.seconds // 60} minutes. Try again later.",
            headers={"Retry-After": str(max(1, counted["retry_after_seconds"]))},
        )
