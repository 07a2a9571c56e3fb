"""All of a user's rows before and after a run that is taken back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.worlds.world import World

Tables = Mapping[str, Any]


def tenant(world: World) -> Tables:
    """All of the user's rows that a run may change, table by table: of records, and of what is derived from them."""
    names = [
        name for (name,) in world.db.execute("select 'public.' || s.name from private.synced_tables as s").fetchall()
    ]
    found = {}
    for name in [*names, "public.order_costs", "private.cost_links"]:
        rows = world.rows(f"select to_jsonb(t) as row from {name} as t where user_id = %s", world.user_id)
        found[name] = sorted((row["row"] for row in rows), key=str)
    return found


def differing(before: Tables, after: Tables) -> list[str]:
    """The rows that are not the same, a line each: which, and what was and is in the columns that differ."""
    found = []
    for name in before:
        was, is_now = ({_key(row): row for row in rows} for rows in (before[name], after[name]))
        for key in sorted(was.keys() | is_now.keys()):
            old, new = was.get(key, {}), is_now.get(key, {})
            if old != new:
                columns = [column for column in {**old, **new} if old.get(column) != new.get(column)]
                found.append(f"{name} {key}: {[(c, old.get(c), new.get(c)) for c in columns[:4]]}"[:500])
    return found[:10]


def _key(row: Mapping[str, Any]) -> str:
    return " ".join(str(row.get(name)) for name in ("connection_id", "platform_id", "source_id", "order_platform_id"))


def roll_back(world: World, *run_ids: str, **more: Any) -> list[dict[str, Any]]:
    return [world.app.store.rpc("roll_back", p_run_id=run_id, **more) for run_id in run_ids]
