"""Full refreshes for whoever is signed in: what page and interface share. Rules: execution/full_refresh.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from execution import full_refresh, runs
from execution.errors import StoreError, UserError
from execution.reports import progress
from web.auth import rate_limits
from web.context import Web
from web.problems import Problem, refusal_of

BY = "seller"
_STATUS = {
    "wrong_shop_name": 422,
    "too_many_rows": 422,
    "unknown_shop": 404,
    "unknown_user": 404,
    "unknown_run": 404,
    "not_open": 404,
}
_T = TypeVar("_T")


def planned(web: Web, user_id: str, shop: Mapping[str, Any]) -> dict[str, Any]:
    """What one of this shop would do: {shop_name, outcome, jobs, rows}. Nothing starts."""
    return _asked(lambda: web.refreshes.start(user_id, confirm=None, trigger=BY, dry_run=True, **_named(shop)))


def start(web: Web, user_id: str, shop: Mapping[str, Any], *, confirm: str) -> dict[str, Any]:
    """Begin one; `confirm` is the shop's name. One that is open is left alone."""
    rate_limits.count_action(web.app.store, user_id, rate_limits.BACKFILL_AGAIN)
    return _asked(lambda: web.refreshes.start(user_id, confirm=confirm, trigger="settings", **_named(shop)))


def newest(web: Web, user_id: str, connection_id: str) -> dict[str, Any] | None:
    """The newest of this shop of the user's; `kept_because`: why it cannot be taken back, where it cannot."""
    found: list[dict[str, Any]] = web.app.store.rpc(
        "full_refreshes", p_user_id=user_id, p_connection_ids=[connection_id]
    )
    if not found:
        return None
    return {**found[0], "kept_because": runs.one(web.app.store, found[0]["run_id"], user_id=user_id)["kept_because"]}


def fraction_of(jobs: Sequence[Mapping[str, Any]]) -> float:
    """How much of it is read, from 0 to 1."""
    return sum(progress.share(job) for job in jobs) / len(jobs) if jobs else 0.0


def cancel(web: Web, user_id: str, run_id: str) -> None:
    _asked(lambda: full_refresh.cancel(web.app.store, user_id, run_id, by=BY))


def undo(web: Web, user_id: str, run_id: str) -> dict[str, Any]:
    """Take back what its swap did."""
    rate_limits.count_action(web.app.store, user_id, rate_limits.BACKFILL_AGAIN)
    return _asked(lambda: runs.roll_back(web.app.store, run_id, actor=BY, user_id=user_id))


def _named(shop: Mapping[str, Any]) -> dict[str, Any]:
    return {"platform": shop["platform"], "shop_id": shop["shop_id"]}


def _asked(ask: Callable[[], _T]) -> _T:
    try:
        return ask()
    except UserError as error:
        raise Problem(_STATUS.get(error.code, 409), error.code) from None
    except StoreError as error:
        raise refusal_of(error) from None
