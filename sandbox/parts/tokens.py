"""Tokens that a stand-in gave out: which are good, and how they die. How they are issued is each platform's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from sandbox.parts.clock import Clock

NEVER = float("inf")


@dataclass(kw_only=True)
class BaseToken:
    """`owner` is whose it is, as the platform counts: a user's, an account's or a shop's."""

    owner: int
    scopes: tuple[str, ...]
    expires_at: float = NEVER
    revoked: bool = False


@dataclass(kw_only=True)
class Token(BaseToken):
    """An access token, or a refresh token that may have been used."""

    used: bool = False


@dataclass(frozen=True, kw_only=True)
class BaseCode:
    """An authorization code: single use, for a short time."""

    owner: int
    scopes: tuple[str, ...]
    expires_at: float


A = TypeVar("A", bound=BaseToken)
R = TypeVar("R", bound=BaseToken)
C = TypeVar("C", bound=BaseCode)


class TokenRegistry(Generic[A, R, C]):
    """Every token this sandbox ever gave out."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._access: dict[str, A] = {}
        self._refresh: dict[str, R] = {}
        self.codes: dict[str, C] = {}

    def classify(self, value: str) -> tuple[str, A | None]:
        """`valid`, `expired`, `revoked` or `unknown`, with the token where there is one."""
        token = self._access.get(value)
        if token is None:
            return "unknown", None
        if token.revoked:
            return "revoked", token
        return ("expired" if token.expires_at <= self._clock.now() else "valid"), token

    def revoke(self, owner: int | None) -> int:
        """Kill all tokens of an owner, or of everyone: what a password change or uninstalling does."""
        killed = 0
        for token in self._all():
            if owner in (None, token.owner) and not token.revoked:
                token.revoked = True
                killed += 1
        return killed

    def _all(self) -> list[A | R]:
        return [*self._access.values(), *self._refresh.values()]
