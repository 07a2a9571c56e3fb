"""Own goods' costs for whoever is signed in: what page and interface share. SQL and rules: execution/goods_costs.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from execution import goods_costs, goods_files
from execution.errors import UserError
from execution.goods_costs import Cost
from execution.goods_files import Read
from web.auth import rate_limits
from web.context import Web
from web.problems import Problem
from web.user_facts import shops_of

_MOST_MISTAKES = 20
_STATUS = {"costs_changed_since": 409, "no_such_save": 404, "costs_too_large": 413, "unknown_user": 404}
BY = "seller"


def count(web: Web, user_id: str) -> None:
    """429 once it was done as often as the hour allows."""
    rate_limits.count_action(web.app.store, user_id, rate_limits.GOODS)


def save(web: Web, user_id: str, costs: Sequence[Cost]) -> dict[str, Any]:
    count(web, user_id)
    try:
        return goods_costs.save(web.app.store, user_id, costs, by=BY)
    except UserError as error:
        raise problem_of(error) from None


def remove(web: Web, user_id: str, ids: Sequence[int]) -> dict[str, Any]:
    """404 where none of them is the user's."""
    count(web, user_id)
    removed = goods_costs.remove(web.app.store, user_id, ids, by=BY)
    if not removed["removed"]:
        raise Problem(404, "no_such_cost")
    return removed


def undo(web: Web, user_id: str, save_id: str) -> dict[str, Any]:
    count(web, user_id)
    try:
        return goods_costs.undo(web.app.store, user_id, save_id)
    except UserError as error:
        raise problem_of(error) from None


def read(web: Web, user_id: str, data: bytes, *, currency: str | None = None) -> Read:
    """A file of the user's, or what was pasted of one. 422 where it is none."""
    try:
        return goods_files.read(data, shops=shops_of(web, user_id), currency=currency)
    except UserError as error:
        raise problem_of(error) from None


def save_all(web: Web, user_id: str, found: Read) -> dict[str, Any]:
    """Saved, where there is something and nothing is wrong with it: else 422, with the rows."""
    if found.bad:
        errors = [{"at": f"row {one.row}, {one.column}", "why": one.reason} for one in found.bad[:_MOST_MISTAKES]]
        raise Problem(422, "bad_cost_rows", errors=errors)
    if not found.costs:
        raise Problem(422, "no_costs")
    return save(web, user_id, found.costs)


def problem_of(error: UserError) -> Problem:
    return Problem(_STATUS.get(error.code, 422), error.code)
