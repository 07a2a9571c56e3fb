"""The four vendors' token endpoints, side by side: what each is sent, and what it allows after a lost answer.

| | body | life told as | a refresh token whose answer was lost | idle refresh token |
|---|---|---|---|---|
| Etsy | form | seconds | contested: tried again, a refusal ends it | dies after 90 days |
| Printify | JSON | a moment | not documented: two refusals end it | not documented |
| Shopify | form | seconds, both | good until its successor is first used | dies after 90 days |
| Square | JSON | a moment | never rotated in the code flow | never dies |
"""

from __future__ import annotations

from datetime import timedelta

from execution.settings import PlatformSettings
from execution.tokens.rules import LostRefresh, RefreshRequest, TokenRules, jwt_expiry


def _etsy(settings: PlatformSettings, refresh_token: str) -> RefreshRequest:
    # Sheet 4.3: the keystring alone, no secret in the body.
    return RefreshRequest(fields=_grant(settings, refresh_token))


def _printify(settings: PlatformSettings, refresh_token: str) -> RefreshRequest:
    # Sheet 3.2: an address of its own, no grant type, no secret.
    return RefreshRequest(fields={"app_id": settings.client_id, "refresh_token": refresh_token}, as_json=True)


def _with_secret(settings: PlatformSettings, refresh_token: str) -> RefreshRequest:
    return RefreshRequest(fields=_grant(settings, refresh_token) | {"client_secret": _secret(settings)})


def _square(settings: PlatformSettings, refresh_token: str) -> RefreshRequest:
    return RefreshRequest(fields=_with_secret(settings, refresh_token).fields, as_json=True)


def _grant(settings: PlatformSettings, refresh_token: str) -> dict[str, str]:
    return {"grant_type": "refresh_token", "client_id": settings.client_id, "refresh_token": refresh_token}


def _secret(settings: PlatformSettings) -> str:
    return settings.client_secret.get_secret_value() if settings.client_secret else ""


def _refused_by_printify(status: int, body: bytes) -> bool:  # noqa: ARG001
    # Sheet 3.2: the error codes are not known, so any 400 or 401 counts.
    return status in (400, 401)


ETSY_TOKENS = TokenRules(
    url="https://api.etsy.com/v3/public/oauth/token",
    refresh=_etsy,
    keep_alive=timedelta(days=30),
)

# Personal tokens, pasted by the seller, come without a refresh token and live a year: their `exp` is read (3.1).
PRINTIFY_TOKENS = TokenRules(
    url="https://api.printify.com/v1/app/oauth/tokens/refresh",
    refresh=_printify,
    is_refused=_refused_by_printify,
    refusals=2,
    keep_alive=timedelta(days=7),
    expiry_of=jwt_expiry,
)

SHOPIFY_TOKENS = TokenRules(
    url="https://{shop}/admin/oauth/access_token",
    shop_host=r"[a-z0-9][a-z0-9-]{0,62}\.myshopify\.com",
    refresh=_with_secret,
    lost_answer=LostRefresh.REPEATABLE,  # sheet 2.2, since 2026-08-28
    keep_alive=timedelta(days=30),
)

SQUARE_TOKENS = TokenRules(
    url="https://connect.squareup.com/oauth2/token",
    refresh=_square,
    lost_answer=LostRefresh.REPEATABLE,
    keep_alive=timedelta(days=7),  # sheet 2.2: refresh every seven days or sooner
)
