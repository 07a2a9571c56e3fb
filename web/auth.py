"""Who asks. Every route with a user depends on `current_user`; there is no other way to a user id."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPBearer
from starlette.responses import Response

from web.context import Web, web_of
from web.problems import Problem
from web.sessions import Claims

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
    web = web_of(request)
    token, by_cookie = _presented(request, web)
    if not token:
        raise Problem(401, "not_signed_in", "Sign in, and try again.", headers={"WWW-Authenticate": "Bearer"})
    if web.sessions.needs_fetch(token):
        claims = await asyncio.to_thread(web.sessions.verify, token)
    else:
        claims = web.sessions.verify(token)
    if by_cookie and request.method not in _SAFE:
        await web.csrf.check(request, claims)
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


def admin_user(user: UserDep, request: Request) -> User:
    """An administrator, by the database's word at this very request: a token knows nothing of who is one.

    Others are told that there is no such page.
    """
    if not web_of(request).app.store.rpc("is_admin", p_user_id=user.id):
        raise Problem(404, "not_found")
    return user


AdminDep = Annotated[User, Depends(admin_user)]


def remember(response: Response, web: Web, token: str, claims: Claims, *, now: float) -> None:
    """Set the session's cookie, for as long as the token is good."""
    response.set_cookie(
        web.sessions.cookie,
        token,
        max_age=max(0, int(claims.expires_at - now)),
        path="/",
        secure=web.sessions.secure,
        httponly=True,
        # Lax, not Strict: the platforms' consent pages send the seller back to us with it.
        samesite="lax",
    )


def forget(response: Response, web: Web) -> None:
    response.delete_cookie(web.sessions.cookie, path="/", secure=web.sessions.secure, httponly=True, samesite="lax")


def _presented(request: Request, web: Web) -> tuple[str, bool]:
    """The token and whether a cookie brought it. A header that is there is the caller's choice, good or not."""
    header = request.headers.get("authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        return (token.strip() if scheme.lower() == "bearer" else ""), False
    return request.cookies.get(web.sessions.cookie, ""), True
