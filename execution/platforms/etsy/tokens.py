"""Etsy's tokens (sheet 4.3): a lost answer's refresh token is contested, and an idle one dies after 90 days."""

from __future__ import annotations

from datetime import timedelta

from execution.platform_settings import PlatformSettings
from execution.tokens.rules import RefreshRequest, TokenRules, refresh_grant


def _refresh(settings: PlatformSettings, refresh_token: str) -> RefreshRequest:
    # Sheet 4.3: the keystring alone, no secret in the body.
    return RefreshRequest(fields=refresh_grant(settings, refresh_token))


ETSY_TOKENS = TokenRules(
    url="https://api.etsy.com/v3/public/oauth/token",
    refresh=_refresh,
    keep_alive=timedelta(days=30),
)
