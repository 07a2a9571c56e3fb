"""One entity of one shop, loaded in this process while somebody watches: pages as they come, a summary, its proofs.

    load = EntityLoad(app=app, user_id=user, platform="etsy", entity="orders")
    summary = load.run(on_progress=print)
    checks = load.verify()

It is the same job that a worker would do, with the same proofs; other jobs that are due are worked beside it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from execution import full_refresh, jobs, operations, runs
from execution.app import App
from execution.backfill_manager import status
from execution.connections.choice import chosen
from execution.errors import StoreError, UserError
from execution.job_runner import SliceOutcome
from execution.jobs import CERTIFIED, OPEN

_LOOK_S = 0.25


@dataclass(frozen=True, kw_only=True)
class LoadProgress:
    """How far it is. `fetched`: records that came; `upserted`: rows that were new or changed; `errors`: records that
    were rejected and kept aside; `retries`: how often it was tried again; `total`: as the platform tells it, or None.
    """

    pages: int = 0
    fetched: int = 0
    upserted: int = 0
    errors: int = 0
    retries: int = 0
    total: int | None = None
    fraction: float | None = None


@dataclass(frozen=True, kw_only=True)
class LoadSummary(LoadProgress):
    """What it came to. `status`: a job's; `error_code`, `error`: why it failed."""

    seconds: float
    status: str
    error_code: str | None = None
    error: str | None = None
    run_id: str

    @property
    def is_complete(self) -> bool:
        return self.status == "completed"


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """One check of the verification; `name` is that of the certificate."""

    name: str
    ok: bool
    detail: Mapping[str, Any] = field(default_factory=dict)


OnProgress = Callable[[LoadProgress], None]


@dataclass(frozen=True, kw_only=True)
class EntityLoad:
    """One entity of one shop of a user's: all of its history, or what is new (`incremental`).

    `since`: of the history, only what lies from there on. Raises UserError for an unknown user, shop or entity, and
    where several shops are meant.
    """

    app: App
    user_id: str
    platform: str
    entity: str
    shop_id: str | None = None
    incremental: bool = False
    since: datetime | None = None

    def run(self, *, on_progress: OnProgress = lambda _: None, wait_seconds: float = 60.0) -> LoadSummary:
        """Load it, telling every step; ends when the job has, or waits for longer than `wait_seconds`."""
        shop = self._shop()
        began = time.monotonic()
        job_id = self._begun(shop)
        watched = _Watched(self.app, job_id, on_progress)
        with watched.telling():
            self._work(job_id, wait_seconds)
        job, progress = watched.look()
        return LoadSummary(
            **{name: getattr(progress, name) for name in LoadProgress.__dataclass_fields__},
            seconds=time.monotonic() - began,
            status=job["status"],
            error_code=job["error_code"] or job["park_code"],
            error=job["error"] or job["park_reason"],
            run_id=job["run_id"],
        )

    def verify(self) -> tuple[CheckResult, ...]:
        """Hold it against its proofs once more: each check of its certificate and what is stored now."""
        found = operations.verify(self.app, user_id=self.user_id, platform=self.platform, shop_id=self.shop_id)
        (one,) = (entity for entity in found["entities"] if entity["entity"] == self.entity)
        certificate = one["certificate"] or {"checks": []}
        checks = [CheckResult(name=c["name"], ok=c["ok"], detail=c["detail"] or {}) for c in certificate["checks"]]
        # What was proven then has to hold now.
        return tuple(c if one["ok"] or c.name != "rows" else CheckResult(name=c.name, ok=False) for c in checks)

    @property
    def connection_id(self) -> str:
        """Of the one shop that is meant."""
        return str(self._shop()["connection_id"])

    def _shop(self) -> Mapping[str, Any]:
        shops = chosen(status(self.app.store, self.user_id), platform=self.platform, shop_id=self.shop_id)
        if len(shops) > 1:
            raise UserError("Several shops are connected there.", hint="Name one with --shop.", code="ambiguous_shop")
        return shops[0]

    def _begun(self, shop: Mapping[str, Any]) -> str:
        """The job that brings it: a new one, or the one that is open."""
        manager = operations.manager(self.app)
        if self.incremental:
            operations.orchestrator(self.app).sync_shops(
                self.user_id, [shop], entities=[self.entity], trigger="command"
            )
        else:
            try:
                self.app.store.rpc(
                    "queue_backfill",
                    p_user_id=self.user_id,
                    p_trigger="command",
                    p_jobs=manager.table.rows(shop, status(self.app.store, self.user_id)["plan"], [self.entity]),
                    p_rerun=True,
                    p_since=self.since.isoformat() if self.since else None,
                )
            except StoreError as error:
                raise UserError(error.message, hint=error.hint) from None
        kind = "incremental" if self.incremental else "backfill"
        found = operations.operators(self.app).newest(shop["connection_id"], self.entity, kind)
        if found is None:
            raise UserError(
                f"{self.entity} was never loaded, so there is nothing new to look for.",
                hint="Load its whole history first.",
                code="not_loaded",
            )
        return found

    def _work(self, job_id: str, wait_seconds: float) -> None:
        runner = self.app.runner()
        operators = operations.operators(self.app)
        while True:
            while runner.work_one() is not SliceOutcome.IDLE:
                pass
            job = operators.job(job_id)
            if job["status"] not in OPEN:
                return
            beat = jobs.tick(self.app.store)
            full_refresh.swap_proven(self.app.store)
            away = 0.05
            if job["status"] == "parked":
                now = datetime.fromisoformat(beat["now"])
                away = (datetime.fromisoformat(job["run_after"]) - now).total_seconds()
            if away > wait_seconds:
                return
            self.app.clock.sleep(min(max(away, 0.05), 1.0))


class _Watched:
    """A job that is looked at while it goes on."""

    def __init__(self, app: App, job_id: str, on_progress: OnProgress) -> None:
        self._app, self._job_id, self._on_progress = app, job_id, on_progress
        self._operators = operations.operators(app)
        self._retries = self._attempts = 0
        self._told = LoadProgress()

    def look(self) -> tuple[dict[str, Any], LoadProgress]:
        job = self._operators.job(self._job_id)
        # A page that lands forgets the attempts before it.
        self._retries += max(0, job["attempts"] - self._attempts)
        self._attempts = job["attempts"]
        changed = runs.one(self._app.store, job["run_id"], user_id=job["user_id"])["tables"]
        table = self._app.catalog.find(job["platform"], job["entity"]).table
        counts = changed.get(table, {"created": 0, "changed": 0})
        return job, LoadProgress(
            pages=job["page_seq"],
            fetched=job["records_done"],
            upserted=counts["created"] + counts["changed"],
            errors=job["records_rejected"],
            retries=self._retries,
            total=job["records_total"],
            fraction=1.0 if job["status"] in CERTIFIED else job["fraction"],
        )

    @contextlib.contextmanager
    def telling(self) -> Iterator[None]:
        """Tell of every change until the block ends, and then once more."""
        over = threading.Event()
        thread = threading.Thread(target=self._tell_until, args=(over,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        self._tell()

    def _tell_until(self, over: threading.Event) -> None:
        while not over.wait(_LOOK_S):
            # A look that fails costs the look, and not the load.
            with contextlib.suppress(StoreError):
                self._tell()

    def _tell(self) -> None:
        _, progress = self.look()
        if progress != self._told:
            self._told = progress
            self._on_progress(progress)
