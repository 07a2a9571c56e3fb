"""What the interface answers: frozen values with types, made from the facts of the product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class User:
    """A user of your product, who may connect shops."""

    user_id: str
    plan: str
    email: str | None = None


@dataclass(frozen=True, kw_only=True)
class Connection:
    """A user's shop, and whether it may be read: `status` is `connected`, `reconnect_needed` or `disconnected`.

    `status_reason` is for engineers: a platform may have said anything in it. Sellers are told by `status`.
    """

    connection_id: str
    platform: str
    shop_id: str
    shop_name: str | None
    status: str
    status_reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Disconnected:
    """Whether there was something to disconnect, and whether the platform was told as well."""

    disconnected: bool
    revoked: bool


@dataclass(frozen=True, kw_only=True)
class ToldEvent:
    """One event out and how it stands: `waiting`, `sent` or `given_up`, and the last failure as a code.

    `data` is what docs/events.md says of its type.
    """

    event_id: str
    type: str
    user_id: str
    happened_at: datetime
    state: str
    attempts: int
    data: Mapping[str, Any]
    failure: str | None = None
    ended_at: datetime | None = None
    next_try_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class QueuedJob:
    """What became of one entity: `queued`, `already_running`, `already_complete` or `rerun_requested`."""

    platform: str
    connection_id: str
    shop_id: str
    entity: str
    outcome: str


@dataclass(frozen=True, kw_only=True)
class Queued:
    """What a start did: a run for each shop where something was queued, and what became of each entity."""

    run_ids: tuple[str, ...]
    jobs: tuple[QueuedJob, ...]


@dataclass(frozen=True, kw_only=True)
class SyncedEntity:
    """What became of one entity: `queued`, `already_running`, `not_connected`, or `not_loaded`: its backfill first."""

    platform: str
    connection_id: str
    shop_id: str
    entity: str
    outcome: str


@dataclass(frozen=True, kw_only=True)
class Synced:
    """What a sync did: what became of each entity."""

    jobs: tuple[SyncedEntity, ...]


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """The proof that an entity is complete."""

    issued_at: datetime
    distinct_keys: int
    rejected: int
    provider_count: int | None = None
    earliest: datetime | None = None
    latest: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Job:
    """One entity of one shop: how far it is, when it goes on, its proof or why it failed."""

    job_id: str
    platform: str
    connection_id: str
    shop_id: str
    entity: str
    status: str
    records_done: int
    records_total: int | None
    records_rejected: int
    calls_used: int
    run_after: datetime | None = None
    park_code: str | None = None
    error_code: str | None = None
    seller_message: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    certificate: Certificate | None = None


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What failed, with a stable code and a message for the seller."""

    platform: str
    connection_id: str
    shop_id: str
    entity: str
    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Backfill:
    """How a user's backfill stands: `status` is `pending`, `in_progress`, `completed` or `failed`."""

    user_id: str
    plan: str
    status: str
    now: datetime
    completed_at: datetime | None
    connections: tuple[Connection, ...]
    jobs: tuple[Job, ...]
    failures: tuple[Failure, ...]

    @property
    def ended(self) -> bool:
        """Whether nothing is under way."""
        return self.status != "in_progress"


@dataclass(frozen=True, kw_only=True)
class EstimatedJob:
    """The calls that one entity would take; None where nobody can say, with the reason for the seller."""

    platform: str
    connection_id: str
    shop_id: str
    entity: str
    outcome: str
    calls: int | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a start would cost: calls in all (`complete` says whether all are known), and when it would be ready."""

    calls: int
    complete: bool
    ready_at: datetime | None
    jobs: tuple[EstimatedJob, ...]


@dataclass(frozen=True, kw_only=True)
class Worked:
    """What working until idle did, and when the next parked job goes on."""

    slices: int
    next_due: datetime | None
    running_elsewhere: int


@dataclass(frozen=True, kw_only=True)
class VerifiedEntity:
    """One entity held against its proofs as they are now."""

    platform: str
    connection_id: str
    shop_id: str
    entity: str
    ok: bool
    status: str
    certificate: Certificate | None = None


@dataclass(frozen=True, kw_only=True)
class Verification:
    """Whether everything that is complete still is, entity by entity."""

    user_id: str
    ok: bool
    entities: tuple[VerifiedEntity, ...]


@dataclass(frozen=True, kw_only=True)
class Changed:
    """How many rows of a table a run created, changed and deleted."""

    created: int
    changed: int
    deleted: int


@dataclass(frozen=True, kw_only=True)
class Run:
    """What was read of a shop at one time: `kind` is `backfill`, `round`, `changes` (named by webhooks), `refresh` or
    `rollback`.

    `state` is that of its jobs, or `undone`. It can be taken back until `undo_until`, unless `kept_because` says why
    not: `already_undone`, `run_is_open`, `record_is_over` or `changed_nothing`.
    """

    run_id: str
    connection_id: str
    platform: str
    shop_id: str
    kind: str
    trigger: str
    state: str
    created_at: datetime
    finished_at: datetime | None
    entities: tuple[str, ...]
    calls: int
    tables: dict[str, Changed]
    undoes: tuple[str, ...]
    undone_by: str | None
    undo_until: datetime
    kept_because: str | None


@dataclass(frozen=True, kw_only=True)
class RefreshStarted:
    """What a start did: `outcome` is `queued`, `already_running` or, where it was only asked what would be, `dry_run`.

    `left_out` are entities that were never loaded; `rows` is what stands here, by table, of a dry run.
    """

    run_id: str | None
    outcome: str
    shop_name: str
    entities: tuple[str, ...]
    left_out: tuple[str, ...]
    rows: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class FullRefresh:
    """The newest full refresh of a shop: `status` is `reading`, `swapped`, `failed` or `cancelled`.

    `tables` says what its swap did; `held_back` records seem to be gone, and wait for a person's word. `run_id` is the
    run that `keeper.runs` takes back.
    """

    run_id: str
    connection_id: str
    platform: str
    shop_id: str
    status: str
    begun_at: datetime
    ended_at: datetime | None
    error_code: str | None
    jobs: tuple[Job, ...]
    tables: dict[str, Changed]
    held_back: int


@dataclass(frozen=True, kw_only=True)
class Restored:
    """Of a table: rows that are removed, because they were not there before, and rows that are as they were."""

    removed: int
    restored: int


@dataclass(frozen=True, kw_only=True)
class RolledBack:
    """What a rollback did, or would do: `run_id` is its own run, None where nothing was done.

    `later` are runs that changed the same rows after the one that was named; `entities` are read again.
    """

    run_id: str | None
    dry_run: bool
    undone: tuple[str, ...]
    later: tuple[str, ...]
    tables: dict[str, Restored]
    entities: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CostTotal:
    """A platform's orders in one currency; amounts in its smallest unit, of orders whose cost is linked."""

    platform: str
    currency: str
    orders: int
    linked: int
    no_cost_yet: int
    ambiguous: int
    revenue: int
    refunds: int
    fees: int
    cost: int
    profit: int


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Cost of goods and profit by platform and currency; `digits` says where each currency's point stands."""

    totals: tuple[CostTotal, ...]
    digits: dict[str, int]


def result(kind: type[T], facts: Mapping[str, Any]) -> T:
    """The facts as this type. What the product tells beside is left out: it may change, the type does not."""
    return msgspec.convert(facts, kind)


def backfill_of(facts: Mapping[str, Any]) -> Backfill:
    """The product's words for a user's status are longer than the user's own."""
    renamed = {"status": facts["backfill_status"], "completed_at": facts["backfill_completed_at"]}
    return result(Backfill, {**facts, **renamed})
