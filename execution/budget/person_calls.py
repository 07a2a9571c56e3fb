"""Calls that a person causes by asking, counted in a share of their own: nobody's curiosity is everybody's wait."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import structlog

from execution.budget.budgets import Budget, Scope
from execution.errors import Snooze
from execution.store import Rpc

log = structlog.get_logger()


def person_calls(store: Rpc, budget: Budget, scope: Scope, user_id: str, *, optional: bool) -> Callable[[], None]:
    """What to do before each call: it raises Snooze once the person's share of the day is used up.

    `optional`: nothing is lost where it is not asked, so the share of all persons limits it as well. Where the limit is
    not the day's, or the person's own account has it, there is nothing to share.
    """
    if budget.per_day is None or budget.shared_by != "app":
        return lambda: None

    def count() -> None:
        wait_s: int = store.rpc(
            "count_person_call",
            p_user_id=user_id,
            p_scope=scope.key,
            p_optional=optional,
            p_per_day=budget.per_day,
            p_person_share=budget.person_share,
            p_people_share=budget.people_share,
        )
        if wait_s:
            log.info("person_share_used_up", scope=scope.key, user_id=user_id, optional=optional)
            raise Snooze("this person's share of the day is used up", timedelta(seconds=wait_s), code="day_used_up")

    return count
