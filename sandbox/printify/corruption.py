"""Pages that lie; other corrupted responses are the same for every platform (sandbox/parts/corruption.py)."""

from __future__ import annotations

import orjson

from sandbox.parts.corruption import NumberedPage, VendorFormat, corrupt_page, corrupted
from sandbox.parts.faults import PAGE_FAULTS, Rule
from sandbox.parts.responses import Doc, HttpResponse
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
        return corrupt_page(_page(world, operation, call), rule)
    return corrupted(operation.handler(world, call), rule, PRINTIFY)


def _page(world: World, operation: Operation, call: Call) -> NumberedPage:
    def read(offset: int) -> Doc:
        call.params["offset"] = offset
        doc: Doc = orjson.loads(operation.handler(world, call).body)
        return doc

    limit, page = call.params["limit"], call.params["page"]
    offset = (page - 1) * limit
    endless = {"total": offset + 2 * limit, "last_page": page + 1, "next_page_url": f"/?page={page + 1}"}
    return NumberedPage(limit=limit, offset=offset, rows="data", total="total", read=read, endless=endless)
