"""Pages that lie; other corrupted responses are the same for every platform (sandbox/parts/corruption.py)."""

from __future__ import annotations

import orjson

from sandbox.etsy.limits import throttled
from sandbox.etsy.operations import Operation
from sandbox.etsy.world import Call, World
from sandbox.parts.corruption import VendorFormat, corrupted
from sandbox.parts.faults import PAGE_FAULTS, Rule
from sandbox.parts.responses import Doc, HttpResponse


def _throttled(rule: Rule) -> HttpResponse:
    which = rule.get("which", "second")
    return throttled(which, rule.get("retry_after", 1 if which == "second" else 86_400), [])


ETSY = VendorFormat(
    throttled=_throttled,
    rows="results",
    keys=("receipt_id", "entry_id", "payment_id", "listing_id", "transaction_id", "shop_id"),
    texts=("name", "description", "title", "shop_name"),
    numbers=("updated_timestamp", "created_timestamp"),
)


def respond_with_fault(world: World, operation: Operation, call: Call, rule: Rule | None) -> HttpResponse:
    """The operation's answer, with the rule's fault where it is one of the answer."""
    if rule is None:
        return operation.handler(world, call)
    if rule.kind in PAGE_FAULTS and "offset" in call.params:
        return _corrupt_page(world, operation, call, rule)
    return corrupted(operation.handler(world, call), rule, ETSY)


def _corrupt_page(world: World, operation: Operation, call: Call, rule: Rule) -> HttpResponse:
    limit, offset = call.params["limit"], call.params["offset"]
    if rule.kind == "shift":
        call.params["offset"] = max(offset + rule.details["by"], 0)
    if rule.kind == "repeat_page":
        call.params["offset"] = max(offset - limit, 0)
    doc: Doc = orjson.loads(operation.handler(world, call).body)
    if rule.kind == "endless":
        call.params["offset"] = offset % max(doc["count"], 1)
        doc = orjson.loads(operation.handler(world, call).body)
        doc["count"] = offset + 2 * limit
    if rule.kind == "wrong_count":
        doc["count"] = max(doc["count"] + rule.details["by"], 0)
    if rule.kind == "empty_page":
        doc["results"] = []
    if rule.kind == "short_page":
        doc["results"] = doc["results"][: max(len(doc["results"]) - rule.get("by", 1), 0)]
    return HttpResponse(body=orjson.dumps(doc))
