"""The settings page and the forms on it: connect, sync again, disconnect."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from execution import time_zones
from execution.catalog import PLATFORMS, shown
from execution.errors import UserError
from execution.platforms.platform import Platform
from execution.reports import deletions, export
from web import connecting, messages
from web.auth import rate_limits
from web.auth.current_user import User, UserDep
from web.backfills import BackfillRequest, estimate, start
from web.context import Web, WebDep, base_url
from web.pages import render
from web.pages.connections_view import ConnectionView, connections_view
from web.pages.estimate_view import choices_of
from web.problems import Problem
from web.user_facts import held_of, status_of, token_ends_of, webhooks_of

router = APIRouter()
_TOKEN, _SHOP_ID = re.compile(r"[\x21-\x7e]{8,4096}"), re.compile(r"[0-9]{0,20}")
HERE = "/settings/connections"


@router.get(HERE)
def show(  # noqa: PLR0917  FastAPI passes by name
    request: Request,
    user: UserDep,
    web: WebDep,
    problem: str = "",
    platform: str = "",
    disconnected: str = "",
    erased: str = "",
) -> Response:
    notice = messages.connect_problem(platform, problem) if problem else ""
    return _page(
        request,
        web,
        user,
        lambda cards: render.Notice(tone="bad", text=notice) if notice else _goodbye(cards, disconnected, erased),
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


@router.post(HERE + "/{connection_id}/disconnect")
def disconnect(connection_id: str, user: UserDep, web: WebDep) -> Response:
    _connection(web, user, connection_id)
    connecting.disconnect(web, user.id, connection_id)
    return RedirectResponse(f"{HERE}?disconnected={connection_id}", 303)


@router.post(HERE + "/{connection_id}/time-zone")
def time_zone(
    connection_id: str, request: Request, user: UserDep, web: WebDep, zone: Annotated[str, Form()] = ""
) -> Response:
    """The seller says in which zone the shop's days begin. What was typed wrong comes back at its field."""
    shop = _connection(web, user, connection_id)
    try:
        connecting.say_time_zone(web, user.id, connection_id, zone)
    except Problem as problem:
        if problem.status_code == 404:
            raise
        if problem.status_code == 422:
            mistake = ZoneMistake(connection_id=connection_id, typed=zone[:60], text=messages.PROBLEMS[problem.code])
            return _page(request, web, user, lambda _: None, zone_mistake=mistake)
        return RedirectResponse(f"{HERE}?platform={shop['platform']}&problem={problem.code}", 303)
    return RedirectResponse(f"{HERE}#{shop['platform']}", 303)


@router.get(HERE + "/{connection_id}/export")
def export_shop(connection_id: str, user: UserDep, web: WebDep) -> Response:
    """All that was loaded from the shop: a line of JSON a record, each with its table."""
    shop = _connection(web, user, connection_id)
    rate_limits.count_action(web.app.store, user.id, rate_limits.EXPORT)
    whole = export.Export(store=web.app.store, user_id=user.id, now=web.app.store.now, connection_id=connection_id)
    name = f"{shop['platform']}-{connection_id}.jsonl"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(export.stream(whole), media_type="application/x-ndjson", headers=headers)


@router.post(HERE + "/{connection_id}/erase")
def erase(connection_id: str, user: UserDep, web: WebDep) -> Response:
    """The connection goes with all that was loaded. One that is connected is disconnected first."""
    _connection(web, user, connection_id)
    connecting.erase(web, user.id, connection_id)
    return RedirectResponse(f"{HERE}?erased={connection_id}", 303)


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


@dataclass(frozen=True, kw_only=True)
class ZoneMistake:
    """What was typed as a shop's time zone and is none."""

    connection_id: str
    typed: str
    text: str


def _page(
    request: Request,
    web: Web,
    user: User,
    notice: Callable[[tuple[ConnectionView, ...]], render.Notice | None],
    zone_mistake: ZoneMistake | None = None,
) -> Response:
    cards, formats = _cards(request, web, user)
    return render.page(
        request,
        "connections.html",
        user=user,
        status=422 if zone_mistake else 200,
        formats=formats,
        cards=cards,
        addable=_addable(cards, web),
        notice=notice(cards),
        zone_mistake=zone_mistake,
    )


def _form(request: Request, user: User, platform: Platform, *, mistake: str = "", shop: str = "") -> Response:
    """The form that connects; `mistake` is the code of what was wrong with it."""
    text = messages.connect_problem(platform.name, mistake) if mistake else ""
    status = 422 if mistake else 200
    return render.page(request, "connect.html", user=user, status=status, platform=platform, mistake=text, shop=shop)


