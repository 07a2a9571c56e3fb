"""Refusals of HTTP kind, in the vendor's words (sheet sections 3.3 and 6)."""

from __future__ import annotations

from sandbox.parts.responses import ApiError, HttpResponse, ok

UNAUTHORIZED = "[API] Invalid API key or access token (unrecognized login or wrong password)"


class ShopifyError(ApiError):
    """`{"errors": …}` with a status."""

    def __init__(self, status: int, errors: object) -> None:
        super().__init__(str(errors), ok({"errors": errors}, status))


def unauthorized() -> ShopifyError:
    return ShopifyError(401, UNAUTHORIZED)


def too_many_calls(per_second: float, retry_after: float) -> HttpResponse:
    """The text is unconfirmed (sheet section 6)."""
    text = (
        f"Exceeded {per_second:g} calls per second for api client."
        " Reduce request rates to resume uninterrupted service."
    )
    response = ok({"errors": text}, 429)
    response.headers.append((b"retry-after", f"{retry_after:.1f}".encode()))
    return response
