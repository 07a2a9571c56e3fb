"""Reads small JSON bodies: errors, tokens, shops. A hostile one cannot break the reader. Never used for pages."""

from __future__ import annotations

import json
from typing import Any

_MOST_BYTES = 65536


def error_text(body: bytes) -> str:
    """`error` and `error_description` of a small JSON body, in one line; empty where there are none."""
    try:
        fields = json_object(body)
    except ValueError:
        return ""
    texts = (fields.get(key) for key in ("error", "error_description"))
    return " ".join(": ".join(text for text in texts if isinstance(text, str)).split())[:300]


def json_object(body: bytes) -> dict[str, Any]:
    """A small JSON object, or ValueError: also where the nesting is hostile."""
    if len(body) > _MOST_BYTES:
        raise ValueError("too big for an error or a token")
    try:
        value = json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 (callers catch ValueError alone)
    return value
