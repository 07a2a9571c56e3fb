"""Shopify's consent page (sheet 2.1): at the shop's own address, its answer proven by an HMAC and its time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

from execution.http.signatures import any_equal, hex_hmac
from execution.platform_settings import PlatformSettings
from execution.platforms.consent import Consent, Pending
from execution.platforms.shopify.tokens import SHOP_HOST
from execution.tokens.rules import RefreshRequest

# Shopify's own library refuses callbacks that are older (sheet 2.1).
_CALLBACK_AGE_S = 90


def _params(settings: PlatformSettings, wanted: Pending, scopes: Sequence[str]) -> dict[str, str]:
    # No grant_options[]: an offline token, which works while nobody is signed in to the shop.
    return {
        "client_id": settings.client_id,
        "scope": ",".join(scopes),
        "redirect_uri": wanted.redirect_uri,
        "state": wanted.state,
    }


def _exchange(settings: PlatformSettings, _: Pending, code: str) -> RefreshRequest:
    return RefreshRequest(
        fields={
            "client_id": settings.client_id,
            "client_secret": settings.secret,
            "code": code,
            "expiring": "1",
        }
    )


def _is_genuine(query: Mapping[str, str], secrets: Sequence[str], now: float) -> bool:
    """The HMAC over the sorted query with the app's client secret, and a time that is not long ago (sheet 2.1)."""
    rest = sorted((name, value) for name, value in query.items() if name not in ("hmac", "signature"))
    message = urlencode(rest, quote_via=quote).encode()
    wanted = [hex_hmac(secret.encode(), message) for secret in secrets]
    sent_at = query.get("timestamp", "")
    fresh = sent_at.isascii() and sent_at.isdecimal() and abs(now - int(sent_at[:12])) <= _CALLBACK_AGE_S
    return any_equal([query.get("hmac", "")], wanted) and fresh


SHOPIFY_CONSENT = Consent(
    authorize_url="https://{shop}/admin/oauth/authorize",
    token_url="https://{shop}/admin/oauth/access_token",  # noqa: S106  an address
    # `read_all_orders` is for approved apps alone and comes from the settings: without it sixty days are read, and
    # said to be.
    scopes=("read_orders", "read_products", "read_customers", "read_inventory", "read_locations"),
    params=_params,
    exchange=_exchange,
    shop_host=SHOP_HOST,
    shop_suffix=".myshopify.com",
    shop_pages=(
        r"admin\.shopify\.com/store/([a-z0-9][a-z0-9-]{0,62})(?:[/?#]|$)",
        r"([a-z0-9][a-z0-9-]{0,62})\.myshopify\.com/admin(?:[/?#]|$)",
    ),
    is_genuine=_is_genuine,
)
