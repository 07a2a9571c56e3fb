"""Square's tokens (sheet 2): in the code flow a refresh token is never rotated and never dies."""

from __future__ import annotations

from datetime import timedelta

from execution.platform_settings import PlatformSettings
from execution.platforms.square.errors import errors_in
from execution.tokens.rules import LostRefresh, RefreshRequest, TokenRules, is_grant_refused, refresh_grant

TOKEN_URL = "https://connect.squareup.com/oauth2/token"  # noqa: S105  an address


def _refresh(settings: PlatformSettings, refresh_token: str) -> RefreshRequest:
    fields = refresh_grant(settings, refresh_token) | {"client_secret": settings.secret}
    return RefreshRequest(fields=fields, as_json=True)


def _is_refused(status: int, body: bytes) -> bool:
    """The refresh token is dead. Of the application's own key and secret the envelope says so: an operator must act."""
    errors = errors_in(body)
    of_token = status in (400, 401, 403) and bool(errors) and "client" not in errors.text.lower()
    return of_token or is_grant_refused(status, body)


SQUARE_TOKENS = TokenRules(
    url=TOKEN_URL,
    refresh=_refresh,
    is_refused=_is_refused,
    lost_answer=LostRefresh.REPEATABLE,
    keep_alive=timedelta(days=7),  # sheet 2.2: refresh every seven days or sooner
)
