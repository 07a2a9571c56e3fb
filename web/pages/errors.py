"""What went wrong, as a page: in words, with a way on."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from web.auth import User
from web.context import web_of
from web.pages.render import page
from web.problems import Problem

_WORDS = {
    400: ("That did not work", "Part of the request was not as it should be. Go back and try again."),
    401: ("You are signed out", "Nothing was changed. Sign in, then repeat what you did."),
    403: (
        "That came from somewhere else",
        "This page is older than your sign-in. Load it again and repeat what you did.",
    ),
    404: ("There is nothing here", "The page is not there, or it is not yours."),
    405: ("There is nothing here", "The page is not there, or it is not yours."),
    409: ("Something else was quicker", "This has changed in the meantime. Look again before you repeat it."),
    413: ("That was too much", "What was sent is larger than it may be."),
    422: ("That was not understood", "Part of what was sent is not as it should be. Go back and try again."),
    429: ("That was a lot at once", "Wait a little, then try again."),
    502: ("The platform does not answer", "It is not you. Try again in a few minutes."),
    503: (
        "We are not quite there",
        "A part of Keeper does not answer at the moment. Nothing is lost; try again shortly.",
    ),
}
_OTHERWISE = ("Something is wrong on our side", "Our engineers have been told. Nothing of yours is lost.")
# Sentences of a problem that are meant for the reader of a page; others are for engineers.
_TOLD = (400, 404, 409, 422, 429, 502)


def problem_page(request: Request, problem: Problem) -> Response:
    """Not signed in leads to the login and back; all else is a page with the problem's own status."""
    if problem.status_code == 401 and request.method in ("GET", "HEAD"):
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(path)}", 303)
    headline, words = _WORDS.get(problem.status_code, _OTHERWISE)
    said = problem.detail if problem.status_code in _TOLD and problem.detail else words
    reader = _reader(request)
    href, onward = _onward(request, reader, problem)
    answer = page(
        request,
        "error.html",
        user=reader,
        href=href,
        onward=onward,
        status=problem.status_code,
        headline=headline,
        words=said,
        status_code=problem.status_code,
    )
    answer.headers.update(problem.headers or {})
    return answer


def _onward(request: Request, reader: User | None, problem: Problem) -> tuple[str, str]:
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
