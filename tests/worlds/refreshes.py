"""Full refreshes, when a test wants them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from execution import full_refresh, operations
from tests.worlds.world import ConnectedShop, World


def begin_refresh(shop: ConnectedShop) -> str:
    """Queue one of this shop, by its own name. Its run."""
    name = shop_name(shop)
    started = operations.start_full_refresh(
        shop.world.app,
        user_id=shop.world.user_id,
        platform=shop.platform,
        shop_id=shop.shop.id,
        confirm=name,
        dry_run=False,
    )
    assert started["outcome"] == "queued"
    run_id: str = started["run_id"]
    return run_id


def refresh(shop: ConnectedShop) -> str:
    """One of this shop, worked to its proof, swapped in and swept up. Its run."""
    run_id = begin_refresh(shop)
    shop.world.drain()
    settle(shop.world)
    return run_id


def settle(world: World) -> None:
    """What the clock does: what is proven is swapped in, and shadows go."""
    full_refresh.swap_proven(world.app.store)
    while world.app.store.rpc("finish_work", p_name="drop_shadows"):
        pass


def state_of(world: World, run_id: str) -> Mapping[str, Any]:
    (row,) = world.rows("select * from private.full_refreshes where id = %s", run_id)
    return row


def shop_name(shop: ConnectedShop) -> str:
    (row,) = shop.world.rows(
        "select coalesce(nullif(shop_name, ''), shop_id) as name from public.connected_accounts where id = %s",
        shop.connection_id,
    )
    name: str = row["name"]
    return name


def in_shadows(world: World) -> dict[str, int]:
    """How many rows each table holds that are nobody's."""
    found = {}
    for (name,) in world.db.execute("select name from private.of_connections").fetchall():
        (count,) = world.db.execute(
            f"select count(*) from {name} where connection_id in (select shadow_id from private.full_refreshes)"
        ).fetchone()
        found[name] = count
    return {name: count for name, count in found.items() if count}
