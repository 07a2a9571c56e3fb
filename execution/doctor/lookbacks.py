"""Whether records come as late as declared: what rounds have learned of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from execution.doctor.lines import Line, not_checked, ok, warning
from execution.errors import KeeperError
from execution.store import Rpc

_NAME = "lookbacks"
_RAISE = (
    "Raise `floor` of its lookback in directives/sync_orchestration.md once you know why; until then rounds follow."
)
_OVER = (
    "Whole readings alone find the last of them: raise `cap` in directives/sync_orchestration.md, at the cost of calls."
)


def of_rounds(store: Rpc) -> Iterator[Line]:
    try:
        found: list[dict[str, Any]] = store.rpc("lookback_facts")
    except KeeperError:
        yield not_checked(_NAME, "the database does not answer")
        return
    late = [one for one in found if one["state"] in ("grown", "over")]
    if not late:
        known = sum(one["state"] == "declared" for one in found)
        yield ok(_NAME, f"as declared; {known} of {len(found)} entities have shown enough records to tell")
    for one in late:
        told = (
            f"the last of a thousand {one['platform']} {one['entity']} comes {_minutes(one['learned_seconds'])} late, "
        )
        told += f"{_minutes(one['floor_seconds'])} are declared, {_minutes(one['used_seconds'])} are looked back"
        yield warning(_NAME, told, _OVER if one["state"] == "over" else _RAISE)


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min"
