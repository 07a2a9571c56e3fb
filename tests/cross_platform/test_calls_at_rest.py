"""What a round costs: of a shop at rest one call and no row, on every platform; of a refund no more than it must."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import sql

from execution.app import App
from tests.standins.etsy import Etsy
from tests.standins.printify import Printify
from tests.standins.shopify import Shopify
from tests.standins.stand_in import Shop, StandIn
from tests.worlds.rounds import a_while_ago, come_due, round_of
from tests.worlds.world import World, make_world

# What comes due as often as the dearest plan is promised, and what could come due with it.
ENTITIES = {"etsy": ("payments",), "printify": ("orders",), "shopify": ("orders", "listings", "customers")}


@pytest.fixture
def at_rest(
    app: App, db: psycopg.Connection[Any], etsy: Etsy, printify: Printify, shopify: Shopify
) -> Callable[[str], World]:
    """A shop of this platform after its backfill, and after its first round."""

    def made(platform: str) -> World:
        of: dict[str, tuple[StandIn, Shop]] = {
            "etsy": (etsy, etsy.shop(20, listings=6)),
            "printify": (printify, printify.shop(15)),
            "shopify": (shopify, shopify.shop(15, products=4)),
        }
        world = make_world(app, db, of[platform])
        world.run()
        round_of(world)
        return world

    return made


def calls(world: World) -> int:
    """Of any kind, by anybody."""
    return len(world.only.stand_in.ledger())


def written(world: World) -> dict[str, Any]:
    """Every row's place and the transaction that wrote it: an update that changes nothing moves both."""
    tables = [name for (name,) in world.db.execute("select name from private.synced_tables").fetchall()]
    query = "select md5(string_agg(ctid::text || xmin::text, ',' order by ctid)) from public.{}"
    return {name: world.db.execute(sql.SQL(query).format(sql.Identifier(name))).fetchone() for name in tables}


@pytest.mark.parametrize("platform", ENTITIES)
def test_a_shop_at_rest_costs_one_call_a_round_and_writes_no_row(
    at_rest: Callable[[str], World], platform: str
) -> None:
    """One call speaks for all that has come due."""
    world = at_rest(platform)
    before = written(world)

    for _ in range(3):
        asked = calls(world)
        come_due(world, *ENTITIES[platform])
        assert calls(world) - asked == 1

    assert set(world.statuses().values()) == {"completed"}
    assert written(world) == before


def test_a_refund_at_etsy_costs_three_calls_and_is_here_within_one_round(at_rest: Callable[[str], World]) -> None:
    world = at_rest("etsy")
    receipt = int(max(world.stored("orders"), key=int))
    world.only.stand_in.mutate(world.shop, "refund_order", receipt_id=receipt, at=a_while_ago())
    asked = calls(world)

    come_due(world, "payments")

    assert calls(world) - asked <= 3
    assert len(world.stored("order_refunds")) > 0
    assert world.wrong("orders", "order_refunds", "payments") == []
