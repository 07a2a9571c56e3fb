"""One event as it goes over the wire: the same bytes however often it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import orjson

# Of the payloads. A member that is added is no other version; one that goes, or means something else, is.
SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Message:
    """`attempt` and `failures` are of its row: which try this is, and how many before it failed."""

    id: str
    type: str
    body: bytes
    attempt: int = 0
    failures: int = 0
    # Whose it is, for the log.
    user_id: str | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """The message of a row of the outbox."""
        told = {
            "type": row["type"],
            "timestamp": _moment(row["happened_at"]),
            "schema_version": SCHEMA_VERSION,
            "data": {"user_id": row["user_id"], **row["data"]},
        }
        return cls(
            id=row["id"],
            type=row["type"],
            body=orjson.dumps(told),
            attempt=row["attempts"],
            failures=row["failures"],
            user_id=row["user_id"],
        )


def _moment(text: str) -> str:
    moment = datetime.fromisoformat(text).astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"
