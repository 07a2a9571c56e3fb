"""A page as it came: what the paginator must know of it, and its single records, byte for byte, when one is poison."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
import orjson

from execution.errors import Retriable
from execution.streams import Parts, Records, Tree

# Whitespace of JSON (RFC 8259, section 2).
_SPACE = " \t\n\r"
# What a database's text cannot hold, and numbers that are none: NUL, halves of a pair, bytes that are no UTF-8, NaN.
_STRANGE = re.compile(r"\\u0000|\\u[dD][89a-fA-F]|[\ud800-\udfff]|NaN|Infinity")
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
# A GraphQL id, as SQL reads it too (private.gid_tail).
_GID = re.compile(r"gid://[^/]+/[^/]+/([^/?]+)")


@dataclass(frozen=True, kw_only=True)
class Content:
    """The provider's count, the records' keys in order, and the further members that the paginator asked for, by path.

    `single`: some record has no readable key. `count` is None where the page does not tell it. `beside`: a further
    member of each record, in the order of keys. `in_place`: what stands for a record that could not be had. `shown`:
    what the call shows of other entities, by name: their newest record, in a list of one, or none.
    """

    count: int | None
    keys: tuple[str, ...]
    single: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)
    beside: tuple[Any, ...] = ()
    in_place: RawRecord | None = None
    shown: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Form:
    """How a page's records are told apart, and what single ones lose before they are kept: their shape decides.

    `leave_out`: members that go; `parts`: where nothing stays but some members.
    """

    key: str
    key_is_gid: bool = False
    leave_out: tuple[str, ...] = ()
    parts: Parts = field(default_factory=dict)


def in_place_of(reason: str, place: Mapping[str, Any], *, key: str | None = None) -> Content:
    """A page of one record that we cannot fetch: it is rejected by its key, or by its place where no key is known."""
    raw = orjson.dumps({"not_fetched": reason, **place}, option=orjson.OPT_SORT_KEYS)
    record = RawRecord(key=key, raw=raw, refused=reason)
    return Content(count=None, keys=(record.audit_key,), single=True, in_place=record)


def form_of(records: Records) -> Form:
    """What a person's row takes is not left out: a replay fills it."""
    taken = {name for person in records.people for name in person.members}
    left_out = tuple(name for name in records.leave_out if name not in taken)
    return Form(key=records.key, key_is_gid=records.key_is_gid, leave_out=left_out, parts=records.kept_parts)


@dataclass(frozen=True, kw_only=True)
class RawRecord:
    """One record's own bytes; `key` is None where it has no readable one.

    `read`: the record as JSON without members that the database cannot hold, where it has any: the `unreadable`.
    `refused`: why we never fetched it; `raw` says its place then.
    """

    key: str | None
    raw: bytes
    read: str | None = None
    unreadable: tuple[str, ...] = ()
    refused: str | None = None

    @property
    def audit_key(self) -> str:
        """What the pagination audit calls it; a record without a key is known by its bytes."""
        return self.key or "rejected:" + hashlib.md5(self.raw, usedforsecurity=False).hexdigest()


def read_records(
    body: bytes,
    records_at: str,
    records: Records,
    *,
    count_at: str | None = None,
    facts: tuple[str, ...] = (),
    beside: str = "",
) -> Content:
    """`read`, for the records of a stream or a lookup."""
    return read(body, form_of(records), records_at=records_at, count_at=count_at, facts=facts, beside=beside)


def split_records(body: bytes, records_at: str, records: Records) -> list[RawRecord]:
    """`split`, for the records of a stream or a lookup."""
    return split(body, form_of(records), records_at=records_at)


class _Found(NamedTuple):
    keys: list[Any]
    announced: int
    facts: dict[str, Any]
    beside: list[Any]


# A type, and whether a page without it is none.
_Leaf = tuple[Any, bool]


