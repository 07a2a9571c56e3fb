"""What a platform is to the client: a value. Each platform's module makes one; no platform is named here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto

from execution.budget.observed_limits import ObservedLimits
from execution.http.messages import Headers, Send
from execution.settings import PlatformSettings
from execution.tokens.rules import TokenRules, with_shop


class ResponseKind(Enum):
    """What an answer means, decided once, from the answer alone."""

    ACCEPTED = auto()
    TRY_AGAIN = auto()
    THROTTLED = auto()
    DAY_USED_UP = auto()
    TOKEN_REJECTED = auto()  # a fresh token may help
    ACCESS_REFUSED = auto()  # this connection may not; a fresh token does not help
    KEY_REFUSED = auto()  # the application itself: nobody can call, an operator must act
    SHOP_PAUSED = auto()  # the platform holds the whole shop back for a while: nothing of ours is at fault
    GONE = auto()
    REQUEST_WRONG = auto()


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """An outcome with its reason for the log, the wait that was asked for, and what the seller is told."""

    kind: ResponseKind
    reason: str = ""
    wait: timedelta | None = None
    code: str = ""
    seller_message: str = ""


def verdict(kind: ResponseKind, reason: str, code: str = "", seller_message: str = "") -> Verdict:
    """One that asks for no wait."""
    return Verdict(kind=kind, reason=reason, code=code, seller_message=seller_message)


ACCEPTED = Verdict(kind=ResponseKind.ACCEPTED)


@dataclass(frozen=True, kw_only=True)
class ShopIdentity:
    """The shop that an access token belongs to, as the platform itself says."""

    shop_id: str
    name: str
    currency: str | None
    created_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Platform:
    """How one platform is called. `api_base_url` includes the path that all endpoints share.

    It may hold {shop}, as `tokens.url` may. `download_hosts` are those that files may be fetched from, beside the
    API's own. `identify` answers the token's own shop, or, where a token covers several, the one that is asked for.
    """

    name: str
    title: str
    api_base_url: str
    request_id_header: str
    headers: Callable[[PlatformSettings, str], dict[str, str]]
    limits: Callable[[Headers, bytes], ObservedLimits]
    classify: Callable[[int, Headers, bytes, datetime], Verdict]
    tokens: TokenRules
    identify: Callable[[Send, str], ShopIdentity]
    download_hosts: frozenset[str] = frozenset()
    # Words of its own for sellers, by code; {platform} and the failure's facts are put in (`seller_messages`).
    seller_messages: Mapping[str, str] = field(default_factory=dict)

    def base_url(self, settings: PlatformSettings, shop_id: str) -> str:
        """Where this shop's calls go: the vendor's address, or what the settings put in its place."""
        return settings.api_url(with_shop(self.api_base_url, shop_id, self.tokens.shop_host)).rstrip("/")
