"""Full refreshes as people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from execution.reports import estimates, progress

Facts = Mapping[str, Any]

_STANDS: Mapping[str, str] = {
    "reading": "is being read; nothing has changed yet",
    "swapped": "swapped in",
    "failed": "failed, and has changed nothing",
    "cancelled": "cancelled, and has changed nothing",
}
_SWAPS = (
    "Rows that differ would be swapped in at once, and what is gone at the source marked so, unless it were very much: "
    "then you are asked (`keeper deletions`). `keeper rollback` takes it back."
)


def started(facts: Facts) -> str:
    """What was begun."""
    if facts["outcome"] == "already_running":
        return f"Run {facts['run_id']} of {facts['shop_name']} is open already. See `keeper refresh status`."
    queued = ", ".join(job["entity"] for job in facts["jobs"] if job["outcome"] == "queued")
    return (
        f"Run {facts['run_id']}: {facts['shop_name']} is read anew ({queued}){_left_out(facts)}.\n"
        "Until all of it is proven nothing changes. See `keeper refresh status`."
    )


def planned(facts: Facts) -> str:
    """What a start would do."""
    rows = ", ".join(f"{count:,} {table}" for table, count in facts["rows"].items() if count)
    what = f"{facts['shop_name']} would be read anew beside what is here ({rows or 'nothing yet'}){_left_out(facts)}."
    lines = [what, _SWAPS]
    if facts["outcome"] == "already_running":
        lines.append(f"Run {facts['run_id']} is open already.")
    return "\n".join([*lines, estimates.as_text(facts["estimate"])])


def as_table(found: Sequence[Facts], now: datetime) -> RenderableType:
    """How each stands: its entities with bars while it is read, and what it did."""
    if not found:
        return Text("No full refresh was started. Run `keeper refresh start`.")
    parts: list[RenderableType] = []
    for one in found:
        if one["status"] == "reading":
            parts.append(progress.status_table({"connections": [one], "jobs": one["jobs"], "failures": []}, now))
        parts.append(Text(_line(one)))
    return Group(*parts)


def _left_out(facts: Facts) -> str:
    left = [job["entity"] for job in facts["jobs"] if job["outcome"] == "not_loaded"]
    return f"; not {', '.join(left)}, which was never loaded" if left else ""


def _line(one: Facts) -> str:
    line = f"{one['platform']} shop {one['shop_name'] or one['shop_id']}, run {one['run_id']}: {_STANDS[one['status']]}"
    if one["error"]:
        return f"{line}: {one['error']}"
    if one["result"] is None:
        return f"{line}."
    changed = [
        f"{table} {counts['created']} created, {counts['changed']} changed, {counts['deleted']} deleted"
        for table, counts in sorted(one["result"]["tables"].items())
    ]
    line = f"{line}: {'; '.join(changed) or 'nothing differed'}."
    if held := one["result"]["held_back"]:
        line += f" {held} that seem to be gone are held back: see `keeper deletions list`."
    return f"{line} `keeper rollback {one['run_id']}` takes it back." if changed else line
