"""Access and refresh tokens: issue, rotate, expire, exchange, revoke (sheet section 2)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sandbox.parts.clock import Clock
from sandbox.parts.responses import Doc
from sandbox.parts.tokens import NEVER, BaseCode, BaseToken, TokenRegistry
from sandbox.shopify.settings import Settings

SCOPES = (
    "read_orders",
    "read_all_orders",
    "read_products",
    "read_customers",
    "read_inventory",
    "read_locations",
)
# The previous refresh token may be retried until its replacement is first used, 30 days at most (2026-08-28).
RETRY_SECONDS = 30 * 86_400
MIGRATION_RETRY_SECONDS = 7 * 86_400


class InvalidGrant(Exception):
    """A grant that gives nothing any more."""


@dataclass(kw_only=True)
class Access(BaseToken):
    """An access token; one for ever has no end."""


@dataclass(kw_only=True)
class Refresh(BaseToken):
    """A refresh token, what it was first exchanged for, and whether that has been used."""

    first_used: float | None = None
    replaced_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class Code(BaseCode):
    """An authorization code: single use, ten minutes."""

    online: bool = False


class Tokens(TokenRegistry[Access, Refresh, Code]):
    """Every token this sandbox ever gave out."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        super().__init__(clock)
        self._settings = settings
        self._migrated: dict[str, tuple[Doc, float]] = {}

    def issue(
        self, shop_id: int, scopes: tuple[str, ...], *, expiring: bool = True, expires_in: int | None = None
    ) -> Doc:
        """A new pair, or one token for ever; field names as the official client reads them (sheet section 2.1)."""
        access = f"shpat_{secrets.token_hex(16)}"
        if not expiring:
            self._access[access] = Access(owner=shop_id, scopes=scopes)
            return {"access_token": access, "scope": ",".join(scopes)}
        now, life = self._clock.now(), self._settings.access_token_seconds if expires_in is None else expires_in
        refresh = f"shprt_{secrets.token_hex(16)}"
        self._access[access] = Access(owner=shop_id, scopes=scopes, expires_at=now + life)
        refresh_life = self._settings.refresh_token_seconds
        self._refresh[refresh] = Refresh(owner=shop_id, scopes=scopes, expires_at=now + refresh_life)
        return {
            "access_token": access,
            "scope": ",".join(scopes),
            "expires_in": life,
            "refresh_token": refresh,
            "refresh_token_expires_in": refresh_life,
        }

    def refresh(self, value: str, shop_id: int | None = None) -> Doc:
        """Rotate. A used token works again until its replacement is used: a lost answer is recoverable."""
        token, now = self._refresh.get(value), self._clock.now()
        if token is None or token.revoked or token.expires_at <= now or shop_id not in (None, token.owner):
            raise InvalidGrant("This request requires an active refresh_token")
        if token.first_used is not None:
            newer = self._refresh[token.replaced_by or ""]
            if newer.first_used is not None or now - token.first_used > RETRY_SECONDS:
                raise InvalidGrant("This request requires an active refresh_token")
            newer.revoked = True  # the retry's pair takes the place of the one that was lost
        made = self.issue(token.owner, token.scopes)
        token.first_used = now if token.first_used is None else token.first_used
        token.replaced_by = made["refresh_token"]
        return made

    def migrate(self, value: str) -> Doc:
        """An everlasting token for an expiring pair; the old one dies, and a lost answer may be asked for again."""
        if value in self._migrated:
            made, at = self._migrated[value]
            untouched = self._refresh[made["refresh_token"]].first_used is None
            if untouched and self._clock.now() - at <= MIGRATION_RETRY_SECONDS:
                return made
        token = self._access.get(value)
        if token is None or token.revoked or token.expires_at != NEVER:
            raise InvalidGrant("Invalid subject_token")
        token.revoked = True
        made = self.issue(token.owner, token.scopes)
        self._migrated[value] = (made, self._clock.now())
        return made

    def scopes_of(self, shop_id: int) -> tuple[str, ...]:
        """What a token of the shop may do that is not revoked."""
        return next((token.scopes for token in self._all() if token.owner == shop_id and not token.revoked), ())

    def scope(self, shop_id: int, scopes: tuple[str, ...]) -> int:
        """Another set of scopes for every token of the shop: what a merchant's consent changes."""
        found = [token for token in self._all() if token.owner == shop_id]
        for token in found:
            token.scopes = scopes
        return len(found)
