"""Square's refusals (sheet section 4)."""

from __future__ import annotations

import orjson

from sandbox.parts.responses import ApiError, Doc, HttpResponse


class SquareError(ApiError):
    """`{"errors": [{"category", "code", "detail", "field"}]}`."""

    def __init__(self, status: int, category: str, code: str, detail: str, field: str | None = None) -> None:
        error: Doc = {"category": category, "code": code, "detail": detail}
        if field is not None:
            error["field"] = field
        super().__init__(detail, HttpResponse(status=status, body=orjson.dumps({"errors": [error]})))
        self.error = error


def invalid(code: str, detail: str, field: str | None = None) -> SquareError:
    return SquareError(400, "INVALID_REQUEST_ERROR", code, detail, field)


def not_found(detail: str = "Resource not found.") -> SquareError:
    return SquareError(404, "INVALID_REQUEST_ERROR", "NOT_FOUND", detail)


def unauthorized(code: str = "UNAUTHORIZED", detail: str = "This request could not be authorized.") -> SquareError:
    return SquareError(401, "AUTHENTICATION_ERROR", code, detail)


def forbidden(code: str, detail: str) -> SquareError:
    return SquareError(403, "AUTHENTICATION_ERROR", code, detail)


def throttled(retry_after: int | None) -> HttpResponse:
    """As it was seen in life (FORUM:24167); `Retry-After` only where a setting or a fault asks for it."""
    detail = "This request was rate limited. Please retry later."
    response = SquareError(429, "RATE_LIMIT_ERROR", "RATE_LIMITED", detail).response
    if retry_after is not None:
        response.headers.append((b"retry-after", b"%d" % retry_after))
    return response
