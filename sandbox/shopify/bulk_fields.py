"""Bulk operations in GraphQL: two mutations, three queries, one type."""

from __future__ import annotations

import sqlite3
from typing import Any

from sandbox.parts.answer import Doc
from sandbox.shopify.bulk import Operation
from sandbox.shopify.bulk_files import link
from sandbox.shopify.bulk_plan import check_searches, plan_bulk
from sandbox.shopify.bulk_rules import Refused, read_bulk_query
from sandbox.shopify.compile import Resolvers, WithArgs
from sandbox.shopify.context import Context
from sandbox.shopify.errors import FieldError, bad_request
from sandbox.shopify.filters import read_time
from sandbox.shopify.ids import gid, parse_gid
from sandbox.shopify.pages import Page, slice_page
from sandbox.shopify.search import Search, Sql, Term
from sandbox.shopify.times import utc


def _run_query(_root: Any, ctx: Context, args: Doc) -> Doc:
    if ctx.world.settings.bulk_permission == "denied":
        raise FieldError(
            "Access denied for bulkOperationRunQuery field. Required access: the app must be approved to run bulk"
            " operations.",
            "ACCESS_DENIED",
            documentation="https://shopify.dev/api/usage/access-scopes",
        )
    engine = ctx.world.engine
    try:
        document = read_bulk_query(args["query"], engine.schema)
    except Refused as refused:
        return _refusal(str(refused), "INVALID", ["query"])
    open_ones = [each for each in ctx.world.bulk.of_shop(ctx.front.shop.ids.shop) if each.open]
    if len(open_ones) >= ctx.world.settings.bulk_slots:
        which = ", ".join(gid("BulkOperation", each.number) for each in open_ones)
        text = f"A bulk query operation for this app and shop is already in progress: {which}."
        return _refusal(text, "OPERATION_IN_PROGRESS", None)
    branches = plan_bulk(engine, document)
    check_searches(branches, document, ctx)
    ctx.searches.clear()  # warnings of the inner query are seen by nobody (sheet, addendum)
    started = ctx.world.bulk.start(ctx, args["query"], branches, grouped=args["groupObjects"])
    return {"bulkOperation": started, "userErrors": []}


def _refusal(message: str, code: str, where: list[str] | None) -> Doc:
    return {"bulkOperation": None, "userErrors": [{"field": where, "message": message, "code": code}]}


def _cancel(_root: Any, ctx: Context, args: Doc) -> Doc:
    found = parse_gid(args["id"])
    shop_id = ctx.front.shop.ids.shop
    operation = ctx.world.bulk.operations.get(found[1]) if found and found[0] == "BulkOperation" else None
    if operation is None or operation.shop_id != shop_id:
        unknown: Doc = {"field": ["id"], "message": "Bulk operation does not exist"}
        return {"bulkOperation": None, "userErrors": [unknown]}
    if not operation.open:
        word = operation.status.lower()
        error: Doc = {"field": None, "message": f"A bulk operation cannot be canceled when it is {word}"}
        return {"bulkOperation": operation, "userErrors": [error]}
    return {"bulkOperation": ctx.world.bulk.cancel(operation), "userErrors": []}


def find_operation(ctx: Context, number: int, _more: int = 0) -> Operation | None:
    return ctx.world.bulk.find(ctx.front.shop.ids.shop, number)


def _by_id(_root: Any, ctx: Context, args: Doc) -> Operation | None:
    found = parse_gid(args["id"])
    return find_operation(ctx, found[1]) if found and found[0] == "BulkOperation" else None


def _current(_root: Any, ctx: Context, args: Doc) -> Operation | None:
    """The youngest, finished or not; deprecated since 2026-01."""
    found = ctx.world.bulk.of_shop(ctx.front.shop.ids.shop) if args["type"] == "QUERY" else []
    return ctx.world.bulk.look(found[-1]) if found else None


# --- the list -------------------------------------------------------------------------------------------


def _time(ctx: Context, term: Term) -> Sql:
    found = read_time(term.value, ctx.front.shop.offset_minutes)
    if found is None:
        raise bad_request(f"Invalid timestamp for query filter `created_at`: {term.value}.", ["bulkOperations"])
    return Sql(f"created {term.comparator} ?", [found[0]])


def _word(column: str) -> Any:
    return lambda term: Sql(f"upper({column}) = upper(?)", [term.value])


