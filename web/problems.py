"""Errors as every route answers them: problem details (RFC 9457), in words and with a stable code."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from execution.errors import StoreError, StoreUnavailable, UserError

MEDIA_TYPE = "application/problem+json"
_RETRY_SECONDS = "5"
_MOST_FRAMES = 8

log = structlog.get_logger()

# A page's way to say the same to a person; set by the pages, asked for requests that prefer HTML.
HtmlProblem = Callable[[Request, "Problem"], Response]
Tell = Callable[[Request, Exception], Awaitable[Response]]


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
                    "detail": "You have not connected etsy.",
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
    """An answer that is none. Raised anywhere below a route."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        errors: list[dict[str, str]] | None = None,
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.code = code
        self.errors = errors or []


def responses(*statuses: int, also: dict[int | str, dict[str, Any]] | None = None) -> dict[int | str, dict[str, Any]]:
    """The error shapes of a route, for the OpenAPI document; `also` names answers that are none."""
    shape = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
    waits = {"headers": _RETRY}
    errors: dict[int | str, dict[str, Any]] = {
        status: {"description": _TITLES[status], "content": shape} | (waits if status in (429, 503) else {})
        for status in statuses
    }
    return {**(also or {}), **errors}


def answer(problem: Problem) -> JSONResponse:
    body = ProblemBody(
        type=f"urn:keeper:problem:{problem.code}",
        title=_TITLES.get(problem.status_code, "Refused"),
        status=problem.status_code,
        code=problem.code,
        detail=problem.detail,
        errors=problem.errors,
    )
    return JSONResponse(body.model_dump(), problem.status_code, headers=problem.headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """One handler for everything that a route may raise. The last resort tells nothing of what is inside."""

    async def told(request: Request, error: Exception) -> Response:
        problem = _problem(error)
        html: HtmlProblem | None = getattr(request.app.state, "html_problem", None)
        if html is not None and _prefers_html(request):
            return html(request, problem)
        return answer(problem)

    for kind in (HTTPException, RequestValidationError, StoreError, UserError):
        app.add_exception_handler(kind, told)
    app.add_middleware(LastResort, tell=told)


class LastResort:
    """Answers what nothing expected, inside of what dresses and counts answers.

    The framework's own last resort is outside of that: it answers without a header, and hands the error to the server,
    which writes its text into the log.
    """

    def __init__(self, app: ASGIApp, *, tell: Tell) -> None:
        self._app = app
        self._tell = tell

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
            told = await self._told(scope, error)
            # Half an answer cannot be taken back: the server cuts the line, which says as much.
            if not has_begun:
                await told(scope, receive, send)

    async def _told(self, scope: Scope, error: Exception) -> Response:
        try:
            return await self._tell(Request(scope), error)
        except Exception as worse:  # noqa: BLE001  the page of an error has an error
            return answer(_problem(worse))


def _problem(error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case HTTPException():
            code = _TITLES.get(error.status_code, "refused").lower().replace(" ", "_")
            return Problem(error.status_code, code, headers=error.headers)
        case RequestValidationError():
            return Problem(422, "invalid_input", "Part of the request is not as it should be.", errors=_mistakes(error))
        case StoreUnavailable():
            log.warning("database_away", error=str(error))
            return Problem(
                503,
                "database_away",
                "The database does not answer. Try again.",
                headers={"Retry-After": _RETRY_SECONDS},
            )
        case UserError():
            return Problem(400, "refused", error.message)
        case _:
            # The type and where, never the text: it may hold what a request brought.
            log.error("request_failed", kind=type(error).__name__, where=_where(error))
            return Problem(500, "internal_error", "Something is wrong on our side. Our engineers have been told.")


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
_TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    422: "Invalid input",
    429: "Too many requests",
    500: "Internal error",
    502: "The platform did not answer properly",
    503: "Not available now",
}