def _struct(leaves: Mapping[str, _Leaf]) -> tuple[Any, dict[str, str]]:
    """A type that decodes the values at these dotted paths and skips all else, and where it keeps each of them."""
    inner: dict[str, dict[str, _Leaf]] = {}
    for path, leaf in leaves.items():
        head, _, rest = path.partition(".")
        inner.setdefault(head, {})[rest] = leaf
    fields: list[Any] = []
    kept: dict[str, str] = {}
    for number, (head, below) in enumerate(inner.items()):
        name = f"f{number}"
        if "" in below:
            kind, required = below[""]
            kept[head] = name
        else:
            kind, deeper = _struct(below)
            required = any(needed for _, needed in below.values())
            kept |= {f"{head}.{rest}": f"{name}.{where}" for rest, where in deeper.items()}
        fields.append((name, kind) if required else (name, kind | None, None))
    names = {f"f{number}": head for number, head in enumerate(inner)}
    return msgspec.defstruct("Members", sorted(fields, key=len), rename=names), kept


class _Reader:
    """Reads keys, count and facts of a page and skips all else: a fifth of what a whole parse costs."""

    def __init__(self, records_at: str, count_at: str | None, key: str, facts: tuple[str, ...], beside: str) -> None:
        wanted: dict[str, _Leaf] = {beside: (Any, False)} if beside else {}
        record, of_record = _struct(wanted | {key: (int | str | None, False)})
        leaves: dict[str, _Leaf] = dict.fromkeys(facts, (Any, False))
        leaves |= {records_at: (list[record], True)} | ({count_at: (int, True)} if count_at else {})  # type: ignore[valid-type]  # made just above
        page, of_page = _struct(leaves)
        self._decoder = msgspec.json.Decoder(page)
        self._key, self._beside = attrgetter(of_record[key]), beside and attrgetter(of_record[beside])
        self._records, self._count = attrgetter(of_page[records_at]), count_at and attrgetter(of_page[count_at])
        self._facts = {fact: attrgetter(of_page[fact]) for fact in facts}

    def read(self, body: bytes) -> _Found:
        page = self._decoder.decode(body)
        records = self._records(page)
        keys = [_or_none(self._key, record) for record in records]
        facts = {fact: _or_none(get, page) for fact, get in self._facts.items()}
        beside = [_or_none(self._beside, record) for record in records] if self._beside else []
        return _Found(keys, self._count(page) if self._count else len(records), facts, beside)


_reader = cache(_Reader)


def _or_none(get: Callable[[Any], Any], value: Any) -> Any:
    """None where a member on the way is null or absent."""
    try:
        return get(value)
    except AttributeError:
        return None