def _listed(_root: Any, ctx: Context, args: Doc) -> Page:
    operations = {each.number: each for each in ctx.world.bulk.of_shop(ctx.front.shop.ids.shop)}
    readers = {
        "created_at": lambda term: _time(ctx, term),
        "status": _word("status"),
        "operation_type": _word("type"),
        "id": lambda term: Sql(f"id {term.comparator} ?", [int((parse_gid(term.value) or ("", term.value))[1])]),
    }
    search = Search(args.get("query") or "", readers, frozenset())
    condition = search.sql()
    if search.warnings:
        path = ["bulkOperations"]
        ctx.searches.append({"path": path, "query": args["query"], "parsed": {}, "warnings": search.warnings})
    with sqlite3.connect(":memory:") as table:
        table.execute("CREATE TABLE o (id INTEGER, status TEXT, type TEXT, created INTEGER, completed INTEGER)")
        rows = [(each.number, each.status, "QUERY", each.created, each.completed) for each in operations.values()]
        table.executemany("INSERT INTO o VALUES (?, ?, ?, ?, ?)", rows)
        column = "completed" if args["sortKey"] == "COMPLETED_AT" else "created"
        sql = f"SELECT id FROM o WHERE {condition.text} ORDER BY {column}, id"  # noqa: S608 - our own words
        found = [operations[row[0]] for row in table.execute(sql, condition.values)]
    table.close()
    page = slice_page(found, args)
    page.nodes = [ctx.world.bulk.look(each) for each in page.nodes]
    return page


QUERY: dict[str, Any] = {
    "bulkOperation": WithArgs(_by_id),
    "bulkOperations": WithArgs(_listed),
    "currentBulkOperation": WithArgs(_current),
}
MUTATION: dict[str, Any] = {
    "bulkOperationRunQuery": WithArgs(_run_query),
    "bulkOperationCancel": WithArgs(_cancel),
}


# --- one operation --------------------------------------------------------------------------------------


def _size(operation: Operation, _ctx: Context) -> str | None:
    done = operation.status in ("COMPLETED", "EXPIRED", "CANCELED", "FAILED")
    return str(operation.size) if done and operation.objects else None


def _url(operation: Operation, ctx: Context) -> str | None:
    """Null when nothing was found (well known; unconfirmed in the schema)."""
    return link(ctx, operation) if operation.status == "COMPLETED" and operation.objects else None


def _partial_url(operation: Operation, ctx: Context) -> str | None:
    """After a failure it can come late (GH:airbytehq/airbyte#62499); after a cancellation it may never come."""
    settings = ctx.world.settings
    if not operation.objects:
        return None
    if operation.status == "CANCELED":
        return link(ctx, operation) if settings.bulk_cancel_result == "partial" else None
    if operation.status != "FAILED" or settings.bulk_partial == "never" or operation.error_code == "ACCESS_DENIED":
        return None
    late = settings.bulk_partial == "late" and operation.looks_after < settings.bulk_partial_polls
    return None if late else link(ctx, operation)


OPERATION: dict[str, Any] = {
    "id": lambda o, _ctx: gid("BulkOperation", o.number),
    "status": lambda o, _ctx: o.status,
    "type": lambda _o, _ctx: "QUERY",
    "errorCode": lambda o, _ctx: None if o.open else o.error_code,
    "createdAt": lambda o, _ctx: utc(o.created),
    "completedAt": lambda o, _ctx: utc(o.completed),
    "objectCount": lambda o, _ctx: "0" if o.status == "CREATED" else str(o.objects),
    "rootObjectCount": lambda o, _ctx: "0" if o.status == "CREATED" else str(o.roots),
    "fileSize": _size,
    "url": _url,
    "partialDataUrl": _partial_url,
    "query": lambda o, _ctx: o.query,
}


def _plain(name: str) -> Any:
    return lambda v, _ctx: v[name]


FIELDS: Resolvers = {
    "BulkOperation": OPERATION,
    "BulkOperationRunQueryPayload": {name: _plain(name) for name in ("bulkOperation", "userErrors")},
    "BulkOperationCancelPayload": {name: _plain(name) for name in ("bulkOperation", "userErrors")},
    "BulkOperationUserError": {name: _plain(name) for name in ("field", "message", "code")},
}
