"""Who asks. Every route with a user depends on `current_user`; there is no other way to a user id."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, cast

import structlog
from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPBearer

from execution import traces
from web.auth.csrf import Csrf
from web.auth.sessions import Claims, Sessions
from web.problems import Problem

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# For the OpenAPI document; the token itself is read from the request below.
_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="A user's access token of Supabase Auth.")
_cookie = APIKeyCookie(
    name="keeper_session",
    auto_error=False,
    description="The same token as a cookie (`__Host-keeper_session` over https); changes then need X-CSRF-Token.",
)


@dataclass(frozen=True, kw_only=True)
class User:
    """A signed-in user: a row in `auth.users`, as a verified token says."""

    id: str
    email: str
    claims: Claims
    by_cookie: bool


async def current_user(request: Request) -> User:
    """The user of a good token. With a cookie, a request that changes something must come from our own page."""
    sessions = cast("Sessions", request.app.state.sessions)
    token, by_cookie = _presented(request, sessions)
    if not token:
        raise Problem(401, "not_signed_in", headers={"WWW-Authenticate": "Bearer"})
    if sessions.needs_fetch(token):
        claims = await asyncio.to_thread(sessions.verify, token)
    else:
        claims = sessions.verify(token)
    if by_cookie and request.method not in _SAFE:
        await cast("Csrf", request.app.state.csrf).check(request, claims)
    # Every line that is logged for this request says whose it is.
    structlog.contextvars.bind_contextvars(user_id=claims.user_id)
    traces.note(user_id=claims.user_id)
    return User(id=claims.user_id, email=claims.email, claims=claims, by_cookie=by_cookie)


async def optional_user(request: Request) -> User | None:
    """For pages that also greet those who are not signed in."""
    try:
        return await current_user(request)
    except Problem as problem:
        if problem.status_code == 401:
            return None
        raise


UserDep = Annotated[User, Depends(current_user)]
# The same with the two ways to sign in written into the OpenAPI document.
SIGNED_IN = [Security(_bearer), Security(_cookie)]


def _presented(request: Request, sessions: Sessions) -> tuple[str, bool]:
    """The token and whether a cookie brought it. A header that is there is the caller's choice, good or not."""
    header = request.headers.get("authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        return (token.strip() if scheme.lower() == "bearer" else ""), False
    return request.cookies.get(sessions.cookie, ""), True
