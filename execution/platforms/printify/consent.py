"""Printify's consent page (sheet 3.2): an `accept_url` that only the state proves, and a code exchanged as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from execution.platform_settings import PlatformSettings
from execution.platforms.consent import Consent, Pending
from execution.tokens.rules import RefreshRequest


def _params(settings: PlatformSettings, wanted: Pending, _: Sequence[str]) -> dict[str, str]:
    return {
        "app_id": settings.client_id,
        "accept_url": wanted.redirect_uri,
        "decline_url": wanted.redirect_uri,
        "state": wanted.state,
    }


def _exchange(settings: PlatformSettings, _: Pending, code: str) -> RefreshRequest:
    return RefreshRequest(fields={"app_id": settings.client_id, "code": code}, as_json=True)


PRINTIFY_CONSENT = Consent(
    authorize_url="https://printify.com/app/authorize",
    token_url="https://api.printify.com/v1/app/oauth/tokens",  # noqa: S106  an address
    scopes=("shops.read", "orders.read", "products.read", "webhooks.read", "webhooks.write"),
    params=_params,
    exchange=_exchange,
)
