"""The connection to Valkey (or Redis), and whose keys stand there."""

from __future__ import annotations

from typing import cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from execution.certificates import NO_TLS, UNKNOWN_SIGNER, tls_fault


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


# What of REDIS_URL mends which fault of TLS.
_ADVICE = {
    UNKNOWN_SIGNER: "give its authority with ?ssl_ca_certs=FILE at the end of REDIS_URL, or ?ssl_cert_reqs=none where "
    "the host signs its own",
    NO_TLS: "begin REDIS_URL with redis://",
}
_OTHER_ADVICE = "have the host mend it, or end REDIS_URL with ?ssl_cert_reqs=none until then"


def why_away(error: BaseException) -> str:
    """Why Valkey cannot be asked, and where its certificate is the matter, what to set."""
    fault = tls_fault(error)
    return f"{fault}: {_ADVICE.get(fault, _OTHER_ADVICE)}" if fault else f"does not answer ({type(error).__name__})"
