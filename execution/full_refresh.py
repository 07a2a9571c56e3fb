"""A full refresh: a shop is read anew beside what is there, proven, and swapped in by one transaction.

Its jobs are worked as a backfill's, but land in a shadow (SQL: full_refresh.sql); what is proven is swapped in by the
clock, and is then a run that is taken back as any (SQL: swap.sql, docs/decisions/034).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import structlog

from execution import backfill_manager
from execution.backfill_manager import JobTable
from execution.catalog import CATALOG, entity_of_streams, steps_of
from execution.connections.choice import chosen, listed
from execution.errors import StoreError, StoreUnavailable, UserError
from execution.ids import uuid_in
from execution.platforms import changed_objects
from execution.store import Rpc, Store
from execution.streams import Children, Person, Reading, Records

RefreshOutcome = Literal["queued", "already_running", "dry_run"]
# What one transaction could not do in its time, and what no rollback could take back.
_TOO_LARGE = ("57014", "PT413")

_REFUSALS: Mapping[str, tuple[str, str]] = {
    "wrong_shop_name": ("That is not the shop's name: it is called {}.", "Say --confirm with exactly that."),
    "not_connected": ("{} is not connected any more.", "Connect it again first."),
    "backfill_is_open": ("{} is being backfilled just now.", "Wait until `keeper backfill status` says that it ended."),
    "not_loaded": ("Nothing of {} was loaded yet.", "Run `keeper backfill start` first."),
}

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class FullRefreshes:
    """The one that the command line and the library call."""

    store: Store
    table: JobTable
    ring: Callable[[], None]

    def start(
        self,
        user_id: str,
        *,
        confirm: str | None,
        platform: str | None = None,
        shop_id: str | None = None,
        trigger: str,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Begin one of the one shop that is meant, and ring; `confirm` is its name. One that is open is left alone.

        Answers {run_id, outcome, shop_name, jobs, rows}. Raises UserError with a code: `ambiguous_shop` where several
        shops are meant, `wrong_shop_name`, `not_connected`, `not_loaded`, `backfill_is_open`.
        """
        shop, plan = self.meant(user_id, platform=platform, shop_id=shop_id)
        try:
            answer: dict[str, Any] = self.store.rpc(
                "start_full_refresh",
                p_user_id=user_id,
                p_connection_id=shop["connection_id"],
                p_confirm=confirm,
                p_trigger=trigger,
                p_jobs=self.table.rows(shop, plan, ()),
                p_tables=tables_of(shop["platform"]),
                p_dry_run=dry_run,
            )
        except StoreError as error:
            raise _refusal(error) from None
        if answer["outcome"] == "queued":
            self.ring()
        return answer

    def meant(
        self, user_id: str, *, platform: str | None = None, shop_id: str | None = None
    ) -> tuple[Mapping[str, Any], str]:
        """The one shop that is meant, and the user's plan."""
        facts = backfill_manager.status(self.store, user_id)
        shops = chosen(facts, platform=platform, shop_id=shop_id)
        if len(shops) > 1:
            raise UserError(
                "A full refresh is of one shop.",
                hint=f"Name it by --platform and --shop, one of: {listed(shops)}.",
                code="ambiguous_shop",
            )
        return shops[0], facts["plan"]


def status(
    store: Store, user_id: str, *, platform: str | None = None, shop_id: str | None = None
) -> list[dict[str, Any]]:
    """The newest full refresh of each of these shops of the user's."""
    shops = chosen(backfill_manager.status(store, user_id), platform=platform, shop_id=shop_id)
    found: list[dict[str, Any]] = store.rpc(
        "full_refreshes", p_user_id=user_id, p_connection_ids=[shop["connection_id"] for shop in shops]
    )
    return found


def cancel(store: Rpc, user_id: str, run_id: str, *, by: str) -> None:
    """Nothing of it is swapped in. Raises UserError where none of this id is open."""
    found = uuid_in(run_id, "the id of a full refresh", "See `keeper refresh status`.", code="not_open")
    if not store.rpc("cancel_full_refresh", p_user_id=user_id, p_run_id=found, p_by=by):
        raise UserError(
            f"There is no open full refresh {run_id} of this user.",
            hint="See `keeper refresh status`.",
            code="not_open",
        )


def swap_proven(store: Rpc) -> int:
    """Swap in what is proven. What never can be fails, and leaves the old data as it is. How many were settled."""
    settled = 0
    for run_id in store.rpc("proven_full_refreshes"):
        try:
            store.rpc("swap_full_refresh", p_id=run_id)
        except StoreError as error:
            is_too_large = error.sqlstate in _TOO_LARGE
            if isinstance(error, StoreUnavailable) and not is_too_large:
                log.warning("swap_waits", run_id=run_id, error=error.message)
                continue
            log.exception("swap_failed", run_id=run_id)
            code = "too_many_changes" if is_too_large else "swap_failed"
            store.rpc("fail_full_refresh", p_id=run_id, p_code=code, p_error=str(error))
        settled += 1
        # A small shadow is gone at once, a large one with the clock's next steps.
        store.rpc("finish_work", p_name="drop_shadows")
    return settled


def tables_of(platform: str) -> list[dict[str, Any]]:
    """What a platform's records become, parents before children: of which entity a table is, the streams whose keys are
    its own, the columns that keep what a record shows no more (by the members that show them), and which name a parent.
    """
    steps = [*steps_of(platform), *CATALOG.find(platform, changed_objects.NAME).steps]
    entity_of = entity_of_streams(platform)
    found: dict[str, dict[str, Any]] = {}
    for step in steps:
        if not isinstance(step, Reading):
            continue
        entity = entity_of.get(step.name, step.name)
        main = _part(found, step.records, entity)
        main["streams"] = sorted({*main["streams"], step.name})
        for child in step.records.children:
            _parent_of(_part(found, child, entity), step.records.table, child)
        for person in step.records.people:
            _part(found, person, entity)
    return _parents_first(found)


def _part(found: dict[str, dict[str, Any]], part: Records | Children | Person, entity: str) -> dict[str, Any]:
    one = found.setdefault(
        part.table, {"table": part.table, "entity": entity, "streams": [], "keeps": {}, "parents": []}
    )
    for column in part.columns:
        if column.shown_by or column.only_if:
            shown = {*one["keeps"].get(column.name, ()), *column.shown_by}
            one["keeps"][column.name] = sorted(shown)
    return one


def _parent_of(part: dict[str, Any], table: str, child: Children) -> None:
    for parent in part["parents"]:
        if (parent["table"], parent["column"]) == (table, child.parent_column):
            parent["more_at"] = sorted({*parent["more_at"], *child.more_at})
            return
    part["parents"].append({"table": table, "column": child.parent_column, "more_at": sorted(child.more_at)})


def _parents_first(found: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    ordered: dict[str, dict[str, Any]] = {}

    def put(names: Iterable[str]) -> None:
        for name in names:
            if name not in ordered:
                put(parent["table"] for parent in found[name]["parents"])
                ordered[name] = found[name]

    put(found)
    return list(ordered.values())


def _refusal(error: StoreError) -> Exception:
    if error.code not in _REFUSALS:
        return error
    message, hint = _REFUSALS[error.code]
    return UserError(message.format(error.hint), hint=hint, code=error.code)
