"""Runs as people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from execution.connections.choice import origins
from execution.runs import KEPT_WORDS
from execution.terminal import moment_text

Facts = Mapping[str, Any]


def listed(found: Sequence[Facts]) -> str:
    """Two lines each, the newest first: a table of them would be wider than a terminal."""
    origin = origins(found)
    lines = []
    for run in found:
        counts = ", ".join(f"{_sum(run, what)} {what}" for what in ("created", "changed", "deleted"))
        entities = f" ({', '.join(run['entities'])})" if run["entities"] else ""
        until, begun = _undoable(run), moment_text(datetime.fromisoformat(run["created_at"]))
        lines += [
            f"{run['run_id']}  {origin(run)}  {_kind(run)}{entities}: {run['state']}",
            f"    {begun}; {counts}; {run['calls']} calls; undo: {until}",
        ]
    return "\n".join(lines) or "No runs."


def as_text(run: Facts) -> str:
    """All that is known of one run, a fact a line."""
    lines = [
        f"{_kind(run)} of {run['platform']} shop {run['shop_name'] or run['shop_id']} ({', '.join(run['entities'])})",
        f"run {run['run_id']}, begun by {run['trigger']} {moment_text(datetime.fromisoformat(run['created_at']))}",
        f"{run['state']}, {run['calls']} calls",
    ]
    lines += [
        f"{name}: {counts['created']} created, {counts['changed']} changed, {counts['deleted']} deleted"
        for name, counts in sorted(run["tables"].items())
    ] or ["It changed no rows."]
    lines += [f"takes back {other}" for other in run["undoes"]]
    if run["undone_by"]:
        lines.append(f"taken back by {run['undone_by']}")
    lines.append(f"Can be undone: {_undoable(run)}")
    return "\n".join(lines)


def rolled_back(told: Facts) -> str:
    """What a rollback did, or would do."""
    does = "Would take" if told["dry_run"] else "Took"
    lines = [
        f"{does} back {len(told['undone'])} run{'s' if len(told['undone']) > 1 else ''}: {', '.join(told['undone'])}."
    ]
    lines += [
        f"{name}: {counts['removed']} rows removed, {counts['restored']} as they were before"
        for name, counts in sorted(told["tables"].items())
    ] or ["No rows change."]
    if told["entities"]:
        lines.append(f"Read again by their next rounds, or loaded again: {', '.join(told['entities'])}.")
    if told["dry_run"] and len(told["undone"]) == 1 and told["later"]:
        lines.append(
            f"Refused as it is: later runs changed the same rows ({', '.join(told['later'])}); see --with-later."
        )
    if not told["dry_run"]:
        lines.append(f"`keeper rollback {told['run_id']}` takes this back.")
    return "\n".join(lines)


def _kind(run: Facts) -> str:
    return "named by webhooks" if run["kind"] == "changes" else str(run["kind"])


def _sum(run: Facts, what: str) -> int:
    return sum(counts[what] for counts in run["tables"].values())


def _undoable(run: Facts) -> str:
    if run["kept_because"] is not None:
        return KEPT_WORDS[run["kept_because"]]
    return f"until {moment_text(datetime.fromisoformat(run['undo_until']))}"
