"""How a seller's consent is asked for and turned into tokens: the platforms side by side, as data.

| | asked with | callback proven by | code exchanged with | scopes granted told by |
|---|---|---|---|---|
| Etsy (sheet 4) | PKCE, S256 | state, verifier | form: keystring, verifier | `tokenScopes` |
| Printify (sheet 3.2) | accept_url | state alone | JSON: app_id | nothing documented |
| Shopify (sheet 2.1) | the shop's own address | state, HMAC, time | form: client secret | the answer |

The state is random and never stored, only its hash; PKCE's verifier is derived from it, so that the database holds
nothing that could be used.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from execution.errors import Retriable, UserError
from execution.http.messages import Request, Send
from execution.http.small_bodies import error_text, json_object
from execution.http.transport import LIVE_DEADLINE_S, HttpTransport
from execution.settings import PlatformSettings, with_origin
from execution.tokens.rules import IssuedTokens, RefreshRequest, missing_scopes, read_issued_tokens, with_shop

# Shopify's own library refuses callbacks that are older (sheet 2.1).
_CALLBACK_AGE_S = 90
_SHOPIFY_HOST = r"[a-z0-9][a-z0-9-]{0,62}\.myshopify\.com"


@dataclass(frozen=True, kw_only=True)
class Pending:
    """A consent that was begun: what its two requests must agree on."""

    state: str
    verifier: str
    redirect_uri: str
    shop: str = ""


@dataclass(frozen=True, kw_only=True)
class Consent:
    """One platform's consent page and the exchange of its code. `shop_host`: the seller names the shop beforehand."""

    authorize_url: str
    token_url: str
    scopes: tuple[str, ...]
    params: Callable[[PlatformSettings, Pending, Sequence[str]], Mapping[str, str]]
    exchange: Callable[[PlatformSettings, Pending, str], RefreshRequest]
    shop_host: str = ""
    is_genuine: Callable[[PlatformSettings, Mapping[str, str], float], bool] = lambda _settings, _query, _now: True
    # The scopes of a new token: from the answer that brought it, or by asking. None: the platform does not tell.
    granted: Callable[[dict[str, Any]], set[str] | None] = lambda _: None
    ask_granted: Callable[[Send, str], set[str]] | None = None


@dataclass(frozen=True, kw_only=True)
class Granted:
    """What a code was exchanged for. `scopes` is None where the answer does not name them."""

    tokens: IssuedTokens
    scopes: set[str] | None


class ConsentRefused(UserError):
    """The consent did not come about; `code` is a stable word."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, code=code)


def begin(key: bytes, *, redirect_uri: str, shop: str = "") -> Pending:
    """A new consent, with a state that nobody can guess."""
    return pending(key, secrets.token_urlsafe(32), redirect_uri=redirect_uri, shop=shop)


def pending(key: bytes, state: str, *, redirect_uri: str, shop: str) -> Pending:
    """The same consent again, once its state has come back."""
    verifier = (
        base64.urlsafe_b64encode(hmac.digest(key, b"pkce:" + state.encode(), hashlib.sha512)).decode().rstrip("=")
    )
    return Pending(state=state, verifier=verifier, redirect_uri=redirect_uri, shop=shop)


def state_hash(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()


def check_shop(consent: Consent, shop: str) -> str:
    """The shop that the seller named, as a host of the platform; a ConsentRefused for every other text."""
    named = shop.strip().lower().removeprefix("https://").rstrip("/")
    if consent.shop_host and re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", named):
        named = f"{named}.myshopify.com"
    if consent.shop_host and not re.fullmatch(consent.shop_host, named):
        raise ConsentRefused("shop_unknown", "Write the shop's address as your-shop.myshopify.com.")
    return named if consent.shop_host else ""


def authorize_url(consent: Consent, settings: PlatformSettings, wanted: Pending) -> str:
    """Where the seller's browser goes."""
    base = settings.api_url(with_shop(consent.authorize_url, wanted.shop, consent.shop_host))
    return f"{base}?{urlencode(consent.params(settings, wanted, consent.scopes), quote_via=quote)}"


def exchange(consent: Consent, settings: PlatformSettings, door: HttpTransport, wanted: Pending, code: str) -> Granted:
    """Tokens for a code. Asked once: a code is single-use, and the seller can click again."""
    request = consent.exchange(settings, wanted, code)
    vendor_url = with_shop(consent.token_url, wanted.shop, consent.shop_host)
    url = with_origin(vendor_url, settings.token_url or settings.api_base_url)
    try:
        raw = door.send(
            "POST",
            url,
            headers={"content-type": request.content_type},
            body=request.body(),
            deadline_s=LIVE_DEADLINE_S,
        )
    except Retriable:
        raise ConsentRefused("platform_away", "The platform did not answer. Connect again.") from None
    if raw.status != 200:
        raise ConsentRefused("code_refused", f"The platform refused the code: {error_text(raw.body) or raw.status}.")
    try:
        return Granted(tokens=read_issued_tokens(raw.body), scopes=consent.granted(json_object(raw.body)))
    except ValueError:
        raise ConsentRefused("no_tokens", "The platform's answer brought no token. Connect again.") from None


