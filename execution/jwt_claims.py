"""What a JWT says of itself. Nobody has looked at its signature: good for a warning, never for trust."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def jwt_claims(token: str) -> Mapping[str, Any]:
    """The claims; none of another text."""
    _, _, rest = token.partition(".")
    payload, _, signature = rest.partition(".")
    if not payload or not signature:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def jwt_expiry(token: str) -> datetime | None:
    """`exp` of a JWT; None where there is none."""
    expiry = jwt_claims(token).get("exp")
    try:
        return datetime.fromtimestamp(expiry, UTC) if isinstance(expiry, int | float) else None
    except (ValueError, OverflowError, OSError):
        return None
