"""Errors as every route answers them: problem details (RFC 9457), with a stable code and its message."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from execution.errors import StoreError, StoreUnavailable, UserError
from execution.http.signatures import NotSigned
from web import messages
from web.examples import EXAMPLE

MEDIA_TYPE = "application/problem+json"
_RETRY_SECONDS = "5"
_MOST_FRAMES = 8

log = structlog.get_logger()

# A page's way to say the same to a person; set by the pages, asked for requests that prefer HTML.
HtmlProblem = Callable[[Request, "Problem"], Response]
Respond = Callable[[Request, Exception], Awaitable[Response]]


class ProblemBody(BaseModel):
    """What went wrong (RFC 9457). `code` is stable; `detail` is for people."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:keeper:problem:not_connected",
                    "title": "Not found",
                    "status": 404,
                    "code": "not_connected",
                    "detail": f"You have not connected {EXAMPLE}.",
                }
            ]
        }
    )

    type: str
    title: str
    status: int
    code: str
    detail: str = ""
    # Of a body or a query that was refused: where, and what it should have been.
    errors: list[dict[str, str]] = Field(default_factory=list)


class Problem(HTTPException):
    """An answer that is none. Raised anywhere below a route. Without a `detail` its code's message is sent."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        errors: list[dict[str, str]] | None = None,
    ) -> None:
        super().__init__(status, detail or messages.PROBLEMS.get(code, ""), dict(headers or {}))
        self.code = code
        self.errors = errors or []


# What the database refuses with these codes is the caller's to know; any other refusal is a fault of ours.
_CALLERS_FAULT = {"unknown_user": 404, "not_connected": 404, "still_connected": 409}


def refusal_of(error: StoreError) -> Problem | StoreError:
    """What to raise where the database refused a call: the problem that its code stands for, or the error itself."""
    return Problem(_CALLERS_FAULT[error.code], error.code) if error.code in _CALLERS_FAULT else error


def responses(*statuses: int, also: dict[int | str, dict[str, Any]] | None = None) -> dict[int | str, dict[str, Any]]:
    """The error shapes of a route, for the OpenAPI document; `also` names answers that are none."""
    shape = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
    waits = {"headers": _RETRY}
    errors: dict[int | str, dict[str, Any]] = {
        status: {"description": _KINDS[status].title, "content": shape} | (waits if status in (429, 503) else {})
        for status in statuses
    }
    return {**(also or {}), **errors}


def response_of(problem: Problem) -> JSONResponse:
    body = ProblemBody(
        type=f"urn:keeper:problem:{problem.code}",
        title=_kind_of(problem.status_code).title,
        status=problem.status_code,
        code=problem.code,
        detail=problem.detail,
        errors=problem.errors,
    )
    return JSONResponse(body.model_dump(), problem.status_code, headers=problem.headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """One handler for everything that a route may raise. The last resort tells nothing of what is inside."""

    async def respond(request: Request, error: Exception) -> Response:
        problem = _problem(error)
        html: HtmlProblem | None = getattr(request.app.state, "html_problem", None)
        if html is not None and _prefers_html(request):
            return html(request, problem)
        return response_of(problem)

    for kind in (HTTPException, NotSigned, RequestValidationError, StoreError, UserError):
        app.add_exception_handler(kind, respond)
    app.add_middleware(ErrorBoundary, respond=respond)


class ErrorBoundary:
    """Answers what nothing expected, inside of what dresses and counts answers.

    The framework's own last resort is outside of that: it answers without a header, and hands the error to the server,
    which writes its text into the log.
    """

    def __init__(self, app: ASGIApp, *, respond: Respond) -> None:
        self._app = app
        self._respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def noted(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as error:
            if scope["type"] != "http":
                raise
            # Who answers and listens at once has begun in the same moment: there is nothing to say, and nobody to tell.
            if has_begun and _is_senders_doing(error):
                return
            response = await self._response(scope, error)
            # Half a response cannot be taken back: the server closes the connection, which says as much.
            if not has_begun:
                await response(scope, receive, send)

    async def _response(self, scope: Scope, error: Exception) -> Response:
        try:
            return await self._respond(Request(scope), error)
        except Exception as worse:  # noqa: BLE001  the page of an error has an error
            return response_of(_problem(worse))


def _is_senders_doing(error: BaseException) -> bool:
    """Whether it came about because a body did not come as it should."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, Problem) and seen.code in ("cut_off", "too_slow", "too_large"):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _problem(error: Exception) -> Problem:
    return error if isinstance(error, Problem) else _problem_of(error)


def _problem_of(error: Exception) -> Problem:
    match error:
        case HTTPException():
            return Problem(error.status_code, _kind_of(error.status_code).code, headers=error.headers)
        case NotSigned():
            return Problem(401, "not_signed")
        case RequestValidationError():
            return Problem(422, "invalid_input", errors=_mistakes(error))
        case StoreUnavailable():
            log.warning("database_away", error=str(error))
            return Problem(503, "database_away", headers={"Retry-After": _RETRY_SECONDS})
        case UserError():
            # Its text is for whoever runs this: it names settings, keys and addresses.
            log.warning("request_refused", error=error.message)
            return Problem(400, "bad_request")
        case _:
            # The type and where, never the text: it may hold what a request brought.
            log.error("request_failed", kind=type(error).__name__, where=_where(error))
            return Problem(500, "internal_error")


def _where(error: Exception) -> list[str]:
    """The innermost places that an error went through."""
    frames = traceback.extract_tb(error.__traceback__)[-_MOST_FRAMES:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]


def _mistakes(error: RequestValidationError) -> list[dict[str, str]]:
    """Where and why, without the input: it may be a secret."""
    return [{"at": ".".join(map(str, part["loc"])), "why": str(part["msg"])} for part in error.errors()[:20]]


def _prefers_html(request: Request) -> bool:
    accept = request.headers.get("accept", "")
    return "text/html" in accept and "application/json" not in accept.split("text/html")[0]


_RETRY = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}}


@dataclass(frozen=True)
class _Kind:
    """A status: the code of a problem that has none of its own, and the title of all."""

    code: str
    title: str


_KINDS = {
    400: _Kind("bad_request", "Bad request"),
    401: _Kind("not_signed_in", "Not signed in"),
    403: _Kind("not_allowed", "Not allowed"),
    404: _Kind("not_found", "Not found"),
    405: _Kind("method_not_allowed", "Method not allowed"),
    408: _Kind("too_slow", "Too slow"),
    409: _Kind("conflict", "Conflict"),
    413: _Kind("too_large", "Too large"),
    415: _Kind("unsupported_media_type", "Unsupported media type"),
    422: _Kind("invalid_input", "Invalid input"),
    429: _Kind("too_many_requests", "Too many requests"),
    499: _Kind("cut_off", "The sender went away"),
    500: _Kind("internal_error", "Internal error"),
    502: _Kind("the_platform_did_not_answer_properly", "The platform did not answer properly"),
    503: _Kind("not_available_now", "Not available now"),
}
_OTHER = _Kind("refused", "Refused")


def _kind_of(status: int) -> _Kind:
    return _KINDS.get(status, _OTHER)
