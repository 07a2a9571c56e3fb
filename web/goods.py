"""Own goods' costs for whoever is signed in: what page and interface share. SQL and rules: execution/goods_costs.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from execution import goods_costs
from execution.errors import UserError
from execution.goods_costs import Cost
from web.auth import rate_limits
from web.context import Web
from web.problems import Problem

_STATUS = {"costs_changed_since": 409, "no_such_save": 404, "unknown_user": 404}
BY = "seller"


def save(web: Web, user_id: str, costs: Sequence[Cost]) -> dict[str, Any]:
    rate_limits.count_action(web.app.store, user_id, rate_limits.GOODS)
    try:
        return goods_costs.save(web.app.store, user_id, costs, by=BY)
    except UserError as error:
        raise problem_of(error) from None


def remove(web: Web, user_id: str, ids: Sequence[int]) -> dict[str, Any]:
    """404 where none of them is the user's."""
    rate_limits.count_action(web.app.store, user_id, rate_limits.GOODS)
    removed = goods_costs.remove(web.app.store, user_id, ids, by=BY)
    if not removed["removed"]:
        raise Problem(404, "no_such_cost")
    return removed


def undo(web: Web, user_id: str, save_id: str) -> dict[str, Any]:
    rate_limits.count_action(web.app.store, user_id, rate_limits.GOODS)
    try:
        return goods_costs.undo(web.app.store, user_id, save_id)
    except UserError as error:
        raise problem_of(error) from None


def problem_of(error: UserError) -> Problem:
    return Problem(_STATUS.get(error.code, 422), error.code)
