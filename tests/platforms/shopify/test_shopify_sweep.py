"""What a complete read did not show is gone, unless it could not have shown it: what came after the frozen window."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.standins.shopify import Shopify
from tests.standins.stand_in import Shop
from tests.worlds.world import World

WorldOf = Callable[[Shop], World]


@pytest.mark.parametrize(("entity", "kind", "table"), [("listings", "products", "listings"), ("customers",) * 3])
def test_what_came_after_the_window_and_was_read_since_stays(
    shopify: Shopify, world_of: WorldOf, entity: str, kind: str, table: str
) -> None:
    """A webhook named it. Of what came inside the window and is not shown, the read says that it is gone."""
    world = world_of(shopify.shop(30, products=6))
    first, *_, last = sorted(shopify.truth(world.shop, kind), key=lambda record: record["created"])
    world.start(entity)
    world.rows(
        "update public.sync_jobs set window_start = '2001-01-01', window_end = to_timestamp(%s - 0.5) returning 1",
        last["created"],
    )
    notify(world, kind, str(last["id"]), str(first["id"]))
    world.app.runner().work_one()
    planted = (
        f'insert into public.{table} select (t).* from (select jsonb_populate_record(v, \'{{"platform_id": "1"}}\')'
        f" as t from public.{table} as v where platform_id = %s) as planted returning 1"
    )
    world.rows(planted, str(first["id"]))

    # Another run missed all of them before; what is shown is missed no more.
    world.rows(
        "insert into private.missing_records (connection_id, table_name, platform_id, run_id, seen_at)"
        f" select connection_id, %s, platform_id, gen_random_uuid(), clock_timestamp() from public.{table} returning 1",
        table,
    )

    world.drain()

    assert world.statuses() == {"changes": "completed", entity: "completed"}
    assert str(last["id"]) in world.stored(table)
    assert "1" not in world.stored(table)


def notify(world: World, kind: str, *ids: str) -> None:
    """As the web process keeps a webhook."""
    world.app.store.rpc(
        "accept_platform_event",
        p_platform="shopify",
        p_delivery_id=f"{kind} {ids}",
        p_shop_id=world.shop.id,
        p_topic=f"{kind}/update",
        p_effect="read",
        p_kind=kind,
        p_object_ids=ids,
    )
