"""A leased job, and the few things that may become of it. All state is in Postgres; this is a view of one lease."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from execution.catalog import Catalog, platform_named
from execution.errors import UserError
from execution.seller_messages import MESSAGES
from execution.store import Rpc, Store
from execution.streams import Entity

JobType = Literal["backfill", "incremental", "refresh", "sample"]
# A job in one of these still has work before it.
OPEN = ("waiting", "queued", "running", "parked")
# Ended with a certificate: as complete, or without what could not be mapped.
WITH_REJECTS = "completed_with_rejects"
CERTIFIED = ("completed", WITH_REJECTS)
# Ended without one.
FAILED = ("failed", "quarantined")
LEASE_SECONDS = 60
MAX_ATTEMPTS = 10
# Why a job is parked, where waiting alone does not help: an operator must act.
OPERATOR_MUST_ACT = frozenset({"setting_missing", "platform_key_refused", "token_unreadable"})
# Newer code is being deployed beside this: one of its workers goes on.
WORKER_TOO_OLD, WORKER_TOO_OLD_WAIT = "worker_too_old", timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True)
class Job:
    """What `claim_job` answers: one entity of one connection, ours until the lease lapses."""

    id: str
    lease_id: str
    user_id: str
    connection_id: str
    run_id: str
    platform: str
    entity: Entity
    job_type: JobType
    shop_id: str
    shop_created_at: datetime | None
    window_start: datetime | None
    window_end: datetime | None
    cursor: Mapping[str, Any]
    page_seq: int
    attempts: int
    # Up to where the entity was proven last: a round begins there.
    watermark: datetime | None = None
    # How far behind its bound what follows begins: records may be read later than their time.
    lookback: timedelta
    # What the platform refused once, before this claim.
    refused_code: str | None = None
    # What the seller granted, where that is known.
    granted: frozenset[str] | None = None
    # The rights that the seller has not granted and without which the entity may not be read.
    missing_rights: tuple[str, ...] = ()


def claim(store: Store, catalog: Catalog, worker: str, lease_id: str) -> Job | None:
    """Lease the next due job under this id, or None when nothing is claimable now."""
    row = store.rpc("claim_job", p_lease_id=lease_id, p_worker=worker, p_lease_seconds=LEASE_SECONDS)
    if row is None:
        return None
    store.learn_now(row["now"])
    try:
        reads_all = row["job_type"] != "incremental" or row["is_whole"]
        found = catalog.find if reads_all else catalog.in_round
        entity = found(row["platform"], row["entity"])
    except UserError as error:
        # Queued by newer code during a deploy: a newer worker will claim it.
        reason = f"this worker is too old: {error.message}"
        _park(store, lease_id, reason, WORKER_TOO_OLD_WAIT, 0, charge=False, code=WORKER_TOO_OLD)
        return None
    granted = None if row["rights"] is None else frozenset(row["rights"])
    entity, missing = platform_named(row["platform"]).rights.as_granted(entity, granted)
    if row["job_type"] == "sample":
        entity = entity.as_sample()
    return Job(
        id=row["id"],
        lease_id=lease_id,
        user_id=row["user_id"],
        connection_id=row["connection_id"],
        run_id=row["run_id"],
        platform=row["platform"],
        entity=entity,
        job_type=row["job_type"],
        shop_id=row["shop_id"],
        shop_created_at=_moment(row["shop_created_at"]),
        window_start=_moment(row["window_start"]),
        window_end=_moment(row["window_end"]),
        cursor=row["cursor"] or {},
        page_seq=row["page_seq"],
        attempts=row["attempts"],
        watermark=_moment(row["watermark"]),
        lookback=timedelta(seconds=row["lookback_seconds"]),
        refused_code=row["refused_code"],
        granted=granted,
        missing_rights=missing,
    )


def hand_back(store: Store, job: Job, calls: int) -> None:
    """The slice is over and there is more to do; costs no attempt."""
    store.rpc("hand_back_job", p_lease_id=job.lease_id, p_calls=calls)


def park(
    store: Store,
    job: Job,
    reason: str,
    delay: timedelta,
    calls: int,
    *,
    charge: bool,
    code: str,
    refused: str | None = None,
) -> str:
    """Not now. Answers 'parked', or 'failed' when the last attempt was spent. `refused`: as the next claim is told."""
    return _park(store, job.lease_id, reason, delay, calls, charge=charge, code=code, refused=refused)


def _park(
    store: Store,
    lease_id: str,
    reason: str,
    delay: timedelta,
    calls: int,
    *,
    charge: bool,
    code: str,
    refused: str | None = None,
) -> str:
    outcome: str = store.rpc(
        "park_job",
        p_lease_id=lease_id,
        p_reason=reason[:500],
        p_delay_seconds=delay.total_seconds(),
        p_charge=charge,
        p_max_attempts=MAX_ATTEMPTS,
        p_calls=calls,
        p_code=code,
        p_seller_message=MESSAGES["attempts_exhausted"],
        p_refused_code=refused,
    )
    return outcome


def fail(store: Store, job: Job, calls: int, *, code: str, error: str, seller_message: str) -> None:
    """For good, with a reason."""
    store.rpc(
        "fail_job",
        p_lease_id=job.lease_id,
        p_code=code,
        p_error=error,
        p_seller_message=seller_message,
        p_calls=calls,
    )


@dataclass(frozen=True, kw_only=True)
class Shortfall:
    """Why an entity that ends with a certificate is not whole."""

    code: str
    error: str
    seller_message: str


def complete(
    store: Store,
    job: Job,
    calls: int,
    *,
    certificate: Mapping[str, Any],
    watermark: datetime | None,
    shortfall: Shortfall | None = None,
) -> None:
    """Proven: certificate, cursor for the incremental sync and ending in one transaction."""
    store.rpc(
        "complete_job",
        p_lease_id=job.lease_id,
        p_certificate=certificate,
        p_watermark=watermark.isoformat() if watermark else None,
        p_calls=calls,
        p_code=shortfall and shortfall.code,
        p_error=shortfall and shortfall.error,
        p_seller_message=shortfall and shortfall.seller_message,
    )


def tick(store: Rpc) -> dict[str, Any]:
    """A beat of the clock: lapsed leases are rescued, due jobs wake. Says what is claimable, and when to look again."""
    beat: dict[str, Any] = store.rpc("tick", p_quarantined=MESSAGES["quarantined"])
    return beat


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
