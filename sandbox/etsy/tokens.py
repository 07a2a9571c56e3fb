"""Access and refresh tokens: issue, rotate, expire, revoke (sheet section 4)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sandbox.etsy.responses import EtsyError
from sandbox.etsy.settings import Settings
from sandbox.parts.clock import Clock
from sandbox.parts.responses import Doc
from sandbox.parts.tokens import BaseCode, Token, TokenRegistry

SCOPES = ("transactions_r", "listings_r", "shops_r")


@dataclass(frozen=True, kw_only=True)
class Code(BaseCode):
    """An authorization code: single use, one minute."""

    redirect_uri: str
    challenge: str


class Tokens(TokenRegistry[Token, Token, Code]):
    """Every token this sandbox ever gave out."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        super().__init__(clock)
        self._settings = settings

    def issue(self, user_id: int, scopes: tuple[str, ...], expires_in: int | None = None) -> Doc:
        """A new pair; the numeric user id and the dot belong to the token."""
        life = self._settings.access_token_seconds if expires_in is None else expires_in
        now = self._clock.now()
        access, refresh = (f"{user_id}.{secrets.token_urlsafe(24)}" for _ in range(2))
        self._access[access] = Token(owner=user_id, scopes=scopes, expires_at=now + life)
        refresh_end = now + self._settings.refresh_token_seconds
        self._refresh[refresh] = Token(owner=user_id, scopes=scopes, expires_at=refresh_end)
        return {"access_token": access, "token_type": "Bearer", "expires_in": life, "refresh_token": refresh}

    def refresh(self, value: str) -> Doc:
        """Rotate: a new pair for a live refresh token, which dies by it unless settings allow its reuse."""
        token = self._refresh.get(value)
        if token is None:
            raise EtsyError(400, "invalid_grant", "refresh_token is invalid")
        if token.expires_at <= self._clock.now():
            raise EtsyError(400, "invalid_grant", "refresh_token is expired")
        spent = token.used and self._settings.reuse_old_refresh_token != "allow"  # noqa: S105 - a word
        if token.revoked or spent:
            raise EtsyError(400, "invalid_grant", "refresh_token is revoked")
        token.used = True
        return self.issue(token.owner, token.scopes)
