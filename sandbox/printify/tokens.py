"""Access tokens in JWT form: OAuth's of six hours and the seller's personal ones of a year (sheet section 3)."""

from __future__ import annotations

import secrets

import jwt

from sandbox.parts.clock import Clock
from sandbox.parts.responses import Doc
from sandbox.parts.tokens import BaseCode, Token, TokenRegistry
from sandbox.printify.responses import OAuthError
from sandbox.printify.settings import Settings
from sandbox.printify.timestamps import timestamp

SCOPES = (
    "shops.read",
    "catalog.read",
    "print_providers.read",
    "products.read",
    "products.write",
    "orders.read",
    "orders.write",
    "webhooks.read",
    "webhooks.write",
    "uploads.read",
    "uploads.write",
)
# What an application that reads was registered for (sheet section 4).
APP_SCOPES = ("shops.read", "orders.read", "products.read")
YEAR_SECONDS = 365 * 86_400


class Tokens(TokenRegistry[Token, Token, BaseCode]):
    """Every token this sandbox ever gave out."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        super().__init__(clock)
        self._settings = settings
        self._key = secrets.token_hex(32)

    def personal(self, account_id: int, scopes: tuple[str, ...], expires_in: int | None = None) -> Doc:
        """What a seller pastes: no refresh token comes with it."""
        life = YEAR_SECONDS if expires_in is None else expires_in
        return {
            "access_token": self._mint(account_id, scopes, life),
            "expires_at": int(self._clock.now()) + life,
        }

    def issue(self, account_id: int, scopes: tuple[str, ...], expires_in: int | None = None) -> Doc:
        """An OAuth pair with the date of its end; how long a refresh token lives is not documented: without end."""
        life = self._settings.access_token_seconds if expires_in is None else expires_in
        refresh = self._jwt(account_id, scopes, self._clock.now(), None)
        self._refresh[refresh] = Token(owner=account_id, scopes=scopes)
        return {
            "access_token": self._mint(account_id, scopes, life),
            "refresh_token": refresh,
            "expire_at": timestamp(self._clock.now() + life),
        }

    def refresh(self, value: str) -> Doc:
        """A new access token; with it a new refresh token or the same one, as settings say."""
        token = self._refresh.get(value)
        if token is None:
            raise OAuthError("invalid_grant", "The refresh token is invalid.")
        spent = token.used and self._settings.reuse_old_refresh_token != "allow"  # noqa: S105 - a word
        if token.revoked or spent:
            raise OAuthError("invalid_grant", "The refresh token has been revoked.")
        if self._settings.refresh_token == "same":  # noqa: S105 - a word
            life = self._settings.access_token_seconds
            access = self._mint(token.owner, token.scopes, life)
            return {"access_token": access, "refresh_token": value, "expire_at": timestamp(self._clock.now() + life)}
        token.used = True
        return self.issue(token.owner, token.scopes)

    def _mint(self, account_id: int, scopes: tuple[str, ...], life: int) -> str:
        now = self._clock.now()
        value = self._jwt(account_id, scopes, now, now + life)
        self._access[value] = Token(owner=account_id, scopes=scopes, expires_at=now + life)
        return value

    def _jwt(self, account_id: int, scopes: tuple[str, ...], now: float, end: float | None) -> str:
        claims: Doc = {
            "aud": "sandbox",
            "jti": secrets.token_hex(20),
            "iat": int(now),
            "nbf": int(now),
            "sub": str(account_id),
            "scopes": list(scopes),
        }
        if end is not None:
            claims["exp"] = int(end)
        return jwt.encode(claims, self._key, algorithm="HS256")
