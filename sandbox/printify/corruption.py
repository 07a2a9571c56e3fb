"""Pages that lie; other corrupted responses are the same for every platform (sandbox/parts/corruption.py)."""

from __future__ import annotations

from typing import Any

import orjson

from sandbox.parts.corruption import VendorFormat, corrupted
from sandbox.parts.faults import PAGE_FAULTS, Rule
from sandbox.parts.responses import HttpResponse
from sandbox.printify.limits import throttled
from sandbox.printify.operations import Operation
from sandbox.printify.world import Call, World

PRINTIFY = VendorFormat(
    throttled=lambda rule: throttled(rule.get("retry_after", None)),
    rows="data",
    keys=("id", "app_order_id", "shop_id"),
    texts=("title", "description", "app_order_id", "status"),
    numbers=("total_price", "total_shipping", "blueprint_id", "id"),
)


def respond_with_fault(world: World, operation: Operation, call: Call, rule: Rule | None) -> HttpResponse:
    """The operation's answer, with the rule's fault where it is one of the answer."""
    if rule is None:
        return operation.handler(world, call)
    if rule.kind in PAGE_FAULTS and "page" in call.params:
        return _corrupt_page(world, operation, call, rule)
    return corrupted(operation.handler(world, call), rule, PRINTIFY)


def _corrupt_page(world: World, operation: Operation, call: Call, rule: Rule) -> HttpResponse:
    limit = call.params["limit"]
    offset = (call.params["page"] - 1) * limit
    if rule.kind == "shift":
        call.params["offset"] = max(offset + rule.details["by"], 0)
    if rule.kind == "repeat_page":
        call.params["offset"] = max(offset - limit, 0)
    doc: dict[str, Any] = orjson.loads(operation.handler(world, call).body)
    if rule.kind == "endless":
        call.params["offset"] = offset % max(doc.get("total", 1), 1)
        doc["data"] = orjson.loads(operation.handler(world, call).body)["data"]
        page = call.params["page"]
        doc |= {"total": offset + 2 * limit, "last_page": page + 1, "next_page_url": f"/?page={page + 1}"}
    if rule.kind == "wrong_count" and "total" in doc:
        doc["total"] = max(doc["total"] + rule.details["by"], 0)
    if rule.kind == "empty_page":
        doc["data"] = []
    if rule.kind == "short_page":
        doc["data"] = doc["data"][: max(len(doc["data"]) - rule.get("by", 1), 0)]
    return HttpResponse(body=orjson.dumps(doc))
