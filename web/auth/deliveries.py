"""Signed deliveries: Standard Webhooks (onboarding, Etsy), and plain HMACs of the raw body (Shopify, Printify).

Sources: standardwebhooks.com/spec; platform sheets etsy 11, printify 9, shopify 7. Nothing is parsed before it is known
to come from whom it says, and every comparison takes the same time whatever is wrong.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import Headers

from web.problems import Problem

TOLERANCE_S = 300
_PREFIX = "whsec_"
_MOST_SIGNATURES = 16
_ID = re.compile(r"[\x21-\x7e]{1,200}")


async def _raw(request: Request) -> tuple[Headers, bytes]:
    return request.headers, await request.body()


# What a route that verifies is given: headers, and the body as it came. A signature is over bytes.
RawRequest = Annotated[tuple[Headers, bytes], Depends(_raw)]


def standard_id(headers: Headers, body: bytes, secrets: Sequence[str], *, now: float) -> str:
    """The id of a delivery that is signed as Standard Webhooks say; 401 for every other.

    A header that comes twice is refused: two readers might choose differently.
    """
    delivery, sent_at, signatures = (
        single_header(headers, name) for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
    )
    if not _ID.fullmatch(delivery) or not re.fullmatch(r"[0-9]{1,12}", sent_at, re.ASCII):
        raise not_signed()
    if abs(now - int(sent_at)) > TOLERANCE_S:
        raise not_signed()
    signed = b".".join((delivery.encode(), sent_at.encode(), body))
    given = [entry.partition(",")[2] for entry in signatures.split() if entry.startswith("v1,")]
    wanted = [_base64_hmac(_key(secret), signed) for secret in secrets]
    if not any_equal(given[:_MOST_SIGNATURES], wanted):
        raise not_signed()
    return delivery


def standard_headers(secret: str, delivery: str, sent_at: int, body: bytes) -> dict[str, str]:
    """The headers that a sender puts on a delivery; the demo sends one."""
    signed = b".".join((delivery.encode(), str(sent_at).encode(), body))
    return {
        "webhook-id": delivery,
        "webhook-timestamp": str(sent_at),
        "webhook-signature": f"v1,{_base64_hmac(_key(secret), signed)}",
    }


def shopify_signed(header: str, body: bytes, secrets: Sequence[str]) -> bool:
    """X-Shopify-Hmac-Sha256: base64 of the HMAC of the raw body with the app's client secret."""
    return any_equal([header], [_base64_hmac(secret.encode(), body) for secret in secrets])


def printify_signed(header: str, body: bytes, secrets: Sequence[str]) -> bool:
    """X-Pfy-Signature: `sha256=` and the hexadecimal HMAC of the raw body with the secret given at creation."""
    return any_equal([header], [f"sha256={hmac.digest(s.encode(), body, hashlib.sha256).hex()}" for s in secrets])


def any_equal(given: Iterable[str], wanted: Sequence[str]) -> bool:
    """Whether one of these is one of those; every pair is compared, so that the time tells nothing."""
    found = False
    for one in given:
        for other in wanted:
            found |= hmac.compare_digest(one.encode(), other.encode())
    return found


def not_signed() -> Problem:
    return Problem(401, "not_signed")


def _key(secret: str) -> bytes:
    """`whsec_` and base64, as Standard Webhooks write secrets; another text is taken as it is."""
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        return secret.encode()


def _base64_hmac(key: bytes, message: bytes) -> str:
    return base64.b64encode(hmac.digest(key, message, hashlib.sha256)).decode()


def single_header(headers: Headers, *names: str) -> str:
    """The one header that goes by any of these names; 401 where there is none, or two that readers could mix up."""
    found = [value for name in names for value in headers.getlist(name)]
    if len(found) != 1:
        raise not_signed()
    return found[0]
