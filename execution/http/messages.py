"""One exchange with a platform, as everything above the transport sees it: a request by path, a response by bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

Headers = Mapping[str, str]
Params = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Response:
    """A body that was accepted and has not been parsed. `fetched_at` is the database's time before the request."""

    status: int
    body: bytes
    headers: Headers
    fetched_at: datetime


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request. `points`: what it is expected to cost where the platform charges by weight."""

    path: str
    method: str = "GET"
    params: Params = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)
    content_type: str = "application/json"
    points: float = 0.0


Get = Callable[[str, Params | None], Response]
Send = Callable[[Request], Response]
