"""Signing in: a token of Supabase Auth becomes a cookie. On the embedded stack an address is enough."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.responses import JSONResponse, Response

from web.auth.current_user import SIGNED_IN, User, UserDep
from web.auth.dev_login import demand_loopback, dev_token
from web.context import Web, WebDep
from web.inputs import Body
from web.problems import Problem, responses

router = APIRouter(tags=["session"])
dev_router = APIRouter(tags=["session"])


class Session(BaseModel):
    """Who is signed in, and the token that changes need beside the cookie."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"user_id": "6f1c0a3e-6d0b-4a5e-9d35-0d1b0a8f7c11", "email": "ada@example.com", "csrf_token": "x3…"}
            ]
        }
    )

    user_id: str
    email: str
    csrf_token: str
    is_admin: bool = False


@router.post("/session", dependencies=SIGNED_IN, responses=responses(401, 403, 503))
def keep_session(user: UserDep, web: WebDep, request: Request) -> JSONResponse:
    """Keep the bearer token in an HttpOnly cookie, so that pages work without it."""
    token = request.headers.get("authorization", "").partition(" ")[2].strip()
    if user.by_cookie:
        raise Problem(401, "not_signed_in", "Send the token in the Authorization header.")
    response = JSONResponse(_session(user, web).model_dump())
    web.sessions.set_cookie(response, token, user.claims, now=time.time())
    return response


@router.get("/session", dependencies=SIGNED_IN, responses=responses(401, 503))
def show_session(user: UserDep, web: WebDep) -> Session:
    """Who is signed in."""
    return _session(user, web)


@router.delete("/session", status_code=204, dependencies=SIGNED_IN, responses=responses(401, 403, 503))
def end_session(user: UserDep, web: WebDep) -> Response:  # noqa: ARG001  only a signed-in user signs out
    """Forget the cookie."""
    response = Response(status_code=204)
    web.sessions.delete_cookie(response)
    return response


class DevLogin(Body):
    """An address of the development login."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "ada@example.com"}]})

    email: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){0,5}$")
    ]


@dev_router.post("/dev/session", responses=responses(403, 404, 422, 503))
def dev_login(login: DevLogin, web: WebDep, request: Request) -> JSONResponse:
    """Sign in with nothing but an address. This route exists on the embedded stack alone."""
    demand_loopback(request)
    web.csrf.check_origin(request)
    token = dev_token(web.app, web.sessions, login.email)
    claims = web.sessions.verify(token)
    user = User(id=claims.user_id, email=claims.email, claims=claims, by_cookie=True)
    response = JSONResponse(_session(user, web).model_dump())
    web.sessions.set_cookie(response, token, claims, now=time.time())
    return response


def _session(user: User, web: Web) -> Session:
    admin = bool(web.app.store.rpc("is_admin", p_user_id=user.id))
    return Session(user_id=user.id, email=user.email, csrf_token=web.csrf.token(user.claims), is_admin=admin)
