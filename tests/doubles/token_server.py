"""A token endpoint in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from urllib.parse import parse_qs

import httpx


class TokenServer:
    """A token endpoint with rotation: a refresh token that is used twice is dead, as is its whole family."""

    def __init__(self, refresh: str = "40010002.refresh-1") -> None:
        self.good = refresh
        self.used: list[str] = []
        self.issued = 0
        self.access = ""
        self._lock = threading.Lock()
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        form = parse_qs(request.read().decode())
        self.before()
        with self._lock:
            given = form["refresh_token"][0]
            self.used.append(given)
            if given != self.good:
                self.good = ""
                refused = {"error": "invalid_grant", "error_description": "refresh_token is revoked"}
                return httpx.Response(400, json=refused)
            self.issued += 1
            self.access, self.good = f"40010002.access-{self.issued}", f"40010002.next-{self.issued}"
            answer = {
                "access_token": self.access,
                "refresh_token": self.good,
                "expires_in": 3600,
                "token_type": "Bearer",
            }
        self.after()
        return httpx.Response(200, json=answer)
