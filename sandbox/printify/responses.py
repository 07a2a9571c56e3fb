"""Printify's error forms and the envelope of its lists (sheet sections 5 and 10)."""

from __future__ import annotations

import orjson

from sandbox.parts.responses import ApiError, Doc, HttpResponse


class PrintifyError(ApiError):
    """Form B and C: `{"error": text, "request_id": ...}`. The request id is filled in on the way out."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error, HttpResponse(status=status, body=orjson.dumps({"error": error})))


class Invalid(ApiError):
    """Form A: `{"status": "error", "code", "message", "errors": {"reason", "code"}}`."""

    def __init__(self, status: int, code: int, message: str, reason: str) -> None:
        doc = {
            "status": "error",
            "code": code,
            "message": message,
            "errors": {"reason": reason, "code": code},
        }
        super().__init__(message, HttpResponse(status=status, body=orjson.dumps(doc)))


class OAuthError(ApiError):
    """Form D: `{"error": code, "error_description": text}`."""

    def __init__(self, error: str, description: str) -> None:
        doc = {"error": error, "error_description": description}
        super().__init__(error, HttpResponse(status=400, body=orjson.dumps(doc)))


def validation(reason: str) -> Invalid:
    """400 with code 8150: a parameter or body that is not allowed."""
    return Invalid(400, 8150, "Validation failed.", reason)


def envelope(rows: list[Doc], *, page: int, limit: int, total: int, short: bool = False) -> Doc:
    """One page as Laravel writes it: relative addresses that have lost the filters, null neighbours at the ends."""
    if short:
        return {"current_page": page, "data": rows}
    last = max(-(-total // limit), 1)
    first = (page - 1) * limit + 1 if rows else None
    return {
        "current_page": page,
        "data": rows,
        "first_page_url": "/?page=1",
        "from": first,
        "last_page": last,
        "last_page_url": f"/?page={last}",
        "next_page_url": f"/?page={page + 1}" if page < last else None,
        "path": "/",
        "per_page": limit,
        "prev_page_url": f"/?page={page - 1}" if page > 1 else None,
        "to": first + len(rows) - 1 if first else None,
        "total": total,
    }
