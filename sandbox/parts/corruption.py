"""Responses made wrong on purpose, from the finished response alone: other statuses, records that no parser likes."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from sandbox.parts.faults import Rule
from sandbox.parts.responses import HTML, Doc, HttpResponse

BAD_GATEWAY = (
    b"<html><head><title>502 Bad Gateway</title></head>"
    b"<body><center><h1>502 Bad Gateway</h1></center><hr><center>cloud edge</center></body></html>"
)
_MARK = "@sandbox-raw@"


@dataclass(frozen=True, kw_only=True)
class VendorFormat:
    """What corruption must know of a platform: its 429, where a page keeps its records, and which fields to break."""

    throttled: Callable[[Rule], HttpResponse]
    rows: str
    keys: tuple[str, ...]
    texts: tuple[str, ...]
    numbers: tuple[str, ...]


def corrupted(response: HttpResponse, rule: Rule, vendor: VendorFormat) -> HttpResponse:
    """The response under a rule that is neither of transport nor of the page."""
    if rule.kind == "status":
        return _status(rule)
    if rule.kind == "rate_limit":
        return vendor.throttled(rule)
    if rule.kind == "redirect":
        location = rule.get("location", "http://other.invalid/").encode()
        return HttpResponse(status=302, headers=[(b"location", location)], content_type=HTML)
    if rule.kind == "gzip":
        response.headers.append((b"content-encoding", b"gzip"))
        response.body = gzip.compress(response.body, 1)
    if rule.kind == "bad_json":
        response.body = _bad_json(response.body, rule, vendor)
    return response


@dataclass(frozen=True, kw_only=True)
class NumberedPage:
    """A page of a list that is read by offset: where its rows and its total stand, and how another is read."""

    limit: int
    offset: int
    rows: str
    total: str
    # The same page with other rows: those from an offset.
    read: Callable[[int], Doc]
    # What a page says that pretends that another follows.
    endless: Doc


def corrupt_page(page: NumberedPage, rule: Rule) -> HttpResponse:
    """A page that lies, by one of the kinds of PAGE_FAULTS."""
    start = page.offset
    if rule.kind == "shift":
        start = max(page.offset + rule.details["by"], 0)
    if rule.kind == "repeat_page":
        start = max(page.offset - page.limit, 0)
    doc = page.read(start)
    if rule.kind == "endless":
        doc[page.rows] = page.read(page.offset % max(doc.get(page.total, 1), 1))[page.rows]
        doc |= page.endless
    if rule.kind == "wrong_count" and page.total in doc:
        doc[page.total] = max(doc[page.total] + rule.details["by"], 0)
    if rule.kind == "empty_page":
        doc[page.rows] = []
    if rule.kind == "short_page":
        doc[page.rows] = doc[page.rows][: max(len(doc[page.rows]) - rule.get("by", 1), 0)]
    return HttpResponse(body=orjson.dumps(doc))


def _status(rule: Rule) -> HttpResponse:
    status, body = rule.details["status"], rule.get("body", None)
    headers = [(name.lower().encode(), str(value).encode()) for name, value in rule.get("headers", {}).items()]
    kept = [pair for pair in headers if pair[0] != b"content-type"]
    named = next((value for name, value in headers if name == b"content-type"), None)
    if body is None:
        return HttpResponse(status=status, body=BAD_GATEWAY, headers=kept, content_type=named or HTML)
    if isinstance(body, str):
        return HttpResponse(status=status, body=body.encode(), headers=kept, content_type=named or HTML)
    return HttpResponse(status=status, body=orjson.dumps(body), headers=kept, content_type=named or b"application/json")


def _bad_json(body: bytes, rule: Rule, vendor: VendorFormat) -> bytes:
    flavour = rule.details["flavour"]
    if flavour == "bom":
        return b"\xef\xbb\xbf" + body
    if flavour == "truncated":
        return body[: len(body) // 2]
    doc = orjson.loads(body)
    record = _record(doc, rule, vendor)
    if record is None or (flavour == "big" and not {rule.get("field", ""), *vendor.texts} & set(record)):
        return body
    holder, name = _place(record, rule, vendor)
    if flavour == "missing_key":
        holder.pop(name, None) if isinstance(holder, dict) else holder.pop(int(name))
        return orjson.dumps(doc)
    key = int(name) if isinstance(holder, list) else name
    raw = _raw(flavour, holder[key], rule)
    holder[key] = _MARK
    if flavour == "duplicate_key":
        raw += b"," + orjson.dumps(name) + b":" + raw
    return orjson.dumps(doc).replace(orjson.dumps(_MARK), raw, 1)


def _record(doc: Any, rule: Rule, vendor: VendorFormat) -> Doc | None:
    """The one that the rule names, by its key or by its place. A dotted path leads to the rows, as GraphQL needs it; a
    document without them is itself the record.
    """
    rows = doc
    for step in vendor.rows.split("."):
        if not isinstance(rows, dict) or step not in rows:
            found: Doc = doc
            return found
        rows = rows[step]
    if key := rule.get("key", ""):
        named = (
            row for row in rows if isinstance(row, dict) and any(_tail(row.get(name)) == key for name in vendor.keys)
        )
        return next(named, None)
    number = rule.get("record", 0)
    return rows[number] if number < len(rows) else None


def _tail(key: Any) -> str:
    return str(key).rpartition("/")[2]


def _place(record: Doc, rule: Rule, vendor: VendorFormat) -> tuple[Any, str]:
    """The object that holds the field, and the field's name in it."""
    *path, name = rule.get("field", _default_field(record, rule.details["flavour"], vendor)).split(".")
    holder: Any = record
    for step in path:
        holder = holder[int(step)] if isinstance(holder, list) else holder[step]
    return holder, name


def _default_field(record: Doc, flavour: str, vendor: VendorFormat) -> str:
    text = flavour in ("lone_surrogate", "nul", "latin1", "big")
    numbers = (
        (*vendor.numbers, *vendor.keys) if flavour in ("nan", "bigint", "wrong_type", "deep_nesting") else vendor.keys
    )
    return next((name for name in (vendor.texts if text else numbers) if name in record), next(iter(record)))


def _raw(flavour: str, value: Any, rule: Rule) -> bytes:
    """The bytes that stand where the field's value was."""
    if flavour == "wrong_type":
        return orjson.dumps(rule.get("value", "not a number"))
    if flavour == "big":
        return b'"%s"' % (b"x" * rule.get("bytes", 0))
    fixed = {
        "nan": b"NaN",
        "lone_surrogate": rb'"caf\ud800 mug"',
        "nul": rb'"mug\u0000 with a hole"',
        "bigint": b"99999999999999999999999",
        "deep_nesting": b"[" * 100_000 + b"]" * 100_000,
        "latin1": b'"caf\xe9"',
    }
    return fixed.get(flavour) or orjson.dumps(value)
