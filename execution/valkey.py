"""The connection to Valkey (or Redis)."""

from __future__ import annotations

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry


def connect_valkey(url: str, *, patience_s: float = 0.5) -> redis.Redis:
    """A client that gives up soon: a hanging Valkey must not hold a worker, Postgres can pace as well.

    The library's own wait is endless. What the address says about timeouts goes before `patience_s`.
    """
    # One repeat mends a connection that idled too long; the library's own default holds the caller for seconds.
    repeat = Retry(NoBackoff(), 1)
    return redis.Redis.from_url(url, socket_timeout=patience_s, socket_connect_timeout=patience_s, retry=repeat)
