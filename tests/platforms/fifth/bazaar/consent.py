"""Bazaar's tokens and its consent page: both as RFC 6749 has them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from execution.platform_settings import PlatformSettings
from execution.platforms.consent import Consent, Pending
from execution.tokens.rules import RefreshRequest, TokenRules, refresh_grant

_TOKEN_URL = "https://api.bazaar.example/oauth/token"


def _refresh(settings: PlatformSettings, refresh_token: str) -> RefreshRequest:
    return RefreshRequest(fields=refresh_grant(settings, refresh_token) | {"client_secret": settings.secret})


def _params(settings: PlatformSettings, wanted: Pending, scopes: Sequence[str]) -> dict[str, str]:
    return {
        "response_type": "code",
        "client_id": settings.client_id,
        "redirect_uri": wanted.redirect_uri,
        "scope": " ".join(scopes),
        "state": wanted.state,
    }


def _exchange(settings: PlatformSettings, wanted: Pending, code: str) -> RefreshRequest:
    return RefreshRequest(
        fields={
            "grant_type": "authorization_code",
            "client_id": settings.client_id,
            "client_secret": settings.secret,
            "redirect_uri": wanted.redirect_uri,
            "code": code,
        }
    )


BAZAAR_TOKENS = TokenRules(url=_TOKEN_URL, refresh=_refresh, keep_alive=timedelta(days=30))

BAZAAR_CONSENT = Consent(
    authorize_url="https://www.bazaar.example/oauth/authorize",
    token_url=_TOKEN_URL,
    scopes=("orders",),
    params=_params,
    exchange=_exchange,
)
