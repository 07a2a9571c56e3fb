"""Signing in: a token of Supabase Auth becomes a cookie. On the embedded stack an address is enough."""

from __future__ import annotations

import time
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.responses import JSONResponse, Response

from execution import operations
from execution.app import App
from execution.settings import Settings
from web import auth
from web.auth import SIGNED_IN, UserDep
from web.context import Web, WebDep
from web.problems import Problem, responses

SESSION_SECONDS = 8 * 3600
_LOOPBACK = ("127.0.0.1", "::1", "localhost")

router = APIRouter(tags=["session"])
dev = APIRouter(tags=["session"])


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
    answer = JSONResponse(_session(user, web).model_dump())
    auth.remember(answer, web, token, user.claims, now=time.time())
    return answer


@router.get("/session", dependencies=SIGNED_IN, responses=responses(401, 503))
def show_session(user: UserDep, web: WebDep) -> Session:
    """Who is signed in."""
    return _session(user, web)


@router.delete("/session", status_code=204, dependencies=SIGNED_IN, responses=responses(401, 403, 503))
def end_session(user: UserDep, web: WebDep) -> Response:  # noqa: ARG001  only a signed-in user signs out
    """Forget the cookie."""
    answer = Response(status_code=204)
    auth.forget(answer, web)
    return answer


def dev_login_exists(settings: Settings) -> bool:
    """On the embedded stack alone: its name, database and pages on this machine, and a secret to sign with."""
    addresses = (settings.supabase_url, settings.public_url or "http://localhost")
    return (
        settings.keeper_environment == "embedded"
        and all(urlsplit(address).hostname in _LOOPBACK for address in addresses)
        and settings.supabase_jwt_secret is not None
    )


def demand_neighbour(request: Request) -> None:
    """404 for who is not at this machine: on the network, through a tunnel, or a name that was pointed at it.

    An address is enough to be anybody here; so a stack that listens to all must not sign in whoever comes.
    """
    try:
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname
    except ValueError:
        host = None
    if host not in _LOOPBACK or request.client is None or request.client.host not in _LOOPBACK:
        raise Problem(404, "not_found")


def dev_token(web: Web, email: str) -> tuple[str, str]:
    """User id and token for an address, made if nobody has it yet. 404 anywhere but on the embedded stack."""
    if not dev_login_exists(web.app.settings):
        raise Problem(404, "not_found")
    user_id = _user_with(web.app, email)
    return user_id, web.sessions.issue(user_id, email, seconds=SESSION_SECONDS)


class DevLogin(BaseModel):
    """An address of the development login."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"email": "ada@example.com"}]})

    email: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){0,5}$")
    ]


@dev.post("/dev/session", responses=responses(403, 404, 422, 503))
def dev_login(login: DevLogin, web: WebDep, request: Request) -> JSONResponse:
    """Sign in with nothing but an address. This route exists on the embedded stack alone."""
    demand_neighbour(request)
    web.csrf.check_origin(request)
    _, token = dev_token(web, login.email)
    claims = web.sessions.verify(token)
    user = auth.User(id=claims.user_id, email=claims.email, claims=claims, by_cookie=True)
    answer = JSONResponse(_session(user, web).model_dump())
    auth.remember(answer, web, token, claims, now=time.time())
    return answer


def _session(user: auth.User, web: Web) -> Session:
    admin = bool(web.app.store.rpc("is_admin", p_user_id=user.id))
    return Session(user_id=user.id, email=user.email, csrf_token=web.csrf.token(user.claims), is_admin=admin)


def _user_with(app: App, email: str) -> str:
    found = app.store.rpc("user_by_email", p_email=email)
    return str(found or operations.create_user(app, email=email, plan="pro")["user_id"])
