"""Cursors: opaque, bound to their query, dead some minutes after they were given out (sheet sections 0.7 and 3)."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, NamedTuple

import orjson

from sandbox.parts.responses import Doc
from sandbox.square.responses import invalid

_MARK = 8


class Cursor(NamedTuple):
    """Where a list goes on. `started` is when its first page was read: what is now by default is that moment."""

    query: str
    issued: int
    started: int
    after: tuple[Any, str] | None


def fingerprint(name: str, fields: Doc) -> str:
    """Of the query: all that was given, but for the cursor and the page's size."""
    kept = {key: value for key, value in fields.items() if key not in ("cursor", "limit")}
    text = orjson.dumps([name, kept], option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=8).hexdigest()


def written(cursor: Cursor, key: bytes) -> str:
    body = orjson.dumps(list(cursor))
    return urlsafe_b64encode(_mark(body, key) + body).decode().rstrip("=")


def read(text: str, key: bytes, *, query: str, now: int, life: int) -> Cursor:
    """The cursor; INVALID_CURSOR where it is none of ours, of another query, or too old."""
    found = _unpacked(text, key)
    if found is None or found.query != query or now - found.issued > life:
        raise dead()
    after = None if found.after is None else (found.after[0], found.after[1])
    return found._replace(after=after)


def _unpacked(text: str, key: bytes) -> Cursor | None:
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    mine = hmac.compare_digest(raw[:_MARK], _mark(raw[_MARK:], key))
    return Cursor(*orjson.loads(raw[_MARK:])) if mine else None


def dead() -> Exception:
    return invalid("INVALID_CURSOR", "The cursor is not valid.", "cursor")


def _mark(body: bytes, key: bytes) -> bytes:
    return hmac.new(key, body, hashlib.sha256).digest()[:_MARK]
