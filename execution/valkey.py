"""The connection to Valkey (or Redis), and whose keys stand there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import cast
from urllib.parse import parse_qsl, urlencode, urlsplit

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


# Options that name a file; the client would look for it with the first call.
_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")


def address_fault(url: str) -> str:
    """What of an address no client can be made of, before anybody connects; empty where nothing is."""
    parts = urlsplit(url)
    if parts.scheme != "unix" and not re.fullmatch(r"/?\d*", parts.path):
        return "has no number of a database after its host, like /0"
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name in _FILES and not Path(value).is_file():
            return f"names a file with {name} that is not there"
        if not _can_be_made(f"{url.partition('?')[0]}?{urlencode([(name, value)])}"):
            # An option's name is a word; what is none may be half a password.
            told = f"option '{name}'" if re.fullmatch(r"[a-z_]{1,40}", name) else "option"
            return f"has an {told} that this scheme does not have, or not with that value"
    return "" if _can_be_made(url) else "has options that do not go together"


def _can_be_made(url: str) -> bool:
    try:
        redis.ConnectionPool.from_url(url).make_connection()
    except (redis.RedisError, ValueError, TypeError, LookupError, AttributeError, OSError):
        return False
    return True


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
