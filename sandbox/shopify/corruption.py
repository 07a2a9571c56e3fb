"""Answers made wrong on purpose, in Shopify's ways: what the common faults do not know."""

from __future__ import annotations

from typing import Any

import orjson

from sandbox.parts.corruption import VendorFormat, corrupted
from sandbox.parts.faults import FaultKinds, Rule
from sandbox.parts.responses import Doc, HttpResponse, ok
from sandbox.shopify.graphql.errors import internal_error, throttled
from sandbox.shopify.responses import too_many_calls

KINDS = FaultKinds(
    own={
        # GraphQL answers with HTTP 200.
        "throttled": {},
        "internal_error": {},
        "access_denied": {"field": str},
        "partial_data": {},
        # Pages that lie.
        "wrong_count": {"by": int},
        "short_page": {"by": int},
        "empty_page": {},
        "endless": {},
        # A version that is not the one asked for.
        "fall_forward": {"version": str},
    },
    needs={"wrong_count": ("by",), "fall_forward": ("version",)},
    limits=("points", "calls"),
)


def _throttled(rule: Rule) -> HttpResponse:
    if rule.get("which", "points") == "points":
        return _graphql_throttled()
    return too_many_calls(2, float(rule.get("retry_after", 2)))


def _graphql_throttled() -> HttpResponse:
    status = {"maximumAvailable": 2000, "currentlyAvailable": 3, "restoreRate": 100}
    cost = {"requestedQueryCost": 752, "actualQueryCost": None, "throttleStatus": status}
    return ok({"errors": [throttled()], "extensions": {"cost": cost}})


_KEYS = ("id", "legacyResourceId")
_TEXTS = ("name", "title", "displayName")
_NUMBERS = ("number", "quantity", "updatedAt", "updated_at", "id")


def _vendor(rows: str) -> VendorFormat:
    return VendorFormat(throttled=_throttled, rows=rows, keys=_KEYS, texts=_TEXTS, numbers=_NUMBERS)


def with_fault(response: HttpResponse, rule: Rule) -> HttpResponse:
    """The response as the rule wants it; faults of transport pass through."""
    if rule.kind == "throttled":
        return _graphql_throttled()
    if rule.kind == "internal_error":
        return ok({"errors": [internal_error("5f3c-sandbox")]})
    if rule.kind == "access_denied":
        return _denied(rule)
    if rule.kind == "fall_forward":
        response.headers = [(n, v) for n, v in response.headers if n != b"x-shopify-api-version"]
        response.headers.append((b"x-shopify-api-version", rule.details["version"].encode()))
        return response
    if rule.kind in ("partial_data", "wrong_count", "short_page", "empty_page", "endless"):
        return _corrupt_page(response, rule)
    return corrupted(response, rule, _vendor(_rows_of(response) if rule.kind == "bad_json" else ""))


def _denied(rule: Rule) -> HttpResponse:
    name = rule.get("field", "orders")
    message = f"Access denied for {name} field."
    return ok({"errors": [{"message": message, "path": [name], "extensions": {"code": "ACCESS_DENIED"}}], "data": None})


def _rows_of(response: HttpResponse) -> str:
    """The dotted path to the rows of a page, whatever its connection is called."""
    doc = orjson.loads(response.body)
    data = doc.get("data") if isinstance(doc, dict) else None
    for name, value in (data or {}).items():
        if isinstance(value, dict) and ("nodes" in value or "edges" in value):
            return f"data.{name}.{'nodes' if 'nodes' in value else 'edges'}"
    return next((name for name, value in doc.items() if isinstance(value, list)), "data")


def _corrupt_page(response: HttpResponse, rule: Rule) -> HttpResponse:
    doc: Doc = orjson.loads(response.body)
    data = doc.get("data") or {}
    for value in data.values():
        if isinstance(value, dict):
            _corrupt_connection(value, rule)
    if rule.kind == "partial_data" and data:
        error = {"message": "Something went wrong", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}
        doc = {"errors": [error], **doc}
    lied = ok(doc, response.status)
    lied.headers = response.headers
    return lied


def _corrupt_connection(value: Doc, rule: Rule) -> None:
    if rule.kind == "wrong_count" and "count" in value:
        value["count"] = max(value["count"] + rule.details["by"], 0)
    if rule.kind == "endless" and "pageInfo" in value:
        value["pageInfo"]["hasNextPage"] = True
    for part in ("nodes", "edges"):
        rows: list[Any] | None = value.get(part)
        if rows is None:
            continue
        if rule.kind == "short_page":
            del rows[max(len(rows) - rule.get("by", 1), 0) :]
        if rule.kind == "empty_page":
            rows.clear()
        if rule.kind == "partial_data" and rows:
            rows[-1] = None
