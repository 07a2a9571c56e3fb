"""Square's consent page (sheet 2.1): the code flow of a server, whose refresh token never ends."""

from __future__ import annotations

from collections.abc import Sequence

from execution.platform_settings import PlatformSettings
from execution.platforms.consent import Consent, Pending
from execution.platforms.square.tokens import TOKEN_URL
from execution.tokens.rules import RefreshRequest

# To read, and never to change anything (sheet 2.3). A refresh cannot widen them: the seller is asked for all at once.
_SCOPES = (
    "MERCHANT_PROFILE_READ",
    "ORDERS_READ",
    "PAYMENTS_READ",
    "ITEMS_READ",
    "INVENTORY_READ",
    "VENDOR_READ",
    "CUSTOMERS_READ",
    "PAYOUTS_READ",
    "DISPUTES_READ",
    "EMPLOYEES_READ",
    "LOYALTY_READ",
    "APPOINTMENTS_READ",
    "APPOINTMENTS_ALL_READ",
)


def _params(settings: PlatformSettings, wanted: Pending, scopes: Sequence[str]) -> dict[str, str]:
    return {
        "client_id": settings.client_id,
        "scope": " ".join(scopes),
        # Whoever is signed in to Square already may be another seller: each confirms as who they are.
        "session": "false",
        "state": wanted.state,
        "redirect_uri": wanted.redirect_uri,
    }


def _exchange(settings: PlatformSettings, wanted: Pending, code: str) -> RefreshRequest:
    return RefreshRequest(
        fields={
            "grant_type": "authorization_code",
            "client_id": settings.client_id,
            "client_secret": settings.secret,
            "redirect_uri": wanted.redirect_uri,
            "code": code,
        },
        as_json=True,
    )


SQUARE_CONSENT = Consent(
    authorize_url="https://connect.squareup.com/oauth2/authorize",
    token_url=TOKEN_URL,
    scopes=_SCOPES,
    params=_params,
    exchange=_exchange,
)
