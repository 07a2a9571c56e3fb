"""A platform's consent page as data: what it is asked with, how its answer is proven, what a code is exchanged with."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from execution.platform_settings import PlatformSettings
from execution.tokens.rules import RefreshRequest


def base64url(value: bytes) -> str:
    """As PKCE writes a verifier and its challenge: without padding (RFC 7636)."""
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


@dataclass(frozen=True, kw_only=True)
class Pending:
    """A consent that was begun: what its two requests must agree on."""

    state: str
    verifier: str
    redirect_uri: str
    shop: str = ""


@dataclass(frozen=True, kw_only=True)
class Consent:
    """One platform's consent page and the exchange of its code.

    `shop_host`: the seller names the shop beforehand, by a host of this form or by what stands before `shop_suffix`.
    `shop_pages`: where the platform shows a shop to its owner, as it is copied from a browser; the group is its name.
    `is_genuine` is given the query of the way back, the application's secrets, of which any may have signed it, and the
    time.
    """

    authorize_url: str
    token_url: str
    scopes: tuple[str, ...]
    params: Callable[[PlatformSettings, Pending, Sequence[str]], Mapping[str, str]]
    exchange: Callable[[PlatformSettings, Pending, str], RefreshRequest]
    shop_host: str = ""
    shop_suffix: str = ""
    shop_pages: tuple[str, ...] = ()
    is_genuine: Callable[[Mapping[str, str], Sequence[str], float], bool] = lambda _query, _secrets, _now: True

    @property
    def origin(self) -> str:
        """Where a browser is led: scheme and host, with a star for the shop's own part."""
        parts = urlsplit(self.authorize_url.replace("{shop}", f"*{self.shop_suffix}"))
        return f"{parts.scheme}://{parts.netloc}"
