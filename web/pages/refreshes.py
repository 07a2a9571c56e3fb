"""The page where a seller has a shop read anew beside what is there, watches it, cancels it and takes it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from web import messages, refreshes
from web.auth.current_user import User, UserDep
from web.backfills import BackfillRequest, estimate
from web.context import Web, WebDep
from web.pages import render
from web.pages.estimate_view import facts_of
from web.pages.formats import Formats
from web.problems import Problem
from web.user_facts import status_of

router = APIRouter()
HERE = "/settings/connections/{connection_id}/refresh"
# What a person can act on is said on the page, in place of it.
_SAID_HERE = ("wrong_shop_name", "backfill_is_open", "not_loaded", "not_connected")
_DONE = {
    "cancelled": "Cancelled. Nothing has changed.",
    "undone": "Taken back. Everything is as it was before.",
}


@dataclass(frozen=True, kw_only=True)
class Newest:
    """The newest full refresh of the shop, as its card says it."""

    run_id: str
    status: str
    pill: str
    tone: str
    line: str
    percent: int
    changes: tuple[tuple[str, str], ...]
    held_back: str
    may_be_undone: bool
    is_undone: bool


@router.get(HERE)
def show(  # noqa: PLR0917  FastAPI passes by name
    connection_id: str, request: Request, user: UserDep, web: WebDep, done: str = "", problem: str = ""
) -> Response:
    notice = render.Notice(tone="good", text=_DONE[done]) if done in _DONE else None
    if problem in messages.PROBLEMS:
        notice = render.Notice(tone="warn", text=messages.PROBLEMS[problem])
    return _page(request, web, user, connection_id, notice=notice)


@router.post(HERE)
def start(
    connection_id: str, request: Request, user: UserDep, web: WebDep, confirm: Annotated[str, Form()] = ""
) -> Response:
    """Begin, where the shop's name was typed. What was typed wrong comes back at its field."""
    shop = _shop(web, user, connection_id)
    try:
        refreshes.start(web, user.id, shop, confirm=confirm.strip())
    except Problem as problem:
        if problem.code not in _SAID_HERE:
            raise
        if problem.code != "wrong_shop_name":
            return RedirectResponse(f"{_here(connection_id)}?problem={problem.code}", 303)
        return _page(request, web, user, connection_id, typed=confirm[:200], mistake=messages.PROBLEMS[problem.code])
    return RedirectResponse(_here(connection_id), 303)


@router.post(HERE + "/cancel")
def cancel(connection_id: str, user: UserDep, web: WebDep, run_id: Annotated[str, Form()] = "") -> Response:
    return _act(web, user, connection_id, run_id, "cancelled")


@router.post(HERE + "/undo")
def undo(connection_id: str, user: UserDep, web: WebDep, run_id: Annotated[str, Form()] = "") -> Response:
    return _act(web, user, connection_id, run_id, "undone")


def _act(web: Web, user: User, connection_id: str, run_id: str, done: str) -> Response:
    """To the newest of this shop alone: a page that is old names another."""
    newest = refreshes.newest(web, user.id, _shop(web, user, connection_id)["connection_id"])
    if newest is None or newest["run_id"] != run_id:
        raise Problem(404, "not_open")
    try:
        (refreshes.cancel if done == "cancelled" else refreshes.undo)(web, user.id, run_id)
    except Problem as problem:
        if problem.status_code not in (404, 409, 422):
            raise
        return RedirectResponse(f"{_here(connection_id)}?problem={problem.code}", 303)
    return RedirectResponse(f"{_here(connection_id)}?done={done}", 303)


