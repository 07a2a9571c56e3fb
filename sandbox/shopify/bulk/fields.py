"""Bulk operations in GraphQL: two mutations, three queries, one type."""

from __future__ import annotations

import sqlite3
from typing import Any

from sandbox.parts.responses import Doc
from sandbox.shopify.bulk.files import BulkFiles
from sandbox.shopify.bulk.operations import BulkOperations, Operation
from sandbox.shopify.bulk.planner import check_searches, plan_bulk
from sandbox.shopify.bulk.rules import BulkQueryRefused, read_bulk_query
from sandbox.shopify.data.ids import gid, parse_gid
from sandbox.shopify.data.timestamps import utc
from sandbox.shopify.graphql.compiler import WithArgs
from sandbox.shopify.graphql.context import Context
from sandbox.shopify.graphql.engine import Engine
from sandbox.shopify.graphql.errors import FieldError, bad_request
from sandbox.shopify.graphql.field_set import FieldSet
from sandbox.shopify.graphql.filters import read_time
from sandbox.shopify.graphql.pagination import Page, slice_page
from sandbox.shopify.graphql.search import Search, Sql, Term


def bulk_fields(operations: BulkOperations, files: BulkFiles, engine: Engine) -> FieldSet:
    """Bulk queries are run by the engine that these fields are added to."""
    at_root = _RootFields(operations, engine)
    return FieldSet(
        resolvers={
            "QueryRoot": {
                "bulkOperation": WithArgs(at_root.by_id),
                "bulkOperations": WithArgs(at_root.listed),
                "currentBulkOperation": WithArgs(at_root.current),
            },
            "Mutation": {
                "bulkOperationRunQuery": WithArgs(at_root.run_query),
                "bulkOperationCancel": WithArgs(at_root.cancel),
            },
            "BulkOperation": _operation_fields(files),
            "BulkOperationRunQueryPayload": {name: _plain(name) for name in ("bulkOperation", "userErrors")},
            "BulkOperationCancelPayload": {name: _plain(name) for name in ("bulkOperation", "userErrors")},
            "BulkOperationUserError": {name: _plain(name) for name in ("field", "message", "code")},
        },
        finders={"BulkOperation": at_root.find},
    )


class _RootFields:
    def __init__(self, operations: BulkOperations, engine: Engine) -> None:
        self._operations = operations
        self._engine = engine

    def run_query(self, _root: Any, ctx: Context, args: Doc) -> Doc:
        if ctx.settings.bulk_permission == "denied":
            raise FieldError(
                "Access denied for bulkOperationRunQuery field. Required access: the app must be approved to run bulk"
                " operations.",
                "ACCESS_DENIED",
                documentation="https://shopify.dev/api/usage/access-scopes",
            )
        try:
            taken = ctx.settings.bulk_agreements == "taken"
            document = read_bulk_query(args["query"], self._engine.schema, nested_agreements=taken)
        except BulkQueryRefused as refused:
            return _refusal(str(refused), "INVALID", ["query"])
        open_ones = [each for each in self._operations.of_shop(ctx.live_shop.shop.ids.shop) if each.open]
        if len(open_ones) >= ctx.settings.bulk_slots:
            which = ", ".join(gid("BulkOperation", each.number) for each in open_ones)
            text = f"A bulk query operation for this app and shop is already in progress: {which}."
            return _refusal(text, "OPERATION_IN_PROGRESS", None)
        branches = plan_bulk(self._engine, document)
        check_searches(self._engine, branches, document, ctx)
        ctx.searches.clear()  # warnings of the inner query are seen by nobody (sheet, addendum)
        started = self._operations.start(ctx, args["query"], branches, grouped=args["groupObjects"])
        return {"bulkOperation": started, "userErrors": []}

    def cancel(self, _root: Any, ctx: Context, args: Doc) -> Doc:
        found = parse_gid(args["id"])
        shop_id = ctx.live_shop.shop.ids.shop
        operation = self._operations.operations.get(found[1]) if found and found[0] == "BulkOperation" else None
        if operation is None or operation.shop_id != shop_id:
            unknown: Doc = {"field": ["id"], "message": "Bulk operation does not exist"}
            return {"bulkOperation": None, "userErrors": [unknown]}
        if not operation.open:
            word = operation.status.lower()
            error: Doc = {"field": None, "message": f"A bulk operation cannot be canceled when it is {word}"}
            return {"bulkOperation": operation, "userErrors": [error]}
        return {"bulkOperation": self._operations.cancel(operation), "userErrors": []}

    def find(self, ctx: Context, number: int, _more: int = 0) -> Operation | None:
        return self._operations.find(ctx.live_shop.shop.ids.shop, number)

    def by_id(self, _root: Any, ctx: Context, args: Doc) -> Operation | None:
        found = parse_gid(args["id"])
        return self.find(ctx, found[1]) if found and found[0] == "BulkOperation" else None

    def current(self, _root: Any, ctx: Context, args: Doc) -> Operation | None:
        """The youngest, finished or not; deprecated since 2026-01."""
        found = self._operations.of_shop(ctx.live_shop.shop.ids.shop) if args["type"] == "QUERY" else []
        return self._operations.look(found[-1]) if found else None

    def listed(self, _root: Any, ctx: Context, args: Doc) -> Page:
        operations = {each.number: each for each in self._operations.of_shop(ctx.live_shop.shop.ids.shop)}
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
        found = _sorted(operations, condition, args["sortKey"])
        page = slice_page(found, args)
        page.nodes = [self._operations.look(each) for each in page.nodes]
        return page


