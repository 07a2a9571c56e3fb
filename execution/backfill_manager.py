"""Queue a user's backfill, decide re-triggers, say how it stands. The job table is directives/backfill.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import frontmatter

from execution.catalog import Catalog, directives
from execution.connections.choice import chosen
from execution.errors import StoreError, UserError
from execution.ids import user_id_in
from execution.shipped import folder
from execution.store import Store

DIRECTIVE = folder("directives") / "backfill.md"


@dataclass(frozen=True, kw_only=True)
class JobTable:
    """What a backfill consists of: entities by platform, in order, with their rank; and the plans' priorities."""

    catalog: Catalog
    plans: Mapping[str, int]
    jobs: Mapping[str, Sequence[tuple[str, int]]]

    @classmethod
    def load(cls, catalog: Catalog, path: Path = DIRECTIVE) -> JobTable:
        """Read the directive's front matter, and the jobs of platforms that bring a page of their own.

        Raises UserError where it names what the code does not know.
        """
        with _readable(path, "`plans` and `jobs`") as declared:
            plans = {str(name): int(value) for name, value in dict(declared["plans"]).items()}
            table = _jobs_in(declared)
        for page in directives():
            with _readable(page, "`jobs`") as declared:
                table |= _jobs_in(declared)
        for platform, rows in table.items():
            for entity, _ in rows:
                catalog.find(platform, entity)
        return cls(catalog=catalog, plans=plans, jobs=table)

    def check_plan(self, plan: str) -> str:
        if plan not in self.plans:
            raise UserError(f"Unknown plan {plan!r}.", hint=f"Choose one of: {', '.join(self.plans)}.")
        return plan

    def rows(self, connection: Mapping[str, Any], plan: str, entities: Sequence[str]) -> list[dict[str, Any]]:
        """The jobs of a connection as `queue_jobs` takes them; `entities` empty means all."""
        platform = connection["platform"]
        for entity in entities:
            self.catalog.find(platform, entity)
        base = self.plans.get(plan, max(self.plans.values()))
        return [
            {
                "platform": platform,
                "connection_id": connection["connection_id"],
                "shop_id": connection["shop_id"],
                "entity": entity,
                "priority": rank * 100 + base,
                "position": position,
            }
            for position, (entity, rank) in enumerate(self.jobs[platform])
            if not entities or entity in entities
        ]


def _jobs_in(declared: Mapping[str, Any]) -> dict[str, Sequence[tuple[str, int]]]:
    """Entities by platform, in order, each with its rank."""
    return {
        str(platform): [(str(row["entity"]), int(row["rank"])) for row in rows]
        for platform, rows in dict(declared["jobs"]).items()
    }


@contextmanager
def _readable(page: Path, needs: str) -> Iterator[Mapping[str, Any]]:
    """The page's front matter; a UserError for what is not in it, or not as it should be."""
    try:
        yield frontmatter.load(str(page)).metadata
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{page.parent.name}/{page.name} has no usable job table ({type(error).__name__}: {error}).",
            hint=f"Its front matter needs {needs}.",
        ) from None


QueueOutcome = Literal["queued", "rerun_requested", "already_running", "already_complete"]
OUTCOME_WORDS: Mapping[QueueOutcome, str] = {
    "queued": "queued",
    "rerun_requested": "will run again",
    "already_running": "already running",
    "already_complete": "already complete",
}


@dataclass(frozen=True, kw_only=True)
class BackfillManager:
    """The one that the webhook, the settings page and the command line call."""

    store: Store
    table: JobTable
    ring: Callable[[], None]

    def start(
        self,
        user_id: str,
        *,
        platform: str | None,
        shop_id: str | None = None,
        entities: Sequence[str] = (),
        trigger: str,
        again: bool = False,
    ) -> dict[str, Any]:
        """Queue what the user's shops need, and ring. Open jobs are left alone, failed ones queued again.

        Answers {run_ids, jobs: [{platform, connection_id, shop_id, entity, outcome}]}: a run for each shop where
        something was queued, and a QueueOutcome for each entity. Raises UserError for an unknown user, platform, shop
        or entity, or when nothing is connected.
        """
        _, rows = self.wanted(user_id, platform=platform, shop_id=shop_id, entities=entities)
        answer: dict[str, Any] = self.store.rpc(
            "queue_jobs", p_user_id=user_id, p_job_type="backfill", p_trigger=trigger, p_jobs=rows, p_rerun=again
        )
        self.ring()
        return answer

    def wanted(
        self, user_id: str, *, platform: str | None, shop_id: str | None = None, entities: Sequence[str] = ()
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """How the user stands, and the jobs that a start would ask for; raises as `start` says."""
        facts = self.status(user_id)
        shops = chosen(facts, platform=platform, shop_id=shop_id)
        return facts, [row for shop in shops for row in self.table.rows(shop, facts["plan"], entities)]

    def status(self, user_id: str) -> dict[str, Any]:
        return status(self.store, user_id)


def status(store: Store, user_id: str) -> dict[str, Any]:
    """How the user's backfill stands: profile, connections, the newest job of each entity of each, certificates."""
    user_id = user_id_in(user_id)
    try:
        facts: dict[str, Any] | None = store.rpc("backfill_status", p_user_id=user_id)
    except StoreError as error:
        raise UserError(error.message, hint=error.hint) from None
    if facts is None:
        raise UserError(f"There is no user {user_id}.", hint="Create one with `keeper user create`.")
    return facts
