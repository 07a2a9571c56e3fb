"""What went wrong, as a page: in words, with a way on."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from web import messages
from web.auth.current_user import User
from web.context import web_of
from web.pages.render import page
from web.problems import Problem

# Problems whose detail is meant for the reader of a page; others are for engineers.
_DETAIL_SHOWN = (400, 404, 409, 422, 429, 502)


def problem_page(request: Request, problem: Problem) -> Response:
    """Not signed in leads to the login and back; all else is a page with the problem's own status."""
    if problem.status_code == 401 and request.method in ("GET", "HEAD"):
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(path)}", 303)
    headline, message = messages.ERROR_PAGES.get(problem.status_code, messages.OTHER_ERROR_PAGE)
    if problem.status_code in _DETAIL_SHOWN and problem.detail:
        message = problem.detail
    reader = _reader(request)
    link, link_text = _link(request, reader, problem)
    response = page(
        request,
        "error.html",
        user=reader,
        link=link,
        link_text=link_text,
        status=problem.status_code,
        headline=headline,
        message=message,
        status_code=problem.status_code,
    )
    response.headers.update(problem.headers or {})
    return response


def _link(request: Request, reader: User | None, problem: Problem) -> tuple[str, str]:
    """Where a reader goes on: who was connecting a shop begins again where shops are connected."""
    if reader is None or problem.status_code == 401:
        return "/login", "Sign in"
    if request.url.path.startswith(("/oauth/", "/settings/")):
        return "/settings/connections", "Back to connections"
    return "/dashboard", "Back to the dashboard"


def _reader(request: Request) -> User | None:
    """Who is signed in, as far as it can be said without asking anybody: the frame must not fail twice."""
    sessions = web_of(request).sessions
    token = request.cookies.get(sessions.cookie, "")
    try:
        if not token or sessions.needs_fetch(token):
            return None
        claims = sessions.verify(token)
    except Problem:
        return None
    return User(id=claims.user_id, email=claims.email, claims=claims, by_cookie=True)
