"""The connection to Valkey (or Redis), and whose keys stand there."""

from __future__ import annotations

import ssl
from typing import cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry


class Valkey(redis.Redis):
    """A client that names its keys: two installations may share one Valkey, and neither touches what is the other's."""

    installation: str = ""

    def key(self, name: str) -> str:
        return ":".join(part for part in ("keeper", self.installation, name) if part)


def connect_valkey(url: str, *, installation: str = "", patience_s: float = 0.5) -> Valkey:
    """A client that gives up soon: a hanging Valkey must not hold a worker, Postgres can pace as well.

    The library's own wait is endless. What the address says about timeouts goes before `patience_s`.
    """
    # One repeat mends a connection that idled too long; the library's own default holds the caller for seconds.
    repeat = Retry(NoBackoff(), 1)
    made = Valkey.from_url(url, socket_timeout=patience_s, socket_connect_timeout=patience_s, retry=repeat)
    client = cast("Valkey", made)
    client.installation = installation
    return client


def certificate_refused(error: BaseException) -> str:
    """What to do about a certificate that nobody we know has signed; empty where that is not the matter."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return (
                "its certificate is signed by nobody we know: give its authority with ?ssl_ca_certs=FILE at the end of "
                "REDIS_URL, or ?ssl_cert_reqs=none where the host signs its own"
            )
        seen = seen.__cause__ or seen.__context__
    return ""
