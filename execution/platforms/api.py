"""How a platform's API is called, and what its answers mean: the types. Each platform's package makes the values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto

from execution.budget.observed_limits import ObservedLimits
from execution.http.messages import Headers, Request, Response, Send
from execution.platform_settings import PlatformSettings


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
    """An outcome with its reason for the log, the wait that was asked for, and by what code the seller is told.

    `words`: the name of the text, where one code has several; `facts` are put into it.
    """

    kind: ResponseKind
    reason: str = ""
    wait: timedelta | None = None
    code: str = ""
    words: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


def verdict(kind: ResponseKind, reason: str, code: str = "", words: str = "", **facts: str) -> Verdict:
    """One that asks for no wait."""
    return Verdict(kind=kind, reason=reason, code=code, words=words, facts=facts)


ACCEPTED = Verdict(kind=ResponseKind.ACCEPTED)


@dataclass(frozen=True, kw_only=True)
class ShopIdentity:
    """The shop that an access token belongs to, as the platform itself says."""

    shop_id: str
    name: str
    currency: str | None
    created_at: datetime | None
    # What the token was granted, where the same answer tells.
    rights: frozenset[str] | None = None
    # In which its days begin, by its IANA name, where the platform tells.
    time_zone: str | None = None


@dataclass(frozen=True, kw_only=True)
class KeyProbe:
    """The cheapest call that the application's key alone answers: no seller's token goes along."""

    path: str
    headers: Callable[[PlatformSettings], dict[str, str]]


@dataclass(frozen=True, kw_only=True)
class Api:
    """How one platform is called. `base_url` includes the path that all endpoints share, and may hold {shop}.

    `download_hosts` are those that files may be fetched from, beside the API's own. `identify` is given
    the shop that is asked for, and the token where it is in hand; it answers the token's own shop, or, where a token
    covers several, the one that is asked for. `key_probe`: none where only a seller's token
    proves the application's key.
    """

    base_url: str
    headers: Callable[[PlatformSettings, str], dict[str, str]]
    classify: Callable[[int, Headers, bytes, datetime], Verdict]
    identify: Callable[[Send, str, str], ShopIdentity]
    limits: Callable[[Headers, bytes], ObservedLimits] = lambda _headers, _body: ObservedLimits()
    request_id_header: str = ""
    download_hosts: frozenset[str] = frozenset()
    key_probe: KeyProbe | None = None


@dataclass(frozen=True, kw_only=True)
class Revoke:
    """The call that takes our access away, and whether its answer says that it is."""

    request: Request
    is_done: Callable[[Response], bool]
