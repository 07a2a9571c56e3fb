"""Answers made wrong on purpose: other statuses, pages that lie, records that no parser likes."""

from __future__ import annotations

import gzip
from typing import Any

import orjson

from sandbox.etsy.answer import Answer
from sandbox.etsy.faults import PAGE_KINDS, Rule
from sandbox.etsy.limits import throttled
from sandbox.etsy.money import Doc
from sandbox.etsy.operations import Operation
from sandbox.etsy.world import Call, World

HTML = b"text/html; charset=utf-8"
BAD_GATEWAY = (
    b"<html><head><title>502 Bad Gateway</title></head>"
    b"<body><center><h1>502 Bad Gateway</h1></center><hr><center>cloud edge</center></body></html>"
)
_MARK = "@sandbox-raw@"
_KEYS = ("receipt_id", "entry_id", "payment_id", "listing_id", "transaction_id", "shop_id")
_TEXTS = ("name", "description", "title", "shop_name")
_NUMBERS = ("updated_timestamp", "created_timestamp")


def answer_under(world: World, operation: Operation, call: Call, rule: Rule | None) -> Answer:
    """The operation's answer, with the rule's fault where it is one of the answer."""
    if rule is None:
        return operation.answer(world, call)
    if rule.kind in PAGE_KINDS and "offset" in call.params:
        return _lie(world, operation, call, rule)
    return spoiled(operation.answer(world, call), rule)


def spoiled(answer: Answer, rule: Rule) -> Answer:
    """Faults that need the finished answer alone."""
    if rule.kind == "status":
        return _status(rule)
    if rule.kind == "rate_limit":
        which = rule.get("which", "second")
        return throttled(which, rule.get("retry_after", 1 if which == "second" else 86_400), [])
    if rule.kind == "redirect":
        location = rule.get("location", "http://other.invalid/").encode()
        return Answer(status=302, headers=[(b"location", location)], content_type=HTML)
    if rule.kind == "gzip":
        answer.headers.append((b"content-encoding", b"gzip"))
        answer.body = gzip.compress(answer.body, 1)
    if rule.kind == "bad_json":
        answer.body = _bad_json(answer.body, rule)
    return answer


def _status(rule: Rule) -> Answer:
    status, body = rule.details["status"], rule.get("body", None)
    headers = [(name.lower().encode(), str(value).encode()) for name, value in rule.get("headers", {}).items()]
    kept = [pair for pair in headers if pair[0] != b"content-type"]
    named = next((value for name, value in headers if name == b"content-type"), None)
    if body is None:
        return Answer(status=status, body=BAD_GATEWAY, headers=kept, content_type=named or HTML)
    if isinstance(body, str):
        return Answer(status=status, body=body.encode(), headers=kept, content_type=named or HTML)
    return Answer(status=status, body=orjson.dumps(body), headers=kept, content_type=named or b"application/json")


def _lie(world: World, operation: Operation, call: Call, rule: Rule) -> Answer:
    limit, offset = call.params["limit"], call.params["offset"]
    if rule.kind == "shift":
        call.params["offset"] = max(offset + rule.details["by"], 0)
    if rule.kind == "repeat_page":
        call.params["offset"] = max(offset - limit, 0)
    doc: Doc = orjson.loads(operation.answer(world, call).body)
    if rule.kind == "endless":
        call.params["offset"] = offset % max(doc["count"], 1)
        doc = orjson.loads(operation.answer(world, call).body)
        doc["count"] = offset + 2 * limit
    if rule.kind == "wrong_count":
        doc["count"] = max(doc["count"] + rule.details["by"], 0)
    if rule.kind == "empty_page":
        doc["results"] = []
    if rule.kind == "short_page":
        doc["results"] = doc["results"][: max(len(doc["results"]) - rule.get("by", 1), 0)]
    return Answer(body=orjson.dumps(doc))


def _bad_json(body: bytes, rule: Rule) -> bytes:
    flavour = rule.details["flavour"]
    if flavour == "bom":
        return b"\xef\xbb\xbf" + body
    if flavour == "truncated":
        return body[: len(body) // 2]
    doc = orjson.loads(body)
    record = _record(doc, rule.get("record", 0))
    if record is None:
        return body
    holder, name = _place(record, rule)
    if flavour == "missing_key":
        holder.pop(name, None) if isinstance(holder, dict) else holder.pop(int(name))
        return orjson.dumps(doc)
    key = int(name) if isinstance(holder, list) else name
    raw = _raw(flavour, holder[key], rule)
    holder[key] = _MARK
    if flavour == "duplicate_key":
        raw += b"," + orjson.dumps(name) + b":" + raw
    return orjson.dumps(doc).replace(orjson.dumps(_MARK), raw, 1)


def _record(doc: Any, number: int) -> Doc | None:
    if "results" not in doc:
        found: Doc = doc
        return found
    return doc["results"][number] if number < len(doc["results"]) else None


def _place(record: Doc, rule: Rule) -> tuple[Any, str]:
    """The object that holds the field, and the field's name in it."""
    *path, name = rule.get("field", _default_field(record, rule.details["flavour"])).split(".")
    holder: Any = record
    for step in path:
        holder = holder[int(step)] if isinstance(holder, list) else holder[step]
    return holder, name


def _default_field(record: Doc, flavour: str) -> str:
    text = flavour in ("lone_surrogate", "nul", "latin1")
    numbers = (*_NUMBERS, *_KEYS) if flavour in ("nan", "bigint", "wrong_type", "deep_nesting") else _KEYS
    return next((name for name in (_TEXTS if text else numbers) if name in record), next(iter(record)))


def _raw(flavour: str, value: Any, rule: Rule) -> bytes:
    """The bytes that stand where the field's value was."""
    if flavour == "wrong_type":
        return orjson.dumps(rule.get("value", "not a number"))
    fixed = {
        "nan": b"NaN",
        "lone_surrogate": rb'"caf\ud800 mug"',
        "nul": rb'"mug\u0000 with a hole"',
        "bigint": b"99999999999999999999999",
        "deep_nesting": b"[" * 100_000 + b"]" * 100_000,
        "latin1": b'"caf\xe9"',
    }
    return fixed.get(flavour) or orjson.dumps(value)
