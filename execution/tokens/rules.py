"""How a platform issues, refreshes and ends tokens, as data; and the readers of what its token endpoint answers.

Sources: RFC 6749 and the platform sheets; the vendors stand side by side in docs/platforms.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Any, Protocol
from urllib.parse import urlencode

from execution.errors import Fatal
from execution.http.small_bodies import error_text, json_object
from execution.platform_settings import PlatformSettings

_LONGEST_LIFE_S = 10**9


@dataclass(frozen=True, kw_only=True)
class RefreshRequest:
    """What a token endpoint is sent: a form (RFC 6749), or one JSON object where the platform wants that."""

    fields: Mapping[str, str] = field(repr=False)
    as_json: bool = False

    @property
    def content_type(self) -> str:
        return "application/json" if self.as_json else "application/x-www-form-urlencoded"

    def body(self) -> bytes:
        return json.dumps(dict(self.fields)).encode() if self.as_json else urlencode(self.fields).encode()


class LostRefresh(Enum):
    """What becomes of a refresh token when the answer to it was lost: the worker died, or the connection broke."""

    REPEATABLE = auto()  # documented: good until what replaces it is first used, or never rotated at all
    UNCERTAIN = auto()  # nobody says: tried again after a rest, and a refusal then ends the connection


@dataclass(frozen=True, kw_only=True)
class IssuedTokens:
    """What a token endpoint answered. Without a new refresh token the old one stays good.

    A life comes in seconds or as a moment, never both; None where the platform tells neither.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_in_s: float | None = None
    expires_at: datetime | None = None
    refresh_expires_in_s: float | None = None
    refresh_expires_at: datetime | None = None
    # What the token was granted (RFC 6749, 5.1: `scope`), where the answer tells.
    rights: frozenset[str] | None = None

    def ends_at(self, now: datetime) -> datetime | None:
        """When the access token ends, having come at `now`; None where nobody told."""
        return self.expires_at or _after(now, self.expires_in_s)

    def refresh_ends_at(self, now: datetime) -> datetime | None:
        """The same of the refresh token."""
        return self.refresh_expires_at or _after(now, self.refresh_expires_in_s)


def _after(now: datetime, seconds: float | None) -> datetime | None:
    return now + timedelta(seconds=seconds) if seconds else None


def refresh_grant(settings: PlatformSettings, refresh_token: str) -> dict[str, str]:
    """RFC 6749, 6: what nearly every vendor is sent; none of them is sent the secret in the same way."""
    return {"grant_type": "refresh_token", "client_id": settings.client_id, "refresh_token": refresh_token}


def is_grant_refused(status: int, body: bytes) -> bool:
    """RFC 6749, 5.2: the refresh token is dead. Believed when it is said again after a rest (`tokens.refresh`)."""
    return status == 400 and error_text(body).startswith("invalid_grant")


def tells_nothing(access_token: str) -> datetime | None:  # noqa: ARG001
    """The expiry that is written inside a token: most tokens are opaque."""
    return None


@dataclass(frozen=True, kw_only=True)
class TokenRules:
    """One platform's tokens. `url` may hold {shop}: then `shop_host` says which shop ids may be a host.

    `refresh` is None where tokens are only ever pasted or issued for good. `keep_alive` is the age at which the pair of
    an idle connection is refreshed, so that its refresh token does not die of disuse. `expiry_of` reads the expiry out
    of a token that was pasted.
    """

    url: str
    refresh: Callable[[PlatformSettings, str], RefreshRequest] | None
    lost_answer: LostRefresh = LostRefresh.UNCERTAIN
    is_refused: Callable[[int, bytes], bool] = is_grant_refused
    keep_alive: timedelta | None = None
    expiry_of: Callable[[str], datetime | None] = tells_nothing
    shop_host: str = ""

    def url_for(self, settings: PlatformSettings, shop_id: str) -> str:
        """Where this shop's tokens are refreshed: the vendor's address, or what the settings put instead."""
        return settings.refresh_url(with_shop(self.url, shop_id, self.shop_host))


def with_shop(url: str, shop_id: str, shop_host: str) -> str:
    """`url` with the shop's own host in it. A shop id that is no host of the platform's never gets a secret."""
    if "{shop}" not in url:
        return url
    if not shop_host or not re.fullmatch(shop_host, shop_id):
        raise Fatal("the shop's id is no host of the platform", code="no_shop")
    return url.replace("{shop}", shop_id)


def read_issued_tokens(body: bytes) -> IssuedTokens:
    """The answer of a token endpoint: RFC 6749, 5.1, or its cousins. Raises ValueError where it is none.

    A life is told as `expires_in`, `expire_at` or `expires_at`; a refresh token's as `refresh_token_expires_in` or
    `refresh_token_expires_at`.
    """
    fields = json_object(body)
    access, refresh = fields.get("access_token"), fields.get("refresh_token")
    if not isinstance(access, str) or not access or not isinstance(refresh, str | None):
        raise ValueError("no access token in the answer")
    life, refresh_life = _seconds(fields.get("expires_in")), _seconds(fields.get("refresh_token_expires_in"))
    return IssuedTokens(
        access_token=access,
        refresh_token=refresh or None,
        expires_in_s=life,
        expires_at=None if life else _moment(fields.get("expire_at") or fields.get("expires_at")),
        refresh_expires_in_s=refresh_life,
        refresh_expires_at=None if refresh_life else _moment(fields.get("refresh_token_expires_at")),
        rights=_rights(fields.get("scope")),
    )


def held(granted: Iterable[str]) -> frozenset[str]:
    """With what is implied: a right to write holds the one to read (shopify's sheet, 2.1)."""
    told = frozenset(granted)
    return told | {right.replace("write_", "read_", 1) for right in told}


def _rights(scope: object) -> frozenset[str] | None:
    """Divided by spaces, as RFC 6749 has it, or by commas."""
    named = re.split(r"[\s,]+", scope) if isinstance(scope, str) else ()
    return held(filter(None, named)) or None


def _seconds(value: Any) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < _LONGEST_LIFE_S
    return value if known else None


def _moment(value: Any) -> datetime | None:
    """A time as these platforms write it; one without an offset is in UTC."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


class TokenSource(Protocol):
    """Where the client gets a connection's access token."""

    def access_token(self) -> str: ...
    def renew(self, rejected: str) -> str:
        """A token that is newer than the rejected one, the same where none can be had, or Fatal."""

    def give_up(self, reason: str) -> None:
        """The platform refuses this connection for good: the seller must reconnect."""


class TokenIssuer(Protocol):
    """What is to be known of a platform where its tokens are kept."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def tokens(self) -> TokenRules: ...


def reconnect_needed(reason: str) -> Fatal:
    return Fatal(reason, code="reconnect_needed")
