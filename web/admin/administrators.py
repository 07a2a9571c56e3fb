"""Who may administer: asked of the database at each request. What administrators do is put on record."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request

from execution.operators import Operator
from web.auth.current_user import User, UserDep
from web.context import Web, web_of
from web.problems import Problem


def admin_user(user: UserDep, request: Request) -> User:
    """An administrator, by the database's word at this very request: a token knows nothing of who is one.

    Others are told that there is no such page.
    """
    if not web_of(request).app.store.rpc("is_admin", p_user_id=user.id):
        raise Problem(404, "not_found")
    return user


AdminDep = Annotated[User, Depends(admin_user)]


def operator_of(admin: User) -> Operator:
    """Who acts, for the record that the act itself writes."""
    return Operator(name="admin", admin_id=admin.id)


def pseudonym(user_id: str) -> str:
    """What stays of somebody in the record, as SQL `pseudonym` makes it."""
    return hashlib.sha256(user_id.encode()).hexdigest()[:16]


def record(web: Web, admin_id: str, action: str, subject: UUID, details: dict[str, Any]) -> None:
    """Before it is done, so that nothing is done without a record. 404 for a user that is not there."""
    number = web.app.store.rpc(
        "record_admin_action", p_user_id=admin_id, p_action=action, p_subject_id=str(subject), p_details=details
    )
    if number is None:
        raise Problem(404, "unknown_user")