def _refusal(message: str, code: str, where: list[str] | None) -> Doc:
    return {"bulkOperation": None, "userErrors": [{"field": where, "message": message, "code": code}]}


# --- the list -------------------------------------------------------------------------------------------


def _sorted(operations: dict[int, Operation], condition: Sql, sort_key: str) -> list[Operation]:
    with sqlite3.connect(":memory:") as table:
        table.execute("CREATE TABLE o (id INTEGER, status TEXT, type TEXT, created INTEGER, completed INTEGER)")
        rows = [(each.number, each.status, "QUERY", each.created, each.completed) for each in operations.values()]
        table.executemany("INSERT INTO o VALUES (?, ?, ?, ?, ?)", rows)
        column = "completed" if sort_key == "COMPLETED_AT" else "created"
        sql = f"SELECT id FROM o WHERE {condition.text} ORDER BY {column}, id"  # noqa: S608 - our own words
        found = [operations[row[0]] for row in table.execute(sql, condition.values)]
    table.close()
    return found


def _time(ctx: Context, term: Term) -> Sql:
    found = read_time(term.value, ctx.live_shop.shop.offset_minutes)
    if found is None:
        raise bad_request(f"Invalid timestamp for query filter `created_at`: {term.value}.", ["bulkOperations"])
    return Sql(f"created {term.comparator} ?", [found[0]])


def _word(column: str) -> Any:
    return lambda term: Sql(f"upper({column}) = upper(?)", [term.value])


# --- one operation --------------------------------------------------------------------------------------


def _size(operation: Operation, _ctx: Context) -> str | None:
    done = operation.status in ("COMPLETED", "EXPIRED", "CANCELED", "FAILED")
    return str(operation.size) if done and operation.objects else None


def _has_file(operation: Operation, _ctx: Context) -> bool:
    """Not when nothing was found (well known; unconfirmed in the schema)."""
    return operation.status == "COMPLETED" and operation.objects > 0


def _has_partial_file(operation: Operation, ctx: Context) -> bool:
    """After a failure it can come late (GH:airbytehq/airbyte#62499); after a cancellation it may never come."""
    settings = ctx.settings
    if not operation.objects:
        return False
    if operation.status == "CANCELED":
        return settings.bulk_cancel_result == "partial"
    if operation.status != "FAILED" or settings.bulk_partial == "never" or operation.error_code == "ACCESS_DENIED":
        return False
    return settings.bulk_partial != "late" or operation.looks_after >= settings.bulk_partial_polls


def _operation_fields(files: BulkFiles) -> dict[str, Any]:
    return {
        "id": lambda o, _ctx: gid("BulkOperation", o.number),
        "status": lambda o, _ctx: o.status,
        "type": lambda _o, _ctx: "QUERY",
        "errorCode": lambda o, _ctx: None if o.open else o.error_code,
        "createdAt": lambda o, _ctx: utc(o.created),
        "completedAt": lambda o, _ctx: utc(o.completed),
        "objectCount": lambda o, _ctx: "0" if o.status == "CREATED" else str(o.objects),
        "rootObjectCount": lambda o, _ctx: "0" if o.status == "CREATED" else str(o.roots),
        "fileSize": _size,
        "url": lambda o, ctx: files.link(o, ctx.base_url) if _has_file(o, ctx) else None,
        "partialDataUrl": lambda o, ctx: files.link(o, ctx.base_url) if _has_partial_file(o, ctx) else None,
        "query": lambda o, _ctx: o.query,
    }


def _plain(name: str) -> Any:
    return lambda v, _ctx: v[name]
