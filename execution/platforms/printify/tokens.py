"""Printify's tokens (sheet 3): personal ones, pasted, that live a year; or pairs whose refusals are not documented."""

from __future__ import annotations

from datetime import timedelta

from execution.jwt_claims import jwt_expiry
from execution.platform_settings import PlatformSettings
from execution.tokens.rules import RefreshRequest, TokenRules


def _refresh(settings: PlatformSettings, refresh_token: str) -> RefreshRequest:
    # Sheet 3.2: an address of its own, no grant type, no secret.
    return RefreshRequest(fields={"app_id": settings.client_id, "refresh_token": refresh_token}, as_json=True)


def _is_refused(status: int, body: bytes) -> bool:  # noqa: ARG001
    # Sheet 3.2: the error codes are not known, so any 400 or 401 counts.
    return status in (400, 401)


# Personal tokens, pasted by the seller, come without a refresh token and live a year: their `exp` is read (3.1).
PRINTIFY_TOKENS = TokenRules(
    url="https://api.printify.com/v1/app/oauth/tokens/refresh",
    refresh=_refresh,
    is_refused=_is_refused,
    keep_alive=timedelta(days=7),
    expiry_of=jwt_expiry,
)
