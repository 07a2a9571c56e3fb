"""Pages that lie; other spoiled answers are the same for every platform (sandbox/parts/spoil.py)."""

from __future__ import annotations

from typing import Any

import orjson

from sandbox.parts.answer import Answer
from sandbox.parts.faults import PAGE_LIES, Rule
from sandbox.parts.spoil import Vendor, spoiled
from sandbox.printify.limits import throttled
from sandbox.printify.operations import Operation
from sandbox.printify.world import Call, World

PRINTIFY = Vendor(
    throttled=lambda rule: throttled(rule.get("retry_after", None)),
    rows="data",
    keys=("id", "app_order_id", "shop_id"),
    texts=("title", "description", "app_order_id", "status"),
    numbers=("total_price", "total_shipping", "blueprint_id", "id"),
)


def answer_under(world: World, operation: Operation, call: Call, rule: Rule | None) -> Answer:
    """The operation's answer, with the rule's fault where it is one of the answer."""
    if rule is None:
        return operation.answer(world, call)
    if rule.kind in PAGE_LIES and "page" in call.params:
        return _lie(world, operation, call, rule)
    return spoiled(operation.answer(world, call), rule, PRINTIFY)


def _lie(world: World, operation: Operation, call: Call, rule: Rule) -> Answer:
    limit = call.params["limit"]
    offset = (call.params["page"] - 1) * limit
    if rule.kind == "shift":
        call.params["offset"] = max(offset + rule.details["by"], 0)
    if rule.kind == "repeat_page":
        call.params["offset"] = max(offset - limit, 0)
    doc: dict[str, Any] = orjson.loads(operation.answer(world, call).body)
    if rule.kind == "endless":
        call.params["offset"] = offset % max(doc.get("total", 1), 1)
        doc["data"] = orjson.loads(operation.answer(world, call).body)["data"]
        page = call.params["page"]
        doc |= {"total": offset + 2 * limit, "last_page": page + 1, "next_page_url": f"/?page={page + 1}"}
    if rule.kind == "wrong_count" and "total" in doc:
        doc["total"] = max(doc["total"] + rule.details["by"], 0)
    if rule.kind == "empty_page":
        doc["data"] = []
    if rule.kind == "short_page":
        doc["data"] = doc["data"][: max(len(doc["data"]) - rule.get("by", 1), 0)]
    return Answer(body=orjson.dumps(doc))
