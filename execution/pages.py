"""A page as it came: what the walk must know of it, and its single records, byte for byte, when one is poison."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from execution.errors import Retriable

# Whitespace of JSON (RFC 8259, section 2).
_SPACE = " \t\n\r"


@dataclass(frozen=True, kw_only=True)
class Content:
    """The provider's count and the records' keys, in order. `single`: some record has no readable key."""

    count: int
    keys: tuple[str, ...]
    single: bool = False


@dataclass(frozen=True, kw_only=True)
class RawRecord:
    """One record's own bytes; `key` is None where it has no readable one."""

    key: str | None
    raw: bytes

    @property
    def audit_key(self) -> str:
        """What the pagination audit calls it; a record without a key is known by its bytes."""
        return self.key or "rejected:" + hashlib.md5(self.raw, usedforsecurity=False).hexdigest()


def read(body: bytes, *, records_at: str, count_at: str | None, key: str, leave_out: tuple[str, ...]) -> Content:
    """What a page says. Raises Retriable where it is no page: a cut or foreign body is never "no more records"."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    if document is None:
        # Python's own parser takes what orjson refuses (lone surrogates, huge numbers): the records may be single.
        document = _lenient(body.decode("utf-8", "surrogateescape"))
    records = document.get(records_at) if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(records, list):
        raise Retriable(f"the page has no list {records_at!r}")
    count = document.get(count_at) if count_at else len(records)
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise Retriable(f"the page's {count_at!r} is no count")
    keys = [_key(record, key) for record in records]
    if None in keys:
        singles = tuple(record.audit_key for record in split(body, records_at=records_at, key=key, leave_out=leave_out))
        return Content(count=count, keys=singles, single=True)
    return Content(count=count, keys=tuple(str(k) for k in keys))


def split(body: bytes, *, records_at: str, key: str, leave_out: tuple[str, ...]) -> list[RawRecord]:
    """The page's records as the bytes that came, less the members that are left out for privacy."""
    text = body.decode("utf-8", "surrogateescape")
    members = {name: (start, end) for name, start, end in _members(text, 0)}
    if records_at not in members:
        raise Retriable(f"the page has no list {records_at!r}")
    start, _ = members[records_at]
    return [_record(text[a:b], key, leave_out) for a, b in _elements(text, start)]


def _record(text: str, key: str, leave_out: tuple[str, ...]) -> RawRecord:
    value = _lenient(text)
    if isinstance(value, dict):
        text = _without(text, leave_out)
    return RawRecord(key=_key(value, key), raw=text.encode("utf-8", "surrogateescape"))


def as_json(records: list[RawRecord]) -> bytes:
    """The form in which `commit_page` takes single records."""
    return orjson.dumps([{"key": r.key, "raw": base64.b64encode(r.raw).decode()} for r in records])


def _key(record: Any, key: str) -> str | None:
    value = record.get(key) if isinstance(record, Mapping) else None
    is_key = isinstance(value, int | str) and not isinstance(value, bool) and value != ""
    # A lone surrogate cannot travel to the database as a key.
    return str(value) if is_key and str(value).isprintable() else None


def _without(text: str, names: tuple[str, ...]) -> str:
    """The object's text with some members cut out, every other byte untouched."""
    kept = [text[start:end] for name, start, end in _whole_members(text) if name not in names]
    return "{" + ",".join(kept) + "}"


def _lenient(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Retriable("the page is no JSON") from None


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _expect(text: str, at: int, wanted: str) -> int:
    at = _skip(text, at)
    if text[at : at + 1] != wanted:
        raise Retriable("the page is no JSON")
    return at + 1


def _value_end(text: str, at: int) -> int:
    try:
        _, end = json.JSONDecoder().raw_decode(text, at)
    except (ValueError, RecursionError):
        raise Retriable("the page is no JSON") from None
    return end


def _whole_members(text: str) -> Iterator[tuple[str, int, int]]:
    """The members of an object: each name with the span of name and value together."""
    for name, name_at, _, end in _spans(text, 0):
        yield name, name_at, end


def _members(text: str, at: int) -> Iterator[tuple[str, int, int]]:
    """The members of an object: each name with the span of its value."""
    for name, _, start, end in _spans(text, at):
        yield name, start, end


def _spans(text: str, at: int) -> Iterator[tuple[str, int, int, int]]:
    at = _skip(text, _expect(text, at, "{"))
    while text[at : at + 1] != "}":
        name_at = at
        at = _value_end(text, at)
        name = json.loads(text[name_at:at])
        start = _skip(text, _expect(text, at, ":"))
        end = _value_end(text, start)
        yield name, name_at, start, end
        at = _next(text, end, "}")


def _elements(text: str, at: int) -> Iterator[tuple[int, int]]:
    at = _skip(text, _expect(text, at, "["))
    while text[at : at + 1] != "]":
        end = _value_end(text, at)
        yield at, end
        at = _next(text, end, "]")


def _next(text: str, at: int, closer: str) -> int:
    """The start of the next part, or the closer's own place."""
    at = _skip(text, at)
    return at if text[at : at + 1] == closer else _skip(text, _expect(text, at, ","))
