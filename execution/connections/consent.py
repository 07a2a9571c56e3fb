"""How a seller's consent is asked for and turned into tokens, whichever platform's it is (platforms/consent.py).

The state is random and never stored, only its hash; PKCE's verifier is derived from it, so that the database holds
nothing that could be used.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from urllib.parse import quote, urlencode

from execution.errors import Retriable, UserError
from execution.http.small_bodies import error_text
from execution.http.transport import LIVE_DEADLINE_S, HttpTransport
from execution.platform_settings import PlatformSettings, with_origin
from execution.platforms.consent import Consent, Pending, base64url
from execution.tokens.rules import IssuedTokens, read_issued_tokens, with_shop


class ConsentRefused(UserError):
    """The consent did not come about; `code` is a stable word."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, code=code)


def begin(key: bytes, *, redirect_uri: str, shop: str = "") -> Pending:
    """A new consent, with a state that nobody can guess."""
    return pending(key, secrets.token_urlsafe(32), redirect_uri=redirect_uri, shop=shop)


def pending(key: bytes, state: str, *, redirect_uri: str, shop: str) -> Pending:
    """The same consent again, once its state has come back."""
    verifier = base64url(hmac.digest(key, b"pkce:" + state.encode(), hashlib.sha512))
    return Pending(state=state, verifier=verifier, redirect_uri=redirect_uri, shop=shop)


def state_hash(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()


def check_shop(consent: Consent, shop: str) -> str:
    """The shop that the seller named, as a host of the platform; a ConsentRefused for every other text."""
    address = shop.strip().lower().removeprefix("https://").removeprefix("http://")
    owners = next((found for page in consent.shop_pages if (found := re.match(page, address))), None)
    named = owners[1] if owners else address.rstrip("/")
    if consent.shop_suffix and re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", named):
        named = f"{named}{consent.shop_suffix}"
    if consent.shop_host and not re.fullmatch(consent.shop_host, named):
        raise ConsentRefused("shop_unknown", f"Write the shop's address as your-shop{consent.shop_suffix}.")
    return named if consent.shop_host else ""


def authorize_url(consent: Consent, settings: PlatformSettings, wanted: Pending) -> str:
    """Where the seller's browser goes."""
    base = settings.api_url(with_shop(consent.authorize_url, wanted.shop, consent.shop_host))
    return f"{base}?{urlencode(consent.params(settings, wanted, consent.scopes), quote_via=quote)}"


def exchange(
    consent: Consent, settings: PlatformSettings, transport: HttpTransport, wanted: Pending, code: str
) -> IssuedTokens:
    """Tokens for a code. Asked once: a code is single-use, and the seller can click again."""
    request = consent.exchange(settings, wanted, code)
    vendor_url = with_shop(consent.token_url, wanted.shop, consent.shop_host)
    url = with_origin(vendor_url, settings.token_url or settings.api_base_url)
    try:
        raw = transport.send(
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
        return read_issued_tokens(raw.body)
    except ValueError:
        raise ConsentRefused("no_tokens", "The platform's answer brought no token. Connect again.") from None
