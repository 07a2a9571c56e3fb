"""A page as it came: what the walk must know of it, and its single records, byte for byte, when one is poison."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
import orjson

from execution.errors import Retriable
from execution.streams import Records

# Whitespace of JSON (RFC 8259, section 2).
_SPACE = " \t\n\r"


@dataclass(frozen=True, kw_only=True)
class Content:
    """The provider's count and the records' keys, in order. `single`: some record has no readable key."""

    count: int
    keys: tuple[str, ...]
    single: bool = False


def cut_for_privacy(records: Records) -> tuple[str, ...]:
    """The members that single records lose: those that no feature needs. What a person's row takes is needed."""
    taken = {name for person in records.people for name in person.take}
    return tuple(name for name in records.leave_out if name not in taken)


@dataclass(frozen=True, kw_only=True)
class RawRecord:
    """One record's own bytes; `key` is None where it has no readable one."""

    key: str | None
    raw: bytes

    @property
    def audit_key(self) -> str:
        """What the pagination audit calls it; a record without a key is known by its bytes."""
        return self.key or "rejected:" + hashlib.md5(self.raw, usedforsecurity=False).hexdigest()


@cache
def _decoder(records_at: str, count_at: str | None, key: str) -> msgspec.json.Decoder[Any]:
    """Decodes the count and the keys of a page and skips all else: a fifth of what a whole parse costs."""
    record = msgspec.defstruct("Record", [("key", int | str | None, None)], rename={"key": key})
    fields: list[tuple[str, Any]] = [("records", list[record])]  # type: ignore[valid-type]  # made just above
    names = {"records": records_at}
    if count_at:
        fields.append(("count", int))
        names["count"] = count_at
    return msgspec.json.Decoder(msgspec.defstruct("Page", fields, rename=names))


def read(body: bytes, *, records_at: str, count_at: str | None, key: str, leave_out: tuple[str, ...]) -> Content:
    """What a page says. Raises Retriable where it is no page: a cut or foreign body is never "no more records"."""
    try:
        page = _decoder(records_at, count_at, key).decode(body)
        keys, count = [record.key for record in page.records], page.count if count_at else len(page.records)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        # Python's own parser takes what a strict one refuses (lone surrogates, keys of a wrong type): single records.
        keys, count = _read_leniently(body, records_at, count_at, key)
    if count < 0:
        raise Retriable(f"the page's {count_at!r} is no count")
    texts = [_key_text(value) for value in keys]
    if None in texts:
        records = split(body, records_at=records_at, key=key, leave_out=leave_out)
        return Content(count=count, keys=tuple(record.audit_key for record in records), single=True)
    return Content(count=count, keys=tuple(str(text) for text in texts))


def _read_leniently(body: bytes, records_at: str, count_at: str | None, key: str) -> tuple[list[Any], int]:
    document = _lenient(body.decode("utf-8", "surrogateescape"))
    records = document.get(records_at) if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(records, list):
        raise Retriable(f"the page has no list {records_at!r}")
    count = document.get(count_at) if count_at else len(records)
    if not isinstance(count, int) or isinstance(count, bool):
        raise Retriable(f"the page's {count_at!r} is no count")
    return [record.get(key) if isinstance(record, dict) else None for record in records], count


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
    found = value.get(key) if isinstance(value, dict) else None
    return RawRecord(key=_key_text(found), raw=text.encode("utf-8", "surrogateescape"))


def as_json(records: list[RawRecord]) -> bytes:
    """The form in which `commit_page` takes single records."""
    return orjson.dumps([{"key": r.key, "raw": base64.b64encode(r.raw).decode()} for r in records])


def _key_text(value: Any) -> str | None:
    """A key as text, or None where it is none. A lone surrogate cannot travel to the database as a key."""
    is_key = isinstance(value, int | str) and not isinstance(value, bool) and value != ""
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
