"""Refusals of the GraphQL API, in the vendor's words where the sheet has them (sections 3.1, 3.3)."""

from __future__ import annotations

from typing import Any

from sandbox.parts.responses import Doc

_LIMITS = "https://shopify.dev/api/usage/rate-limits"
_ACCESS = "https://shopify.dev/api/usage/access-scopes"


class FieldError(Exception):
    """One field cannot be answered; the others can."""

    def __init__(self, message: str, code: str, **extensions: Any) -> None:
        super().__init__(message)
        self.extensions = {"code": code, **extensions}


class QueryError(Exception):
    """The whole query is refused: errors and no data."""

    def __init__(self, *errors: Doc) -> None:
        super().__init__(errors[0]["message"])
        self.errors = errors


def bad_request(message: str, path: list[str]) -> QueryError:
    return QueryError({"message": message, "path": path, "extensions": {"code": "BAD_REQUEST"}})


def scope_denied(name: str, scope: str) -> FieldError:
    return FieldError(
        f"Access denied for {name} field. Required access: `{scope}` access scope.",
        "ACCESS_DENIED",
        documentation=_ACCESS,
        requiredAccess=f"`{scope}` access scope.",
    )


def customer_denied(what: str) -> FieldError:
    """The text is unconfirmed, though commonly quoted (sheet section 2.5)."""
    return FieldError(
        f"This app is not approved to access the {what} object. See"
        " https://shopify.dev/docs/apps/launch/protected-customer-data for more details.",
        "ACCESS_DENIED",
        documentation=_ACCESS,
    )


def throttled() -> Doc:
    return {"message": "Throttled", "extensions": {"code": "THROTTLED", "documentation": _LIMITS}}


def too_expensive(cost: int, maximum: int) -> Doc:
    return {
        "message": (
            f"Query cost is {cost}, which exceeds the single query max cost limit ({maximum}).\n\n"
            "See https://shopify.dev/concepts/about-apis/rate-limits for more information on how the\n"
            "cost of a query is calculated.\n\n"
            "To query larger amounts of data with fewer limits, bulk operations should be used instead.\n"
            "See https://shopify.dev/tutorials/perform-bulk-operations-with-admin-api for usage details.\n"
        ),
        "extensions": {"code": "MAX_COST_EXCEEDED", "cost": cost, "maxCost": maximum, "documentation": _LIMITS},
    }


def internal_error(request_id: str) -> Doc:
    return {
        "message": (
            "Internal error. Looks like something went wrong on our end.\n"
            f"Request ID: {request_id} (include this in support requests)."
        ),
        "extensions": {"code": "INTERNAL_SERVER_ERROR", "requestId": request_id},
    }