def _page(
    request: Request,
    web: Web,
    user: User,
    connection_id: str,
    *,
    notice: render.Notice | None = None,
    typed: str = "",
    mistake: str = "",
) -> Response:
    shop = _shop(web, user, connection_id)
    now = datetime.fromisoformat(status_of(web, user.id)["now"])
    formats = render.formats_of(request, now)
    newest = refreshes.newest(web, user.id, connection_id)
    is_open = newest is not None and newest["status"] == "reading"
    planned, hindered, facts = None, "", tuple[tuple[str, str], ...]()
    if not is_open:
        try:
            planned = refreshes.planned(web, user.id, shop)
            wanted = BackfillRequest(platform=shop["platform"], shop_id=shop["shop_id"], again=True)
            facts = facts_of(estimate(web, user.id, wanted), formats)
        except Problem as problem:
            if problem.code not in _SAID_HERE:
                raise
            hindered = messages.PROBLEMS[problem.code]
    return render.page(
        request,
        "refresh.html",
        user=user,
        status=422 if mistake else 200,
        formats=formats,
        notice=notice,
        shop=shop,
        title=messages.platform_title(shop["platform"]),
        name=planned["shop_name"] if planned else shop["shop_name"] or shop["shop_id"],
        newest=_newest(newest, formats) if newest else None,
        is_open=is_open,
        hindered=hindered,
        rows=_rows(planned, formats),
        left_out=_left_out(planned),
        facts=facts,
        typed=typed,
        mistake=mistake,
    )


_PILLS = {
    "reading": ("Reading", "running"),
    "swapped": ("Swapped in", "completed"),
    "failed": ("Failed", "failed"),
    "cancelled": ("Cancelled", "waiting"),
}


_UNDONE = "It was taken back: everything is as it was before it."
# By how it stands, and whether it has changed something.
_LINES = {
    ("reading", False): "Nothing has changed yet: it is swapped in when all of it is proven.",
    ("failed", False): "It could not be proven, and has changed nothing.",
    ("cancelled", False): "It has changed nothing.",
    ("swapped", False): "It is proven, and nothing differed.",
    ("swapped", True): "It is proven, and what differed was replaced at once.",
}


def _newest(one: Mapping[str, Any], formats: Formats) -> Newest:
    pill, tone = _PILLS[one["status"]]
    begun = formats.ago(datetime.fromisoformat(one["begun_at"]))
    result = one["result"] or {}
    tables = result.get("tables") or {}
    held = result.get("held_back") or 0
    is_undone = one["kept_because"] == "already_undone"
    if is_undone:
        pill, tone = "Taken back", "waiting"
    return Newest(
        run_id=one["run_id"],
        status=one["status"],
        pill=pill,
        tone=tone,
        line=f"Begun {begun}. {_UNDONE if is_undone else _LINES[one['status'], bool(tables)]}",
        percent=int(refreshes.fraction_of(one["jobs"]) * 100),
        changes=tuple((messages.entity_title(name), _counts(tables[name], formats)) for name in sorted(tables)),
        held_back=f"{formats.number(held)} records that seem to be gone are kept until you decide." if held else "",
        may_be_undone=bool(tables) and one["kept_because"] is None,
        is_undone=is_undone,
    )


def _counts(counts: Mapping[str, int], formats: Formats) -> str:
    told = [f"{formats.number(counts[kind])} {kind}" for kind in ("created", "changed", "deleted") if counts[kind]]
    return ", ".join(told) or "nothing"


def _rows(planned: Mapping[str, Any] | None, formats: Formats) -> list[tuple[str, str]]:
    rows = planned["rows"] if planned else {}
    return [(messages.entity_title(name), formats.number(count)) for name, count in rows.items() if count]


def _left_out(planned: Mapping[str, Any] | None) -> str:
    jobs = planned["jobs"] if planned else ()
    return ", ".join(messages.entity_title(job["entity"]) for job in jobs if job["outcome"] == "not_loaded")


def _shop(web: Web, user: User, connection_id: str) -> Mapping[str, Any]:
    """The user's own; what is another's is not there."""
    for shop in status_of(web, user.id)["connections"]:
        if shop["connection_id"] == connection_id:
            return dict(shop)
    raise Problem(404, "not_connected")


def _here(connection_id: str) -> str:
    return HERE.format(connection_id=connection_id)
