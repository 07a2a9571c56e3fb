"""Requests that change something and come with a cookie must come from our own pages."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import urlsplit

from starlette.requests import Request

from execution.settings import Settings
from web.auth.sessions import Claims
from web.problems import Problem

FIELD = "csrf_token"
HEADER = "X-CSRF-Token"
_FORM = "application/x-www-form-urlencoded"


class Csrf:
    """Tokens bound to one sign-in of one user; every process of the service makes the same."""

    def __init__(self, settings: Settings) -> None:
        self._key = hmac.digest(
            settings.supabase_service_role_key.get_secret_value().encode(), b"keeper csrf v1", hashlib.sha256
        )
        self._origin = _origin(settings.public_url) if settings.public_url else ""

    def token(self, claims: Claims) -> str:
        bound = f"{claims.user_id}:{claims.session_id}".encode()
        return base64.urlsafe_b64encode(hmac.digest(self._key, bound, hashlib.sha256)).decode().rstrip("=")

    async def check(self, request: Request, claims: Claims) -> None:
        """403 unless the request comes from our own origin and brings the token of this sign-in."""
        self.check_origin(request)
        given = request.headers.get(HEADER, "")
        if not given and request.headers.get("content-type", "").lower().startswith(_FORM):
            given = str((await request.form()).get(FIELD) or "")
        if not hmac.compare_digest(given.encode(), self.token(claims).encode()):
            raise _cross_site("The page is older than your sign-in. Load it again.")

    def check_origin(self, request: Request) -> None:
        """403 where the browser says that another site's page sent this. Browsers always say it with a POST."""
        origin = request.headers.get("origin")
        if origin is not None and origin != (self._origin or _request_origin(request)):
            raise _cross_site("Another site's page sent this.")
        if origin is None and request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise _cross_site("Another site's page sent this.")


def _request_origin(request: Request) -> str:
    # The Host header is the browser's word about us, which another site's page cannot choose.
    return f"{request.url.scheme}://{request.headers.get('host', '')}"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _cross_site(detail: str) -> Problem:
    return Problem(403, "foreign_request", detail)