@router.post(HERE + "/{connection_id}/deletions/{number}")
def decide(
    connection_id: str, number: int, user: UserDep, web: WebDep, decision: Annotated[str, Form()] = ""
) -> Response:
    """The seller says whether what seems to be gone is gone."""
    shop = _connection(web, user, connection_id)
    known: dict[str, deletions.Decision] = {"gone": "confirmed", "not_gone": "dismissed"}
    if decision not in known or number not in [one["id"] for one in held_of(web, user.id).get(connection_id, ())]:
        raise Problem(404, "not_found")
    deletions.decide(web.app.store, user_id=user.id, number=number, decision=known[decision])
    return RedirectResponse(f"{HERE}#{shop['platform']}", 303)


@router.get(HERE + "/{connection_id}/sync")
def sync_form(connection_id: str, request: Request, user: UserDep, web: WebDep) -> Response:
    """The dry run: what it would cost, before anything starts."""
    cards, formats = _cards(request, web, user)
    card = _connected(cards, connection_id)
    estimates = (
        []
        if card.running
        else [
            (again, estimate(web, user.id, _request(card.platform, card.shop_id, again=again)))
            for again in ((False, True) if card.can_resume else (True,))
        ]
    )
    choices = choices_of(estimates, formats, is_first=not card.entities)
    return render.page(request, "sync.html", user=user, formats=formats, card=card, choices=choices)


@router.post(HERE + "/{connection_id}/sync")
def sync(connection_id: str, user: UserDep, web: WebDep, again: Annotated[str, Form()] = "rest") -> Response:
    shop = _connection(web, user, connection_id)
    started = start(web, user.id, _request(shop["platform"], shop["shop_id"], again=again == "all"))
    queued = any(job["outcome"] == "queued" for job in started["jobs"])
    there = f"/backfill?started={shop['platform']}" if queued else f"{HERE}/{connection_id}/sync"
    return RedirectResponse(there, 303)


def _request(platform: str, shop_id: str, *, again: bool) -> BackfillRequest:
    return BackfillRequest(platform=platform, shop_id=shop_id, again=again)


def _connection(web: Web, user: User, connection_id: str) -> Mapping[str, Any]:
    """The user's own; what is another's is not there."""
    for shop in status_of(web, user.id)["connections"]:
        if shop["connection_id"] == connection_id:
            return dict(shop)
    raise Problem(404, "not_connected")


def _cards(request: Request, web: Web, user: User) -> tuple[tuple[ConnectionView, ...], Any]:
    facts = status_of(web, user.id)
    formats = render.formats_of(request, datetime.fromisoformat(facts["now"]))
    available = [name for name in PLATFORMS if _is_available(web, name)]
    ends = token_ends_of(web, user.id)
    heard = webhooks_of(web, facts)
    return connections_view(
        facts,
        formats,
        available=available,
        token_ends=ends,
        webhooks=heard,
        held=held_of(web, user.id),
        zones=time_zones.zones_of(web.app.store, user.id),
    ), formats


def _connected(cards: tuple[ConnectionView, ...], connection_id: str) -> ConnectionView:
    for card in cards:
        if card.connection_id == connection_id and card.is_connected:
            return card
    raise Problem(404, "not_connected")


def _is_available(web: Web, platform: str) -> bool:
    """Whether this service reads the platform and has a key of its own with it."""
    try:
        web.app.settings.platform(platform)
    except UserError:
        return False
    return platform in web.manager.table.jobs


@dataclass(frozen=True, kw_only=True)
class Addable:
    """A platform of which another shop can be connected."""

    name: str
    title: str
    has_form: bool


def _addable(cards: tuple[ConnectionView, ...], web: Web) -> list[Addable]:
    """Platforms with a shop already: another one is connected beside it."""
    forms = {card.platform: card.has_form for card in cards if card.connection_id}
    return [
        Addable(name=name, title=messages.platform_title(name), has_form=has_form)
        for name, has_form in forms.items()
        if _is_available(web, name)
    ]


def _goodbye(cards: tuple[ConnectionView, ...], disconnected: str, erased: str) -> render.Notice | None:
    """By its shop's name, where the platform has two. True whatever the address says: not of one that is connected,
    and of one that is erased nothing but that it is not here.
    """
    for card in cards:
        if disconnected and card.connection_id == disconnected and not card.is_connected:
            return render.Notice(tone="good", text=f"{card.title} is disconnected, and our keys to it are deleted.")
    if erased and erased not in [card.connection_id for card in cards]:
        return render.Notice(
            tone="good", text="That shop is not here any more, nor is anything that was loaded from it."
        )
    return None
