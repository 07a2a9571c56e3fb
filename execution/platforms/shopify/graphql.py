"""Calls of Shopify's GraphQL API, and the reading of answers that are small. Pages are never read so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from execution.errors import Retriable
from execution.http.messages import Request, Response

GRAPHQL_PATH = "/graphql.json"
# What the seller has granted, as part of any query; `granted_in` reads it.
GRANTED = "currentAppInstallation { accessScopes { handle } }"


def graphql(query: str, variables: dict[str, object] | None = None, *, points: float = 0.0) -> Request:
    """One GraphQL call. `points`: what it will cost at most."""
    body = orjson.dumps({"query": query, "variables": variables or {}})
    return Request(method="POST", path=GRAPHQL_PATH, body=body, points=points)


def data_of(response: Response) -> dict[str, Any]:
    """What a small answer holds."""
    try:
        data: dict[str, Any] = orjson.loads(response.body)["data"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise Retriable("the answer has no data") from None
    return data


def granted_in(data: Mapping[str, Any]) -> set[str]:
    """The scopes that `GRANTED` brought."""
    try:
        return {str(scope["handle"]) for scope in data["currentAppInstallation"]["accessScopes"]}
    except (KeyError, TypeError):
        raise Retriable("the answer names no scopes") from None
