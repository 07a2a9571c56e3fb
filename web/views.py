"""What the routes and the pages show of one user, as facts. The user id always comes from a verified token."""

from __future__ import annotations

from typing import Any

from execution import operations
from execution.errors import StoreError, UserError
from web.context import Web
from web.problems import Problem


def status_of(web: Web, user_id: str, platform: str | None = None) -> dict[str, Any]:
    """The user's backfill, as `keeper backfill status --json` tells it. 404 for a user that is gone."""
    try:
        return operations.status(web.app, user_id=user_id, platform=platform)
    except UserError:
        raise Problem(404, "unknown_user", "There is no such user.") from None


def connections_of(web: Web, user_id: str) -> list[dict[str, Any]]:
    """The shops that the user connected, however they are now; see SQL `connections`."""
    found: list[dict[str, Any]] = web.app.store.rpc("connections", p_user_id=user_id)
    return found


def stable_word(error: StoreError) -> str:
    """The word that a SQL function raised: the store puts the function's name before it."""
    return error.message.rpartition(" ")[2]