def demand_scopes(consent: Consent, granted: set[str] | None) -> None:
    """A ConsentRefused that names what was asked for and not granted. None: the platform does not tell."""
    if granted is not None and (missing := missing_scopes(consent.scopes, granted)):
        raise ConsentRefused("scopes_missing", f"Connect again and allow: {', '.join(missing)}.")


def _etsy_params(settings: PlatformSettings, wanted: Pending, scopes: Sequence[str]) -> dict[str, str]:
    return {
        "response_type": "code",
        "client_id": settings.client_id,
        "redirect_uri": wanted.redirect_uri,
        "scope": " ".join(scopes),
        "state": wanted.state,
        "code_challenge": _base64url(hashlib.sha256(wanted.verifier.encode()).digest()),
        "code_challenge_method": "S256",
    }


def _etsy_exchange(settings: PlatformSettings, wanted: Pending, code: str) -> RefreshRequest:
    return RefreshRequest(
        fields={
            "grant_type": "authorization_code",
            "client_id": settings.client_id,
            "redirect_uri": wanted.redirect_uri,
            "code": code,
            "code_verifier": wanted.verifier,
        }
    )


def _etsy_granted(send: Send, access_token: str) -> set[str]:
    """`tokenScopes`. Its shape is not documented: an answer of another shape is no reason to refuse."""
    request = Request(
        path="/scopes",
        method="POST",
        body=urlencode({"token": access_token}).encode(),
        content_type="application/x-www-form-urlencoded",
    )
    try:
        told = json.loads(send(request).body).get("scopes")
    except (ValueError, AttributeError):
        return set(ETSY_CONSENT.scopes)
    return set(told) if isinstance(told, list) and all(isinstance(s, str) for s in told) else set(ETSY_CONSENT.scopes)


def _printify_params(settings: PlatformSettings, wanted: Pending, _: Sequence[str]) -> dict[str, str]:
    return {
        "app_id": settings.client_id,
        "accept_url": wanted.redirect_uri,
        "decline_url": wanted.redirect_uri,
        "state": wanted.state,
    }


def _printify_exchange(settings: PlatformSettings, _: Pending, code: str) -> RefreshRequest:
    return RefreshRequest(fields={"app_id": settings.client_id, "code": code}, as_json=True)


def _shopify_params(settings: PlatformSettings, wanted: Pending, scopes: Sequence[str]) -> dict[str, str]:
    # No grant_options[]: an offline token, which works while nobody is signed in to the shop.
    return {
        "client_id": settings.client_id,
        "scope": ",".join(scopes),
        "redirect_uri": wanted.redirect_uri,
        "state": wanted.state,
    }


def _shopify_exchange(settings: PlatformSettings, _: Pending, code: str) -> RefreshRequest:
    return RefreshRequest(
        fields={
            "client_id": settings.client_id,
            "client_secret": settings.client_secret.get_secret_value() if settings.client_secret else "",
            "code": code,
            "expiring": "1",
        }
    )


def _shopify_genuine(settings: PlatformSettings, query: Mapping[str, str], now: float) -> bool:
    """The HMAC over the sorted query with the app's client secret, and a time that is not long ago (sheet 2.1)."""
    secret = settings.client_secret.get_secret_value() if settings.client_secret else ""
    rest = sorted((name, value) for name, value in query.items() if name not in ("hmac", "signature"))
    message = urlencode(rest, quote_via=quote)
    wanted = hmac.digest(secret.encode(), message.encode(), hashlib.sha256).hex()
    sent_at = query.get("timestamp", "")
    fresh = sent_at.isascii() and sent_at.isdecimal() and abs(now - int(sent_at[:12])) <= _CALLBACK_AGE_S
    return hmac.compare_digest(query.get("hmac", "").encode(), wanted.encode()) and fresh


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _scopes_in_answer(fields: dict[str, Any]) -> set[str] | None:
    told = fields.get("scope")
    return set(filter(None, re.split(r"[\s,]+", told))) if isinstance(told, str) else None


ETSY_CONSENT = Consent(
    authorize_url="https://www.etsy.com/oauth/connect",
    token_url="https://api.etsy.com/v3/public/oauth/token",  # noqa: S106  an address
    scopes=("transactions_r", "listings_r", "shops_r"),
    params=_etsy_params,
    exchange=_etsy_exchange,
    ask_granted=_etsy_granted,
)

PRINTIFY_CONSENT = Consent(
    authorize_url="https://printify.com/app/authorize",
    token_url="https://api.printify.com/v1/app/oauth/tokens",  # noqa: S106  an address
    scopes=("shops.read", "orders.read", "products.read"),
    params=_printify_params,
    exchange=_printify_exchange,
)

SHOPIFY_CONSENT = Consent(
    authorize_url="https://{shop}/admin/oauth/authorize",
    token_url="https://{shop}/admin/oauth/access_token",  # noqa: S106  an address
    # `read_all_orders` is for approved apps alone and comes from the settings: without it sixty days are read, and
    # said to be.
    scopes=("read_orders", "read_products", "read_customers", "read_inventory", "read_locations"),
    params=_shopify_params,
    exchange=_shopify_exchange,
    shop_host=_SHOPIFY_HOST,
    is_genuine=_shopify_genuine,
    granted=_scopes_in_answer,
)

CONSENTS: dict[str, Consent] = {"etsy": ETSY_CONSENT, "printify": PRINTIFY_CONSENT, "shopify": SHOPIFY_CONSENT}
