"""Etsy's consent page (sheet 4): asked with PKCE, exchanged with the keystring and the verifier."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from execution.platform_settings import PlatformSettings
from execution.platforms.consent import Consent, Pending, base64url
from execution.tokens.rules import RefreshRequest

_SCOPES = ("transactions_r", "listings_r", "shops_r")


def _params(settings: PlatformSettings, wanted: Pending, scopes: Sequence[str]) -> dict[str, str]:
    return {
        "response_type": "code",
        "client_id": settings.client_id,
        "redirect_uri": wanted.redirect_uri,
        "scope": " ".join(scopes),
        "state": wanted.state,
        "code_challenge": base64url(hashlib.sha256(wanted.verifier.encode()).digest()),
        "code_challenge_method": "S256",
    }


def _exchange(settings: PlatformSettings, wanted: Pending, code: str) -> RefreshRequest:
    return RefreshRequest(
        fields={
            "grant_type": "authorization_code",
            "client_id": settings.client_id,
            "redirect_uri": wanted.redirect_uri,
            "code": code,
            "code_verifier": wanted.verifier,
        }
    )


ETSY_CONSENT = Consent(
    authorize_url="https://www.etsy.com/oauth/connect",
    token_url="https://api.etsy.com/v3/public/oauth/token",  # noqa: S106  an address
    scopes=_SCOPES,
    params=_params,
    exchange=_exchange,
)
