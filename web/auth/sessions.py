"""Who a token speaks for: Supabase's JWTs, HS256 with the project's secret or ES256 and RS256 with its public keys."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jwt
from starlette.responses import Response

from execution.clock import Clock
from execution.settings import Settings
from web.auth.jwks import Jwks, KeysUnavailable
from web.problems import Problem

AUDIENCE = "authenticated"
_LONGEST_TOKEN = 8192
_SKEW_S = 5


@dataclass(frozen=True, kw_only=True)
class Claims:
    """What a verified token says. `session_id` is the sign-in that it belongs to."""

    user_id: str
    email: str
    session_id: str
    expires_at: int


class Sessions:
    """Verifies tokens. The algorithm is fixed by the key, never by the token's own word for it."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        base = settings.supabase_url.rstrip("/")
        self.issuer = settings.supabase_jwt_issuer or f"{base}/auth/v1"
        self._secret = settings.supabase_jwt_secret.get_secret_value() if settings.supabase_jwt_secret else None
        self._jwks = Jwks(f"{base}/auth/v1/.well-known/jwks.json", clock)
        self.secure = urlsplit(settings.public_url or "").scheme == "https"
        # Over https a browser takes a __Host- cookie from this very host alone.
        self.cookie = "__Host-keeper_session" if self.secure else "keeper_session"

    def needs_fetch(self, token: str) -> bool:
        """Whether verifying may ask for keys, so that it must not happen on the event loop."""
        header = _header(token)
        return header.get("alg") != "HS256" and not self._jwks.known(str(header.get("kid", "")))

    def verify(self, token: str) -> Claims:
        """The claims of a good token; 401 for every other, with the same words whatever is wrong."""
        try:
            key, algorithm = self._key(_header(token))
            claims = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=AUDIENCE,
                issuer=self.issuer,
                leeway=_SKEW_S,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
            if claims.get("role") != "authenticated":
                raise _refusal()
            return Claims(
                user_id=str(uuid.UUID(str(claims["sub"]))),
                email=str(claims.get("email") or ""),
                session_id=str(claims.get("session_id") or ""),
                expires_at=int(claims["exp"]),
            )
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
            raise _refusal() from None
        except KeysUnavailable:
            raise Problem(503, "keys_away", headers={"Retry-After": "5"}) from None

    def issue(self, user_id: str, email: str, *, seconds: int) -> str:
        """A token as Supabase Auth would give. For the development login, which alone may call it."""
        if self._secret is None:
            raise Problem(404, "not_found")
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "role": "authenticated",
            "sub": user_id,
            "email": email,
            "session_id": str(uuid.uuid4()),
            "iat": now,
            "exp": now + seconds,
        }
        return jwt.encode(claims, self._secret, algorithm="HS256")

    def set_cookie(self, response: Response, token: str, claims: Claims, *, now: float) -> None:
        """Keep the token in the session's cookie, for as long as it is good."""
        response.set_cookie(
            self.cookie,
            token,
            max_age=max(0, int(claims.expires_at - now)),
            path="/",
            secure=self.secure,
            httponly=True,
            # Lax, not Strict: the platforms' consent pages send the seller back to us with it.
            samesite="lax",
        )

    def delete_cookie(self, response: Response) -> None:
        response.delete_cookie(self.cookie, path="/", secure=self.secure, httponly=True, samesite="lax")

    def _key(self, header: dict[str, Any]) -> tuple[Any, str]:
        algorithm = header.get("alg")
        if algorithm == "HS256" and self._secret is not None:
            return self._secret, "HS256"
        if algorithm in ("ES256", "RS256"):
            key = self._jwks.key(str(header.get("kid", "")), algorithm)
            if key is not None:
                return key, algorithm
        raise _refusal()


def _header(token: str) -> dict[str, Any]:
    if len(token) > _LONGEST_TOKEN:
        raise _refusal()
    try:
        return dict(jwt.get_unverified_header(token))
    except (jwt.PyJWTError, ValueError, TypeError):
        raise _refusal() from None


def _refusal() -> Problem:
    return Problem(401, "not_signed_in", headers={"WWW-Authenticate": "Bearer"})
