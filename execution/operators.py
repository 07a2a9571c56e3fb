"""What operators see and do across tenants: users, jobs ended, hurried or tried again, a platform left alone.

SQL: operators.sql. Whoever calls this has made sure that an operator asks (docs/decisions/046).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from execution.backfill_manager import BackfillManager
from execution.catalog import platform_named
from execution.errors import StoreError, UserError
from execution.ids import user_id_in, uuid_in
from execution.jobs import OPEN
from execution.seller_messages import MESSAGES
from execution.store import Store
from execution.sync_orchestrator import SyncOrchestrator

STATES = (
    "waiting",
    "queued",
    "running",
    "parked",
    "completed",
    "completed_with_rejects",
    "failed",
    "quarantined",
)
KINDS = ("backfill", "incremental", "refresh", "sample")
# What is tried again: it ended, and not well.
RETRIED = ("failed", "quarantined", "completed_with_rejects")


@dataclass(frozen=True, kw_only=True)
class Operator:
    """Who acts, for the record: a name at a shell, or an administrator's id."""

    name: str
    admin_id: str | None = None

    def as_arguments(self) -> dict[str, Any]:
        return {"p_by": self.name, "p_admin_id": self.admin_id}


@dataclass(frozen=True, kw_only=True)
class JobFilter:
    """Which jobs are meant: all that are each of what is named. `code`: why a job ended or waits."""

    user_id: str | None = None
    platform: str | None = None
    run_id: str | None = None
    entity: str | None = None
    kind: str | None = None
    states: Sequence[str] = ()
    code: str | None = None
    older_than: timedelta | None = None

    def as_json(self, now: datetime) -> dict[str, Any]:
        """Raises UserError for a state, kind, platform or user that there is not."""
        _known(self.states, STATES, "state", "unknown_state")
        _known([self.kind] if self.kind else [], KINDS, "kind", "unknown_kind")
        if self.platform:
            platform_named(self.platform)
        return {
            "user_id": user_id_in(self.user_id) if self.user_id else None,
            "platform": self.platform,
            "run_id": uuid_in(self.run_id, "a run's id", "See `keeper runs list`.", code="unknown_run")
            if self.run_id
            else None,
            "entity": self.entity,
            "job_type": self.kind,
            "statuses": list(self.states) or None,
            "code": self.code,
            "before": (now - self.older_than).isoformat() if self.older_than else None,
        }


def _known(said: Sequence[str], known: Sequence[str], what: str, code: str) -> None:
    for one in said:
        if one not in known:
            raise UserError(f"There is no {what} {one!r}.", hint=f"One of: {', '.join(known)}.", code=code)


