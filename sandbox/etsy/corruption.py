"""Pages that lie; other corrupted responses are the same for every platform (sandbox/parts/corruption.py)."""

from __future__ import annotations

import orjson

from sandbox.etsy.limits import throttled
from sandbox.etsy.operations import Operation
from sandbox.etsy.world import Call, World
from sandbox.parts.corruption import NumberedPage, VendorFormat, corrupt_page, corrupted
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
        return corrupt_page(_page(world, operation, call), rule)
    return corrupted(operation.handler(world, call), rule, ETSY)


def _page(world: World, operation: Operation, call: Call) -> NumberedPage:
    def read(offset: int) -> Doc:
        call.params["offset"] = offset
        doc: Doc = orjson.loads(operation.handler(world, call).body)
        return doc

    limit, offset = call.params["limit"], call.params["offset"]
    return NumberedPage(
        limit=limit, offset=offset, rows="results", total="count", read=read, endless={"count": offset + 2 * limit}
    )