def read(
    body: bytes,
    form: Form,
    *,
    records_at: str,
    count_at: str | None,
    facts: tuple[str, ...] = (),
    beside: str = "",
) -> Content:
    """What a page says. Raises Retriable where it is no page: a body that was cut is never "no more records"."""
    try:
        found = _reader(records_at, count_at, form.key, facts, beside).read(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        # Python's own parser takes what a strict one refuses (lone surrogates, keys of a wrong type): single records.
        found = _read_leniently(body, records_at, count_at, form.key, facts, beside)
    if found.announced < 0:
        raise Retriable(f"the page's {count_at!r} is no count")
    texts = [_key_text(value, is_gid=form.key_is_gid) for value in found.keys]
    single = None in texts
    if single:
        texts = [record.audit_key for record in split(body, form, records_at=records_at)]
    return Content(
        count=found.announced,
        keys=tuple(str(text) for text in texts),
        single=single,
        facts=found.facts,
        beside=tuple(found.beside),
    )


def _read_leniently(  # noqa: PLR0917  where a page keeps what
    body: bytes, records_at: str, count_at: str | None, key: str, facts: tuple[str, ...], beside: str
) -> _Found:
    document = _lenient(body.decode("utf-8", "surrogateescape"))
    records = _member(document, records_at)
    if not isinstance(records, list):
        raise Retriable(f"the page has no list {records_at!r}")
    count = _member(document, count_at) if count_at else len(records)
    if not isinstance(count, int) or isinstance(count, bool):
        raise Retriable(f"the page's {count_at!r} is no count")
    return _Found(
        keys=[_member(record, key) for record in records],
        announced=count,
        facts={fact: _member(document, fact) for fact in facts},
        beside=[_member(record, beside) for record in records] if beside else [],
    )


def _member(value: Any, path: str) -> Any:
    """The value at a dotted path; None where there is none."""
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def split(body: bytes, form: Form, *, records_at: str) -> list[RawRecord]:
    """The page's records as the bytes that came, less the members that are left out for privacy."""
    text = body.decode("utf-8", "surrogateescape")
    start = 0
    for part in records_at.split("."):
        members = {name: at for name, at, _ in _members(text, start)}
        if part not in members:
            raise Retriable(f"the page has no list {records_at!r}")
        start = members[part]
    return [_record(text[a:b], form) for a, b in _elements(text, start)]


def _record(text: str, form: Form) -> RawRecord:
    value = _lenient(text)
    if isinstance(value, dict):
        text = _without(text, form.leave_out)
        for at, tree in form.parts.items():
            text = _cut_at(text, tuple(filter(None, at.split("."))), tree)
    found, raw = _key_text(_member(value, form.key), is_gid=form.key_is_gid), text.encode("utf-8", "surrogateescape")
    if not _STRANGE.search(text):
        return RawRecord(key=found, raw=raw)
    unreadable: list[str] = []
    read = _storable(_lenient(text), "", unreadable)
    return RawRecord(key=found, raw=raw, read=json.dumps(read), unreadable=tuple(unreadable))


def _storable(value: Any, path: str, unreadable: list[str]) -> Any:
    """The value with null in place of what the database cannot hold; names each such place."""
    match value:
        case dict():
            return {
                name: _storable(inner, f"{path}.{name}".lstrip("."), unreadable)
                for name, inner in value.items()
                if not _NO_TEXT.search(name)
            }
        case list():
            return [_storable(inner, f"{path}.{n}".lstrip("."), unreadable) for n, inner in enumerate(value)]
        case str() if _NO_TEXT.search(value):
            unreadable.append(f"{path}: characters that are no text")
            return None
        case float() if not math.isfinite(value):
            unreadable.append(f"{path}: no number")
            return None
    return value


def as_json(records: list[RawRecord]) -> bytes:
    """The form in which `commit_page` takes single records."""
    return orjson.dumps(
        [
            {
                "key": r.key,
                "raw": base64.b64encode(r.raw).decode(),
                "read": r.read,
                "unreadable": r.unreadable,
                "refused": r.refused,
            }
            for r in records
        ]
    )


def _key_text(value: Any, *, is_gid: bool = False) -> str | None:
    """A key as text, or None where it is none. A lone surrogate cannot travel to the database as a key."""
    if is_gid:
        found = _GID.match(value) if isinstance(value, str) else None
        value = found and found[1]
    is_key = isinstance(value, int | str) and not isinstance(value, bool) and value != ""
    return str(value) if is_key and str(value).isprintable() else None


def _without(text: str, names: tuple[str, ...]) -> str:
    """The object's text with some members cut out (dotted: inside another object), every other byte untouched."""
    kept = []
    for name, name_at, start, end in _spans(text, 0):
        inner = tuple(path.removeprefix(f"{name}.") for path in names if path.startswith(f"{name}."))
        if inner and text[start] == "{":
            kept.append(text[name_at:start] + _without(text[start:end], inner))
        elif name not in names:
            kept.append(text[name_at:end])
    return "{" + ",".join(kept) + "}"


def _cut_at(text: str, path: tuple[str, ...], tree: Tree) -> str:
    """The text with the value at the path cut to the tree's members, every other byte untouched."""
    if not path:
        return _cut(text, tree)
    if text[:1] != "{":
        return text
    kept = [
        text[name_at:start] + _cut_at(text[start:end], path[1:], tree) if name == path[0] else text[name_at:end]
        for name, name_at, start, end in _spans(text, 0)
    ]
    return "{" + ",".join(kept) + "}"


def _cut(text: str, tree: Tree) -> str:
    """An object with these members alone, or a list of such. What is neither stays; a text goes, whatever it says."""
    if not tree:
        return text
    if text[:1] == '"':
        return "{}"
    if text[:1] == "[":
        return "[" + ",".join(_cut(text[a:b], tree) for a, b in _elements(text, 0)) + "]"
    if text[:1] != "{":
        return text
    members = (
        text[name_at:start] + _cut(text[start:end], tree[name])
        for name, name_at, start, end in _spans(text, 0)
        if name in tree
    )
    return "{" + ",".join(members) + "}"


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
    """The start of the next part, or where the closer stands."""
    at = _skip(text, at)
    return at if text[at : at + 1] == closer else _skip(text, _expect(text, at, ","))
