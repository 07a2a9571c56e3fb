"""Signing in and out. On the embedded stack an address is enough; elsewhere the service's login brings a session."""

from __future__ import annotations

import re
import time
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from web.auth.current_user import User, UserDep, optional_user
from web.auth.dev_login import demand_loopback, dev_login_exists, dev_token
from web.context import WebDep
from web.pages.render import Notice, page
from web.problems import Problem

router = APIRouter()
HOME = "/dashboard"
_ADDRESS = re.compile(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){0,5}")
_NOTICES = {
    "signed_out": Notice(tone="good", text="You are signed out."),
}


@router.get("/")
def home() -> Response:
    return RedirectResponse(HOME, 303)


@router.get("/login")
def login_form(
    request: Request,
    web: WebDep,
    user: Annotated[User | None, Depends(optional_user)],
    next: str = HOME,  # noqa: A002  the name in the address
    notice: str = "",
) -> Response:
    if user is not None:
        return RedirectResponse(own_path(next), 303)
    return page(
        request,
        "login.html",
        user=None,
        dev=dev_login_exists(web.app.settings),
        next=own_path(next),
        email="",
        mistake="",
        notice=_NOTICES.get(notice),
    )


@router.post("/login")
def log_in(
    request: Request,
    web: WebDep,
    email: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = HOME,  # noqa: A002
) -> Response:
    """The development login. Refused anywhere but on the embedded stack, and to other sites' pages."""
    if not dev_login_exists(web.app.settings):
        raise Problem(404, "not_found")
    demand_loopback(request)
    web.csrf.check_origin(request)
    address = email.strip()
    if not _ADDRESS.fullmatch(address):
        mistake = "Write an e-mail address, like ada@example.com."
        return page(
            request, "login.html", user=None, status=422, dev=True, next=own_path(next), email=address, mistake=mistake
        )
    token = dev_token(web.app, web.sessions, address)
    response = RedirectResponse(own_path(next), 303)
    web.sessions.set_cookie(response, token, web.sessions.verify(token), now=time.time())
    return response


@router.post("/logout")
def log_out(user: UserDep, web: WebDep) -> Response:  # noqa: ARG001  only a signed-in user signs out
    response = RedirectResponse("/login?notice=signed_out", 303)
    web.sessions.delete_cookie(response)
    return response


def own_path(path: str) -> str:
    """A path of our own, whatever was asked: nobody is sent to another site from here."""
    parts = urlsplit(path)
    is_own = path.startswith("/") and not path.startswith(("//", "/\\")) and not (parts.scheme or parts.netloc)
    return path if is_own and path.isprintable() else HOME
