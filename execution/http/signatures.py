"""Signed deliveries: Standard Webhooks, and HMACs of the raw body. Source: standardwebhooks.com/spec.

Nothing is parsed before it is known to come from whom it says, and every comparison takes the same time whatever is
wrong.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

TOLERANCE_S = 300
_PREFIX = "whsec_"
_MOST_SIGNATURES = 16
_ID = re.compile(r"[\x21-\x7e]{1,200}")


class NotSigned(Exception):
    """The delivery is not signed as it should be."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A request as it came: a signature is over bytes. `headers`: each name in lower case with all of its values.

    `url`: our own address, as we tell platforms where to send to. What the request says of it is believed by nobody.
    """

    headers: Mapping[str, Sequence[str]]
    body: bytes
    url: str = ""

    def only(self, *names: str) -> str:
        """The one header that goes by any of these names; NotSigned for none, or for two that readers could mix up."""
        found = [value for name in names for value in self.headers.get(name, ())]
        if len(found) != 1:
            raise NotSigned
        return found[0]

    def first(self, *names: str) -> str | None:
        """The first header that goes by any of these names."""
        return next((value for name in names for value in self.headers.get(name, ())), None)


def standard_id(delivery: Delivery, secrets: Sequence[str], *, now: float) -> str:
    """The id of a delivery that is signed as Standard Webhooks say; NotSigned for every other.

    A header that comes twice is refused: two readers might choose differently.
    """
    named, sent_at, signatures = (
        delivery.only(name) for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
    )
    if not _ID.fullmatch(named) or not re.fullmatch(r"[0-9]{1,12}", sent_at, re.ASCII):
        raise NotSigned
    if abs(now - int(sent_at)) > TOLERANCE_S:
        raise NotSigned
    signed = b".".join((named.encode(), sent_at.encode(), delivery.body))
    given = [entry.partition(",")[2] for entry in signatures.split() if entry.startswith("v1,")]
    wanted = [base64_hmac(_key(secret), signed) for secret in secrets]
    if not any_equal(given[:_MOST_SIGNATURES], wanted):
        raise NotSigned
    return named


def standard_headers(secrets: Sequence[str], delivery: str, sent_at: int, body: bytes) -> dict[str, str]:
    """The headers that a sender puts on a delivery: a signature by each secret, several while one is rotated out."""
    signed = b".".join((delivery.encode(), str(sent_at).encode(), body))
    return {
        "webhook-id": delivery,
        "webhook-timestamp": str(sent_at),
        "webhook-signature": " ".join(f"v1,{base64_hmac(_key(secret), signed)}" for secret in secrets),
    }


def base64_hmac(key: bytes, message: bytes) -> str:
    return base64.b64encode(hmac.digest(key, message, hashlib.sha256)).decode()


def hex_hmac(key: bytes, message: bytes) -> str:
    return hmac.digest(key, message, hashlib.sha256).hex()


def any_equal(given: Iterable[str], wanted: Sequence[str]) -> bool:
    """Whether one of these is one of those; every pair is compared, so that the time tells nothing."""
    found = False
    for one in given:
        for other in wanted:
            found |= hmac.compare_digest(one.encode(), other.encode())
    return found


def _key(secret: str) -> bytes:
    """`whsec_` and base64, as Standard Webhooks write secrets; another text is taken as it is."""
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        return secret.encode()