@dataclass(frozen=True, kw_only=True)
class Operators:
    """The one that the command line and the administrators' pages call."""

    store: Store
    backfills: BackfillManager
    rounds: SyncOrchestrator

    def jobs(
        self, wanted: JobFilter, *, before: Mapping[str, str] | None = None, limit: int = 50
    ) -> list[dict[str, Any]]:
        """Jobs of all users, the newest first. `before`: {created_at, id} of the last that was shown."""
        found: list[dict[str, Any]] = self.store.rpc(
            "find_jobs", p_filter=wanted.as_json(self.store.now()), p_before=before, p_limit=limit
        )
        return found

    def job(self, job_id: str) -> dict[str, Any]:
        """One job. Raises UserError where there is none."""
        found = self.store.rpc("find_jobs", p_filter={"job_id": _job_id(job_id)}, p_limit=1)
        if not found:
            raise _unknown(job_id)
        return dict(found[0])

    def newest(self, connection_id: str, entity: str, kind: str) -> str | None:
        """The id of the newest job of this kind of an entity of a shop; None where there never was one."""
        wanted = {"connection_id": connection_id, "entity": entity, "job_type": kind}
        found = self.store.rpc("find_jobs", p_filter=wanted, p_limit=1)
        return str(found[0]["job_id"]) if found else None

    def cancel(self, job_id: str, operator: Operator) -> dict[str, Any]:
        """End an open job for good. Raises UserError where it has ended."""
        cancelled = self._done(
            "cancel_job", p_job_id=_job_id(job_id), p_seller_message=MESSAGES["cancelled"], **operator.as_arguments()
        )
        if not cancelled:
            raise UserError(f"Job {job_id} has ended already.", hint="See `keeper jobs show`.", code="job_has_ended")
        return self.job(job_id)

    def hurry(self, job_id: str, operator: Operator) -> dict[str, Any]:
        """Let a job wait for its time no longer; the budget is asked as ever. Raises UserError where it waits not."""
        status = self._done("hurry_job", p_job_id=_job_id(job_id), **operator.as_arguments())
        if status == "waiting":
            raise UserError(
                f"Job {job_id} waits for another of its shop, or is paused.",
                hint="See `keeper jobs list --user`.",
                code="job_waits_in_line",
            )
        if status != "queued":
            ended = "runs" if status == "running" else "has ended already"
            raise UserError(f"Job {job_id} {ended}.", hint="See `keeper jobs show`.", code="job_does_not_wait")
        self.backfills.ring()
        return self.job(job_id)

    def retry(self, job_id: str, *, trigger: str) -> dict[str, Any]:
        """Ask for what a job has not brought once more. Answers {platform, connection_id, shop_id, entity, outcome}.

        Raises UserError where it is open or done, and for what cannot be asked for by itself.
        """
        job = self.job(job_id)
        if job["status"] not in RETRIED:
            stands = "is still open" if job["status"] in OPEN else "is complete"
            raise UserError(f"Job {job_id} {stands}.", hint="There is nothing to try again.", code="job_is_no_failure")
        shop = {name: job[name] for name in ("connection_id", "platform", "shop_id", "shop_name")}
        if job["job_type"] == "backfill":
            started = self.backfills.start(
                job["user_id"],
                platform=job["platform"],
                shop_id=job["shop_id"],
                entities=[job["entity"]],
                trigger=trigger,
                again=job["status"] == "completed_with_rejects",
            )
        elif job["job_type"] == "incremental" and job["entity"] in self.rounds.rules.seldom.get(job["platform"], ()):
            started = self.rounds.sync_shops(job["user_id"], [shop], entities=[job["entity"]], trigger=trigger)
        else:
            raise UserError(
                f"A job of this kind ({job['job_type']}, {job['entity']}) is not tried again by itself.",
                hint="Rounds come by themselves; `keeper refresh start` reads a shop anew.",
                code="job_is_not_retried",
            )
        return next(dict(one) for one in started["jobs"] if one["entity"] == job["entity"])

    def tenants(
        self, *, search: str | None = None, before: Mapping[str, str] | None = None, limit: int = 50
    ) -> list[dict[str, Any]]:
        """Users, the newest first, with their shops, how late they are, what failed and what they used."""
        found: list[dict[str, Any]] = self.store.rpc(
            "find_tenants", p_search=(search or "").strip() or None, p_before=before, p_limit=limit
        )
        return found

    def tenant(self, user_id: str) -> dict[str, Any]:
        """One user. Raises UserError where there is none."""
        found = self.store.rpc("find_tenants", p_user_id=user_id_in(user_id), p_limit=1)
        if not found:
            raise UserError(f"There is no user {user_id}.", hint="See `keeper tenants`.", code="unknown_user")
        return dict(found[0])

    def counts(self) -> dict[str, dict[str, int]]:
        """{open, failed}: how many jobs of all users are open, by state, and failed in the last day, by code."""
        counted: dict[str, dict[str, int]] = self.store.rpc("count_jobs")
        return counted

    def money(self) -> dict[str, Any]:
        """{open, restated, unclassified}: days that are not final, and whose shops hold what nobody has named."""
        standing: dict[str, Any] = self.store.rpc("money_standing")
        return standing

    def budgets(self) -> dict[str, Any]:
        """Each scope's day: who used what, what is reserved, when it frees; see SQL `budget_report`."""
        report: dict[str, Any] = self.store.rpc("budget_report", p_platform=None)
        return report

    def pause_platform(self, platform: str, operator: Operator) -> dict[str, Any]:
        """Leave all shops of a platform alone. Answers {platform, stopped}."""
        stopped = self.store.rpc("pause_platform", p_platform=platform_named(platform).name, **operator.as_arguments())
        return {"platform": platform, "stopped": stopped}

    def resume_platform(self, platform: str, operator: Operator) -> dict[str, Any]:
        """Take them up where they stood. Answers {platform, queued}."""
        queued = self.store.rpc("resume_platform", p_platform=platform_named(platform).name, **operator.as_arguments())
        self.backfills.ring()
        return {"platform": platform, "queued": queued}

    def paused_platforms(self) -> dict[str, dict[str, Any]]:
        """Those that are paused, by name: {paused_at, paused_by}."""
        return {one["platform"]: one for one in self.store.rpc("paused_platforms")}

    def _done(self, function: str, **arguments: Any) -> Any:
        try:
            return self.store.rpc(function, **arguments)
        except StoreError as error:
            if error.code == "unknown_job":
                raise _unknown(arguments["p_job_id"]) from None
            raise


def _job_id(text: str) -> str:
    return uuid_in(text, "a job's id", "See `keeper jobs list`.", code="unknown_job")


def _unknown(job_id: str) -> UserError:
    return UserError(f"There is no job {job_id}.", hint="See `keeper jobs list`.", code="unknown_job")
