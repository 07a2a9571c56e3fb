"""What events tell: one type a payload, and reading one that was received (docs/events.md).

Verify the signature first, by the package `standardwebhooks` or any other of that standard: nothing here does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

import msgspec

from execution.errors import UserError


@dataclass(frozen=True, kw_only=True)
class ToldEntity:
    """How one entity of a backfill ended: `completed`, `completed_with_rejects`, `failed` or `quarantined`.

    `records` are those that are held, `rejected` those that could not be mapped; `code` says why it is not whole.
    """

    connection_id: str
    platform: str
    shop_id: str
    entity: str
    status: str
    code: str | None
    records: int
    rejected: int


@dataclass(frozen=True, kw_only=True)
class BackfillTold:
    """`backfill.completed`, `backfill.failed`: all of a user's shops are loaded, or some of it is not to be had.

    `status` is `completed`, `completed_with_rejects` or `failed`.
    """

    user_id: str
    status: str
    entities: tuple[ToldEntity, ...]


@dataclass(frozen=True, kw_only=True)
class SyncTold:
    """`sync.completed`: a round of one entity brought something, or was asked for, or is complete again.

    `created`, `updated`, `deleted` and `rejected` count its records.
    """

    user_id: str
    connection_id: str
    platform: str
    shop_id: str
    entity: str
    run_id: str
    created: int
    updated: int
    deleted: int
    rejected: int


@dataclass(frozen=True, kw_only=True)
class EntityTold:
    """`entity.incomplete`: an entity could not be read to its proof; `code` says why. Told once a reason.

    `status` is `failed`, `quarantined` or `completed_with_rejects`.
    """

    user_id: str
    connection_id: str
    platform: str
    shop_id: str
    entity: str
    run_id: str
    status: str
    code: str
    records: int
    rejected: int


@dataclass(frozen=True, kw_only=True)
class HeldTold:
    """`deletions.held`: so much of an entity seems to be gone that nothing went, until somebody says so.

    `held` of `stored` records; `deletion_id` is the number by which it is decided.
    """

    user_id: str
    connection_id: str
    platform: str
    shop_id: str
    entity: str
    run_id: str
    deletion_id: int
    held: int
    stored: int


@dataclass(frozen=True, kw_only=True)
class ConnectionTold:
    """`connection.connected`, `connection.reconnect_needed`, `connection.disconnected`: what became of a shop."""

    user_id: str
    connection_id: str
    platform: str
    shop_id: str


@dataclass(frozen=True, kw_only=True)
class TenantTold:
    """`tenant.deleted`: a user is gone, in all stores. The last that is told of it."""

    user_id: str


EventData = BackfillTold | SyncTold | EntityTold | HeldTold | ConnectionTold | TenantTold
# By type. One that is not here is of a newer release, or tells of nothing (`keeper.test`).
EVENT_TYPES: Mapping[str, type[EventData]] = MappingProxyType(
    {
        "backfill.completed": BackfillTold,
        "backfill.failed": BackfillTold,
        "sync.completed": SyncTold,
        "entity.incomplete": EntityTold,
        "deletions.held": HeldTold,
        "connection.connected": ConnectionTold,
        "connection.reconnect_needed": ConnectionTold,
        "connection.disconnected": ConnectionTold,
        "tenant.deleted": TenantTold,
    }
)


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event, as `Event.read(body)` makes it.

    `data` is None where this release does not know its type: answer that you have it, and leave it alone.
    """

    type: str
    timestamp: datetime
    schema_version: int
    data: EventData | None

    @classmethod
    def read(cls, body: bytes | str) -> Event:
        """The event in a body whose signature was verified. Raises UserError for what is none."""
        try:
            told = msgspec.json.decode(body, type=_Envelope)
            kind = EVENT_TYPES.get(told.type)
            data = None if kind is None else msgspec.convert(told.data, kind)
        except msgspec.DecodeError as error:
            raise UserError(f"This is no event ({error}).", hint="Verify what comes before it is read.") from None
        return cls(type=told.type, timestamp=told.timestamp, schema_version=told.schema_version, data=data)


class _Envelope(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    timestamp: datetime
    schema_version: int
    data: dict[str, Any]
