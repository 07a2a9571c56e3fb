"""What a platform is to the client: a value. Each platform's module makes one; no platform is named here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Protocol

from execution.errors import Fatal
from execution.settings import PlatformSettings
from execution.token_rules import TokenRules

Headers = Mapping[str, str]
Params = Mapping[str, object]


class Outcome(Enum):
    """What an answer means, decided once, from the answer alone."""

    ACCEPTED = auto()
    TRY_AGAIN = auto()
    THROTTLED = auto()
    DAY_USED_UP = auto()
    TOKEN_REJECTED = auto()  # a fresh token may help
    ACCESS_REFUSED = auto()  # this connection may not; a fresh token does not help
    KEY_REFUSED = auto()  # the application's key: nobody can call, an operator must act
    GONE = auto()
    REQUEST_WRONG = auto()


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """An outcome with its reason for the log, the wait that was asked for, and what the seller is told."""

    outcome: Outcome
    reason: str = ""
    wait: timedelta | None = None
    code: str = ""
    seller_message: str = ""


ACCEPTED = Verdict(outcome=Outcome.ACCEPTED)


@dataclass(frozen=True, kw_only=True)
class ObservedLimits:
    """The limits that an answer's headers told; None for what they did not."""

    per_second: int | None = None
    remaining_this_second: int | None = None
    per_day: int | None = None
    remaining_today: int | None = None


@dataclass(frozen=True, kw_only=True)
class ShopIdentity:
    """The shop that an access token belongs to, as the platform itself says."""

    shop_id: str
    name: str
    currency: str | None
    created_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A body that was accepted and has not been parsed. `fetched_at` is the database's time before the request."""

    status: int
    body: bytes
    headers: Headers
    fetched_at: datetime


Get = Callable[[str, Params | None], Answer]


@dataclass(frozen=True, kw_only=True)
class Platform:
    """How one platform is called. `api_base_url` includes the path that all endpoints share."""

    name: str
    title: str
    api_base_url: str
    request_id_header: str
    headers: Callable[[PlatformSettings, str], dict[str, str]]
    limits: Callable[[Headers], ObservedLimits]
    classify: Callable[[int, Headers, bytes, datetime], Verdict]
    tokens: TokenRules
    identify: Callable[[Get], ShopIdentity]


class TokenSource(Protocol):
    """Where the client gets a connection's access token."""

    def access_token(self) -> str: ...
    def renew(self, rejected: str) -> str:
        """A token that is newer than the rejected one, or Fatal."""

    def give_up(self, reason: str) -> None:
        """The platform refuses this connection for good: the seller must reconnect."""


def reconnect_needed(platform: Platform, reason: str) -> Fatal:
    return Fatal(
        reason,
        code="reconnect_needed",
        seller_message=f"{platform.title} no longer accepts our access. Please reconnect your shop.",
    )
