"""Public keys of Supabase Auth (JWKS), fetched when a token names one that is not known."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import jwt

from execution.certificates import why_unreached
from execution.clock import Clock
from execution.trust import trusted

# A token with a made-up key id must not make us ask for keys at every request.
_ASK_AGAIN_S = 10.0
_ANSWER_S = 2.0
# A key that the project has withdrawn is good with us for as long as Supabase itself lets caches keep the set.
_KEPT_S = 600.0
_ALGORITHMS = {"EC": "ES256", "RSA": "RS256"}


class KeysUnavailable(Exception):
    """The keys could not be fetched: whether the token is good is unknown."""


class Jwks:
    """The keys of one project by id. Safe to share between threads.

    A new key is found at its first use, a withdrawn one is forgotten within ten minutes. While the set cannot be had,
    the keys that are known stay good.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        self._url = url
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[str, tuple[str, Any]] = {}
        self._asked_at = self._read_at = float("-inf")
        self._fault = ""

    def known(self, key_id: str) -> bool:
        """Whether nobody need be asked about this key."""
        return key_id in self._keys and self._clock.monotonic() < self._read_at + _KEPT_S

    def key(self, key_id: str, algorithm: str) -> Any | None:
        """The key of this id if it is for this algorithm. Raises KeysUnavailable where it cannot be known."""
        if not self.known(key_id):
            self._refresh(key_id)
        found = self._keys.get(key_id)
        return found[1] if found and found[0] == algorithm else None

    def _refresh(self, key_id: str) -> None:
        is_held = key_id in self._keys
        # A key that is merely old makes nobody wait for another's fetch.
        if not self._lock.acquire(blocking=not is_held):
            return
        try:
            self._fetch(key_id)
        except KeysUnavailable:
            if not is_held:
                raise
        finally:
            self._lock.release()

    def _fetch(self, key_id: str) -> None:
        now = self._clock.monotonic()
        if self.known(key_id):
            return
        if now < self._asked_at + _ASK_AGAIN_S:
            if self._fault:
                raise KeysUnavailable(self._fault)
            return
        self._asked_at, self._fault = now, ""
        try:
            # From the project's own address and from nowhere that it, or a token, points to.
            response = httpx.get(
                self._url, timeout=_ANSWER_S, verify=trusted(), trust_env=False, follow_redirects=False
            )
            response.raise_for_status()
            self._keys, self._read_at = dict(_usable(response.json())), now
        except (httpx.HTTPError, ValueError, AttributeError, TypeError) as error:
            self._fault = f"{why_unreached(error)} while fetching the keys of users' tokens"
            raise KeysUnavailable(self._fault) from error


def _usable(document: dict[str, Any]) -> list[tuple[str, tuple[str, Any]]]:
    """Public keys alone: a symmetric key in a public document would let everybody sign."""
    found = []
    for fields in document.get("keys", []):
        algorithm = _ALGORITHMS.get(str(fields.get("kty")))
        if algorithm is None or fields.get("alg", algorithm) != algorithm or not fields.get("kid"):
            continue
        try:
            found.append((str(fields["kid"]), (algorithm, jwt.PyJWK(fields, algorithm=algorithm).key)))
        except jwt.PyJWTError:
            continue
    return found
