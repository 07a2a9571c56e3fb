"""The settings page and the forms on it: connect, sync again, disconnect."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from execution.catalog import PLATFORMS, shown
from execution.errors import UserError
from execution.platforms.platform import Platform
from web import connecting, messages
from web.auth.current_user import User, UserDep
from web.backfills import BackfillRequest, estimate, start
from web.context import Web, WebDep, base_url
from web.pages import render
from web.pages.connections_view import ConnectionView, connections_view
from web.pages.estimate_view import choices_of
from web.problems import Problem
from web.user_facts import status_of, token_ends_of

router = APIRouter()
_TOKEN, _SHOP_ID = re.compile(r"[\x21-\x7e]{8,4096}"), re.compile(r"[0-9]{0,20}")
HERE = "/settings/connections"


@router.get(HERE)
def show(  # noqa: PLR0917  FastAPI passes by name
    request: Request, user: UserDep, web: WebDep, problem: str = "", platform: str = "", disconnected: str = ""
) -> Response:
    cards, formats = _cards(request, web, user)
    notice = messages.connect_problem(platform, problem) if problem else ""
    return render.page(
        request,
        "connections.html",
        user=user,
        formats=formats,
        cards=cards,
        notice=render.Notice(tone="bad", text=notice) if notice else _goodbye(disconnected),
    )


@router.post(HERE + "/{platform}/connect")
def connect(platform: str, request: Request, user: UserDep, web: WebDep, shop: Annotated[str, Form()] = "") -> Response:
    """To the platform's consent page. What was typed wrong comes back on the form."""
    try:
        url = connecting.begin(
            web, user.id, platform, base_url=base_url(web, request), shop=shop.strip(), return_to="/settings/connected"
        )
    except Problem as problem:
        known = _with_form(platform)
        if problem.status_code != 422 or known is None:
            raise
        return _form(request, user, known, mistake=problem.code, shop=shop[:100])
    return RedirectResponse(url, 303)


@router.post(HERE + "/{platform}/token")
def connect_by_token(  # noqa: PLR0917  FastAPI passes by name
    platform: str,
    request: Request,
    user: UserDep,
    web: WebDep,
    access_token: Annotated[str, Form()] = "",
    shop_id: Annotated[str, Form()] = "",
) -> Response:
    """A pasted personal token; tried before it is stored, and never shown again."""
    known = _with_form(platform)
    if known is None or known.words.pasted is None:
        raise Problem(404, "not_found")
    token, shop = "".join(access_token.split()), shop_id.strip()
    for form, typed, code in ((_TOKEN, token, "no_token"), (_SHOP_ID, shop, "no_shop_number")):
        if not form.fullmatch(typed):
            return _form(request, user, known, mistake=code)
    try:
        connecting.connect_by_token(web, user.id, platform, token, shop)
    except Problem as problem:
        if problem.status_code != 422:
            raise
        code = "token_refused" if problem.code == "refused" else problem.code
        return _form(request, user, known, mistake=code)
    return RedirectResponse(f"/backfill?connected={platform}", 303)


@router.post(HERE + "/{platform}/disconnect")
def disconnect(platform: str, user: UserDep, web: WebDep) -> Response:
    connecting.disconnect(web, user.id, platform)
    return RedirectResponse(f"{HERE}?disconnected={platform}", 303)


@router.get("/settings/connected")
def connected(user: UserDep, connected: str = "", problem: str = "", platform: str = "") -> Response:  # noqa: ARG001
    """Where the consent pages lead back to: on to the sync, or to what went wrong, on the form that can mend it."""
    if connected in shown():
        return RedirectResponse(f"/backfill?connected={connected}", 303)
    name = platform if platform in shown() else ""
    code = problem if problem.isidentifier() else "unknown"
    return RedirectResponse(f"{HERE}?platform={name}&problem={code}", 303)


@router.get(HERE + "/{platform}/connect")
def connect_form(platform: str, request: Request, user: UserDep, web: WebDep) -> Response:
    known = _with_form(platform)
    if known is None or not _is_available(web, platform):
        raise Problem(404, "not_found")
    return _form(request, user, known)


def _with_form(platform: str) -> Platform | None:
    """The platform, where its seller has something to type before it is connected."""
    known = PLATFORMS.get(platform)
    return known if known and known.words.has_form else None


def _form(request: Request, user: User, platform: Platform, *, mistake: str = "", shop: str = "") -> Response:
    """The form that connects; `mistake` is the code of what was wrong with it."""
    text = messages.connect_problem(platform.name, mistake) if mistake else ""
    status = 422 if mistake else 200
    return render.page(request, "connect.html", user=user, status=status, platform=platform, mistake=text, shop=shop)


@router.get(HERE + "/{platform}/sync")
def sync_form(platform: str, request: Request, user: UserDep, web: WebDep) -> Response:
    """The dry run: what it would cost, before anything starts."""
    cards, formats = _cards(request, web, user)
    card = _connected(cards, platform)
    estimates = (
        []
        if card.running
        else [
            (again, estimate(web, user.id, _request(platform, again=again)))
            for again in ((False, True) if card.can_resume else (True,))
        ]
    )
    choices = choices_of(estimates, formats, is_first=not card.entities)
    return render.page(request, "sync.html", user=user, formats=formats, card=card, choices=choices)


@router.post(HERE + "/{platform}/sync")
def sync(platform: str, user: UserDep, web: WebDep, again: Annotated[str, Form()] = "rest") -> Response:
    started = start(web, user.id, _request(platform, again=again == "all"))
    queued = any(job["outcome"] == "queued" for job in started["jobs"])
    return RedirectResponse(f"/backfill?started={platform}" if queued else f"{HERE}/{platform}/sync", 303)


def _request(platform: str, *, again: bool) -> BackfillRequest:
    return BackfillRequest(platform=platform, again=again)


def _cards(request: Request, web: Web, user: User) -> tuple[tuple[ConnectionView, ...], Any]:
    facts = status_of(web, user.id)
    formats = render.formats_of(request, datetime.fromisoformat(facts["now"]))
    available = [name for name in PLATFORMS if _is_available(web, name)]
    ends = token_ends_of(web, user.id)
    return connections_view(facts, formats, available=available, token_ends=ends), formats


def _connected(cards: tuple[ConnectionView, ...], platform: str) -> ConnectionView:
    for card in cards:
        if card.platform == platform and card.is_connected:
            return card
    raise Problem(404, "not_connected")


def _is_available(web: Web, platform: str) -> bool:
    """Whether this service reads the platform and has a key of its own with it."""
    try:
        web.app.settings.platform(platform)
    except UserError:
        return False
    return platform in web.manager.table.jobs


def _goodbye(platform: str) -> render.Notice | None:
    if platform not in shown():
        return None
    return render.Notice(
        tone="good", text=f"{messages.platform_title(platform)} is disconnected, and our keys to it are deleted."
    )
