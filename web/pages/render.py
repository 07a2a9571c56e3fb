"""Draws a template for a reader: who they are, how they write numbers, where they are in the house."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from web.auth.csrf import FIELD
from web.auth.current_user import User
from web.context import web_of
from web.pages import platform_colours
from web.pages.formats import Formats, formats_for

_HERE = Path(__file__).resolve().parent.parent
STATIC = _HERE / "static"


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A line at the top of a page: what has just happened, and where to go from there."""

    tone: Literal["good", "warn", "bad"]
    text: str
    href: str = ""
    link: str = ""


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Who is signed in, as the header shows it."""

    name: str


@cache
def static(name: str) -> str:
    """The address of a static file with a hash of its content, so that a new release is a new address."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(static=static, platform_colours=platform_colours.address)
    return environment


def formats_of(request: Request, now: Any = None) -> Formats:
    """As the browser asks: its language, and the zone that it put into a cookie."""
    return formats_for(
        accept_language=request.headers.get("accept-language", ""), zone=request.cookies.get("tz", "UTC"), now=now
    )


def text(request: Request, template: str, *, user: User | None, formats: Formats | None = None, **values: Any) -> str:
    """A template as text. `values` are what it needs beside the frame."""
    csrf = web_of(request).csrf.token(user.claims) if user else ""
    field = Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, csrf)
    frame: dict[str, Any] = {
        "user": Reader(name=user.email or "Signed in") if user else None,
        "formats": formats or formats_of(request),
        "here": request.url.path,
        "csrf_field": lambda: field,
        "notice": None,
    }
    return _environment().get_template(template).render(frame | values)


def page(request: Request, template: str, *, user: User | None, status: int = 200, **values: Any) -> HTMLResponse:
    return HTMLResponse(text(request, template, user=user, **values), status)
