"""Access and refresh tokens: a refresh token of the code flow lives on, one of PKCE is good once (sheet section 2)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sandbox.parts.clock import Clock
from sandbox.parts.responses import Doc
from sandbox.parts.tokens import NEVER, BaseCode, BaseToken, TokenRegistry
from sandbox.square.data.timestamps import SECOND, plain
from sandbox.square.responses import unauthorized
from sandbox.square.settings import Settings

SCOPES = (
    "MERCHANT_PROFILE_READ",
    "APPOINTMENTS_READ",
    "APPOINTMENTS_ALL_READ",
    "APPOINTMENTS_BUSINESS_SETTINGS_READ",
    "ITEMS_READ",
    "INVENTORY_READ",
    "VENDOR_READ",
    "ORDERS_READ",
    "PAYMENTS_READ",
    "CUSTOMERS_READ",
    "EMPLOYEES_READ",
    "LOYALTY_READ",
    "PAYOUTS_READ",
    "DISPUTES_READ",
)
SHORT_LIFE = 86_400


@dataclass(frozen=True, kw_only=True)
class Code(BaseCode):
    """An authorization code: single use, five minutes. `challenge` is of PKCE alone."""

    redirect_uri: str
    challenge: str


@dataclass(kw_only=True)
class Access(BaseToken):
    """What a call shows."""


@dataclass(kw_only=True)
class Refresh(BaseToken):
    """What gets another access token."""

    pkce: bool = False
    used: bool = False


class Tokens(TokenRegistry[Access, Refresh, Code]):
    """Every token this sandbox ever gave out. An owner is a shop, as the control plane calls it."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        super().__init__(clock)
        self._settings = settings
        self.merchants: dict[int, str] = {}

    def issue(
        self,
        owner: int,
        scopes: tuple[str, ...],
        *,
        expires_in: float | None = None,
        pkce: bool = False,
        short: bool = False,
    ) -> Doc:
        """A pair for the first time."""
        refresh = f"EQAAl{secrets.token_urlsafe(40)}"
        ends = self._clock.now() + self._settings.pkce_refresh_token_seconds if pkce else NEVER
        self._refresh[refresh] = Refresh(owner=owner, scopes=scopes, expires_at=ends, pkce=pkce)
        return self._answer(refresh, scopes, expires_in, short=short)

    def refresh(self, value: str, scopes: tuple[str, ...] | None, *, pkce: bool, short: bool) -> Doc:
        """Another access token; older ones live until they end. `scopes` can only be fewer."""
        token = self._refresh.get(value)
        if token is None or token.revoked or token.used or token.pkce != pkce or token.expires_at <= self._clock.now():
            raise unauthorized(detail="The refresh token is invalid, revoked or was used.")
        if scopes is not None and not set(scopes) <= set(token.scopes):
            raise unauthorized(detail="The scopes were not granted.")
        granted = token.scopes if scopes is None else scopes
        if token.pkce:
            token.used = True
            return self.issue(token.owner, granted, pkce=True, short=short)
        return self._answer(value, granted, None, short=short)

    def revoke_access(self, value: str) -> bool:
        """One access token alone; the refresh token lives on."""
        token = self._access.get(value)
        if token is None:
            return False
        token.revoked = True
        return True

    def owner_of(self, value: str) -> int | None:
        token = self._access.get(value)
        return token.owner if token else None

    def granted(self, owner: int) -> set[str]:
        """What the seller lets the application see now."""
        alive = [token for token in self._refresh.values() if token.owner == owner and not token.revoked]
        return {scope for token in alive for scope in token.scopes}

    def _answer(self, refresh: str, scopes: tuple[str, ...], expires_in: float | None, *, short: bool) -> Doc:
        token = self._refresh[refresh]
        life = SHORT_LIFE if short else self._settings.access_token_seconds
        ends = self._clock.now() + (life if expires_in is None else expires_in)
        access = f"EAAAl{secrets.token_urlsafe(40)}"
        self._access[access] = Access(owner=token.owner, scopes=scopes, expires_at=ends)
        made: Doc = {
            "access_token": access,
            "token_type": "bearer",
            "expires_at": plain(int(ends) * SECOND),
            "merchant_id": self.merchants[token.owner],
            "refresh_token": refresh,
            "short_lived": short,
        }
        if token.pkce:
            made["refresh_token_expires_at"] = plain(int(token.expires_at) * SECOND)
        return made
