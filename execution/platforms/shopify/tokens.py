"""Shopify's tokens (sheet 2.2): a refresh token is good until its successor is first used, and dies after 90 days."""

from __future__ import annotations

from datetime import timedelta

from execution.platform_settings import PlatformSettings
from execution.tokens.rules import LostRefresh, RefreshRequest, TokenRules, refresh_grant

SHOP_HOST = r"[a-z0-9][a-z0-9-]{0,62}\.myshopify\.com"


def _refresh(settings: PlatformSettings, refresh_token: str) -> RefreshRequest:
    return RefreshRequest(fields=refresh_grant(settings, refresh_token) | {"client_secret": settings.secret})


SHOPIFY_TOKENS = TokenRules(
    url="https://{shop}/admin/oauth/access_token",
    shop_host=SHOP_HOST,
    refresh=_refresh,
    lost_answer=LostRefresh.REPEATABLE,  # sheet 2.2, since 2026-08-28
    keep_alive=timedelta(days=30),
)
