"""A circuit breaker that all workers share: a platform that is away burns no attempts and is asked seldom.

    closed ──(a call failed, and so did a probe)──▶ open ──(wait over)──▶ half open: one job probes
      ▲                                              ▲                        │
      └──────────────(the probe was answered)────────┼────────────────────────┤
                                                     └──(twice the wait)──────┘

A failed call alone says little: one page of one shop may be poison. So whoever fails asks the platform something that
it always answers, who the shop is. If that is answered the fault is the job's, and costs it an attempt; if not, it is
the platform's, for everybody of the same budget scope. The state is a row in Postgres: a breaker of each process for
itself would let every process burn its own attempts (docs/decisions).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, Protocol, TypeVar

import structlog

from execution.errors import Retriable, Signal, Snooze
from execution.store import Rpc

log = structlog.get_logger()


class LeasedJob(Protocol):
    """What the breaker must know of the job that calls."""

    @property
    def platform(self) -> str: ...
    @property
    def lease_id(self) -> str: ...


J = TypeVar("J", bound=LeasedJob)
C = TypeVar("C")


@dataclass(frozen=True, kw_only=True)
class CircuitBreaker(Generic[J, C]):
    """Says who is to blame, and who has to wait. `probe` asks the platform who the job's shop is."""

    store: Rpc
    lease_seconds: int
    scope_of: Callable[[J], str]
    probe: Callable[[J, C], object]

    def stand_aside(self, job: J, client: C) -> None:
        """Return when the platform may be called. Raises Snooze while it is away; half open, this job tries it."""
        scope = self.scope_of(job)
        circuit: dict[str, Any] = self.store.rpc("ask_breaker", p_scope=scope, p_probe=str(uuid.uuid4()))
        if circuit["state"] == "open":
            raise _away(job, circuit["reason"], circuit["wait_seconds"])
        if circuit["state"] == "probe":
            self._try(job, client, scope)

    def judge(self, job: J, client: C, failure: Retriable) -> Signal:
        """What a failure means: itself, where the platform answers; a Snooze for all, where it is away."""
        # The call that failed may have taken half of the lease, and the probe may take as long: that is no death.
        self.store.rpc("extend_lease", p_lease_id=job.lease_id, p_lease_seconds=self.lease_seconds)
        try:
            self.probe(job, client)
        except Retriable as away:
            return self._open(job, self.scope_of(job), away)
        except Signal:
            # It answers, whatever it says. Or there is no budget to find out: were that forgiven, a page that always
            # fails would never end where errors use the budget up (Printify's share of errors).
            pass
        return failure

    def _try(self, job: J, client: C, scope: str) -> None:
        try:
            self.probe(job, client)
        except Retriable as away:
            raise self._open(job, scope, away) from None
        except Snooze:
            raise
        except Signal:
            pass
        if self.store.rpc("close_breaker", p_scope=scope):
            log.info("platform_back", platform=job.platform, scope=scope)

    def _open(self, job: J, scope: str, away: Retriable) -> Snooze:
        wait_s: float = self.store.rpc("open_breaker", p_scope=scope, p_reason=away.reason)
        log.error("platform_away", platform=job.platform, scope=scope, reason=away.reason, retry_in_s=round(wait_s))
        return _away(job, away.reason, wait_s)


def _away(job: LeasedJob, reason: str, wait_s: float) -> Snooze:
    return Snooze(f"{job.platform} is away: {reason}", timedelta(seconds=max(1.0, wait_s)), code="platform_away")
