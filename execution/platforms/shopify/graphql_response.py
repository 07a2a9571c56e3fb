"""What a GraphQL answer of Shopify says beside its data: errors, cost, warnings. Source: the sheet, section 3.3.

Nothing of `data` is parsed here, however long it is: pages stay the bytes that came.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec


class _Code(msgspec.Struct):
    code: str | None = None


class _Error(msgspec.Struct):
    message: str = ""
    extensions: _Code | None = None


class _Bucket(msgspec.Struct, rename="camel"):
    maximum_available: float | None = None
    currently_available: float | None = None
    restore_rate: float | None = None


class _Cost(msgspec.Struct, rename="camel"):
    requested_query_cost: float | None = None
    actual_query_cost: float | None = None
    throttle_status: _Bucket | None = None


class _Extensions(msgspec.Struct):
    cost: _Cost | None = None
    search: Any = None


class GraphqlResponse(msgspec.Struct):
    """The envelope. `errors` is a list of objects from GraphQL, a text or an object from the edge and from REST."""

    errors: Any = None
    data: msgspec.Raw = msgspec.Raw(b"null")
    extensions: _Extensions | None = None

    @property
    def has_data(self) -> bool:
        return bytes(self.data) not in (b"null", b"{}")

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(str((error.extensions and error.extensions.code) or "") for error in self._listed())

    @property
    def error_text(self) -> str:
        """What went wrong, in one line; empty where nothing did. No data can be in it."""
        texts = [error.message for error in self._listed()] or [str(self.errors)] if self.errors else []
        return " ".join("; ".join(texts).split())[:300]

    @property
    def bucket(self) -> _Bucket:
        cost = self.extensions and self.extensions.cost
        return (cost and cost.throttle_status) or _Bucket()

    @property
    def wait_s(self) -> float | None:
        """Until what was asked for fits the bucket: (requested - available) / restore rate."""
        cost = self.extensions and self.extensions.cost
        wanted, bucket = cost and cost.requested_query_cost, self.bucket
        if not wanted or bucket.currently_available is None or not bucket.restore_rate:
            return None
        return max(0.0, wanted - bucket.currently_available) / bucket.restore_rate

    @property
    def search_warnings(self) -> str:
        """A misspelt filter matches everything, and only a warning says so (sheet 0.6)."""
        searches = self.extensions.search if self.extensions and isinstance(self.extensions.search, list) else []
        warned = [w for search in searches if isinstance(search, dict) for w in search.get("warnings") or ()]
        return " ".join(str(warned).split())[:300] if warned else ""

    def _listed(self) -> list[_Error]:
        if not isinstance(self.errors, list):
            return []
        try:
            return msgspec.convert(self.errors, list[_Error])
        except msgspec.ValidationError:
            return [_Error(message=str(self.errors)[:300])]


_decode = msgspec.json.Decoder(GraphqlResponse).decode
_SCOPE = re.compile(r"\b((?:read|write)_[a-z_]+)\b")


def read_graphql_response(body: bytes) -> GraphqlResponse | None:
    """The envelope of an answer; None where the body is none, or is cut."""
    try:
        return _decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None


def scope_named(text: str) -> str:
    """The access scope that a refusal asks for, or nothing."""
    found = _SCOPE.search(text)
    return found[1] if found else ""
