"""Square's tokens (sheet 2): in the code flow a refresh token is never rotated and never dies."""

from __future__ import annotations

from datetime import timedelta

from execution.platform_settings import PlatformSettings
from execution.tokens.rules import LostRefresh, RefreshRequest, TokenRules, refresh_grant


def _refresh(settings: PlatformSettings, refresh_token: str) -> RefreshRequest:
    fields = refresh_grant(settings, refresh_token) | {"client_secret": settings.secret}
    return RefreshRequest(fields=fields, as_json=True)


SQUARE_TOKENS = TokenRules(
    url="https://connect.squareup.com/oauth2/token",
    refresh=_refresh,
    lost_answer=LostRefresh.REPEATABLE,
    keep_alive=timedelta(days=7),  # sheet 2.2: refresh every seven days or sooner
)
