"""How the budgets stand: who used what, what is reserved, when it frees, when waiting backfills will be done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from execution.budget.budgets import Budget
from execution.store import Rpc
from execution.terminal import moment_text

_CLASSES = ("live", "incremental", "backfill", "sample", "external")
_ALWAYS = ("scope", "live", "backfill", "used", "a day")


def read(store: Rpc, budgets: Mapping[str, Budget], platform: str | None) -> dict[str, Any]:
    """The facts of `budget_report`, with the directive's limits where no response has named any, and a forecast."""
    facts: dict[str, Any] = store.rpc("budget_report", p_platform=platform)
    for scope in facts["scopes"]:
        budget = budgets[scope["platform"]]
        scope["per_day"] = scope["per_day"] or budget.per_day
        scope["per_second"] = scope["per_second"] or budget.pace
        scope["used_in_all"] = sum(scope["used"].values())
        scope["free"] = None if scope["per_day"] is None else max(0, scope["per_day"] - scope["used_in_all"])
    for work in facts["waiting"]:
        work["done_at"] = _done_at(facts, work, budgets[work["platform"]])
    return facts


def wait_for(facts: Mapping[str, Any], calls: int, platform: str, budget: Budget) -> timedelta:
    """How long so many calls of backfills take, from now on.

    Of a budget that all tenants share, what the day still has goes first, then a share of each day. The second's limit
    is the other bound.
    """
    scopes = [scope for scope in facts["scopes"] if scope["platform"] == platform]
    scope = scopes[0] if budget.shared_by == "app" and len(scopes) == 1 else None
    pace = ((scope and scope["per_second"]) or budget.pace or 1e9) * (1 - budget.safety_margin)
    waits = timedelta(seconds=calls / pace)
    per_day = (scope and scope["per_day"]) or budget.per_day
    if per_day is None or budget.shared_by != "app":
        return waits
    share = int(per_day * budget.backfill_share)
    used = scope["used"] if scope else {"backfill": 0}
    today = min(max(0, share - used["backfill"]), max(0, per_day - sum(used.values())))
    days, rest = divmod(max(0, calls - today), max(1, share))
    return max(waits, timedelta(days=days + (rest > 0)) if calls > today else timedelta())


def _done_at(facts: Mapping[str, Any], work: Mapping[str, Any], budget: Budget) -> str | None:
    """When the backfills of a platform will have made their calls; None where that cannot be known."""
    scopes = [scope for scope in facts["scopes"] if scope["platform"] == work["platform"]]
    if budget.shared_by != "app" or len(scopes) != 1 or work["calls_left"] is None or scopes[0]["per_day"] is None:
        return None
    now = datetime.fromisoformat(facts["now"])
    return (now + wait_for(facts, work["calls_left"], work["platform"], budget)).isoformat()


def table(facts: Mapping[str, Any]) -> RenderableType:
    """The facts as a person reads them."""
    if not facts["scopes"]:
        return Text("No call was ever made.")
    parts: list[RenderableType] = [_scopes(facts)]
    now = datetime.fromisoformat(facts["now"])
    for scope in facts["scopes"]:
        if scope["blocked_until"]:
            parts.append(
                Text(f"{scope['scope']} is held until {_clock(scope['blocked_until'])}: {scope['blocked_reason']}")
            )
        if scope["frees"]:
            soon = ", ".join(f"{free['calls']} at {_clock(free['at'])}" for free in scope["frees"][:4])
            parts.append(Text(f"{scope['scope']} frees {soon}"))
    parts += [Text(_work(work, now)) for work in facts["waiting"]]
    if facts["tenants"]:
        parts.append(_tenants(facts))
    return Group(*parts)


def _scopes(facts: Mapping[str, Any]) -> Table:
    """What is nothing everywhere has no column: eighty columns hold what there is to see."""
    columns: dict[str, list[str]] = {
        "scope": [scope["scope"] for scope in facts["scopes"]],
        **{name: [f"{scope['used'][name]:,}" for scope in facts["scopes"]] for name in _CLASSES},
        "reserved": [f"{sum(block['calls'] for block in scope['reserved']):,}" for scope in facts["scopes"]],
        "used": [f"{scope['used_in_all']:,}" for scope in facts["scopes"]],
        "a day": ["-" if scope["per_day"] is None else f"{scope['per_day']:,}" for scope in facts["scopes"]],
        "would refuse": [f"{scope['would_refuse']:,}" for scope in facts["scopes"]],
    }
    filled = {name: cells for name, cells in columns.items() if name in _ALWAYS or set(cells) != {"0"}}
    shown = _table(*filled)
    for row in zip(*filled.values(), strict=True):
        shown.add_row(*row)
    return shown


def _tenants(facts: Mapping[str, Any]) -> Table:
    shown = _table("tenant", "platform", "class", "calls in 24 h")
    for tenant in facts["tenants"][:20]:
        shown.add_row(tenant["user_id"], tenant["platform"], tenant["class"], str(tenant["calls"]))
    return shown


def _work(work: Mapping[str, Any], now: datetime) -> str:
    jobs = "job" if work["jobs"] == 1 else "jobs"
    shops = f" of {work['shops']} shops" if work["shops"] > 1 else ""
    line = f"{work['platform']}: {work['jobs']} backfill {jobs}{shops} open, {work['parked']} parked"
    if work["calls_left"] is not None:
        line += f", about {work['calls_left']} calls to go"
    if work["jobs_unknown"]:
        line += f", {work['jobs_unknown']} not far enough to tell"
    if work["done_at"]:
        days = (datetime.fromisoformat(work["done_at"]) - now).total_seconds() / 86400
        line += f"; done in about {days:.1f} days" if days >= 1 else f"; done about {_clock(work['done_at'])}"
    return line


def _table(*columns: str) -> Table:
    shown = Table(box=None, pad_edge=False)
    for column in columns:
        is_name = column in ("scope", "tenant", "platform", "class")
        shown.add_column(column, justify="left" if is_name else "right", overflow="fold" if is_name else "ellipsis")
    return shown


def _clock(moment: str) -> str:
    return moment_text(datetime.fromisoformat(moment))
