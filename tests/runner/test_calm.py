"""Calm runs: whatever the shop, every table equals the source, and the calls are what was promised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.standins.etsy import Etsy
from tests.standins.stand_in import Shop
from tests.worlds.world import World

WorldOf = Callable[[Shop], World]
ALL_COMPLETE = dict.fromkeys(("orders", "listings", "payments", "customers"), "completed")


@pytest.mark.parametrize(
    ("currency", "payout"), [("USD", "USD"), ("JPY", "JPY"), ("EUR", "USD"), ("GBP", "EUR"), ("JPY", "USD")]
)
def test_every_table_equals_the_source_in_every_pair_of_currencies(
    etsy: Etsy, world_of: WorldOf, currency: str, payout: str
) -> None:
    world = world_of(etsy.shop(120, currency=currency, payout_currency=payout))

    world.run()

    assert world.statuses() == ALL_COMPLETE
    assert world.wrong() == []


@pytest.mark.parametrize("orders", [0, 1, 2, 99, 100, 101, 199, 200])
def test_shops_around_the_edges_of_a_page_equal_the_source(etsy: Etsy, world_of: WorldOf, orders: int) -> None:
    world = world_of(shop_with_paid(etsy, orders))

    world.run()

    assert world.statuses() == ALL_COMPLETE
    assert world.wrong() == []
    assert world.certificate("orders")["distinct_keys"] == orders


def test_ten_thousand_orders_cost_at_most_102_calls(etsy: Etsy, world_of: WorldOf) -> None:
    world = world_of(shop_with_paid(etsy, 10_000))

    world.run("orders")

    calls = etsy.asked(world.shop, "receipts$", pages_only=False)
    assert len(calls) <= 102
    assert world.job("orders")["status"] == "completed"
    assert world.certificate("orders")["distinct_keys"] == 10_000
    assert world.wrong("orders", "line_items", "order_refunds", "order_fulfillments", "customers") == []


@pytest.mark.has_sister
def test_a_window_above_ten_thousand_is_halved_and_equals_the_source(etsy: Etsy, world_of: WorldOf) -> None:
    world = world_of(etsy.shop(12_500, listings=5))

    world.run("orders")

    assert world.job("orders")["status"] == "completed"
    assert len(windows(world)) > 1
    assert world.wrong("orders", "line_items", "order_refunds", "order_fulfillments", "customers") == []
    assert max(int(offset(r)) for r in etsy.asked(world.shop, "receipts$")) <= 12_000


def test_a_second_backfill_of_an_unchanged_shop_writes_no_row(etsy: Etsy, world_of: WorldOf) -> None:
    world = world_of(etsy.shop(130))
    world.run()
    before = {table: versions(world, table) for table in ("orders", "line_items", "listings", "payments", "customers")}

    world.run(again=True)

    assert {table: versions(world, table) for table in before} == before
    assert world.wrong() == []


def shop_with_paid(etsy: Etsy, paid: int) -> Shop:
    """A shop with exactly so many paid receipts: those are what a backfill reads."""
    shop = etsy.shop(paid, listings=7)
    at = shop.facts["created_timestamp"] + 40 * 86_400
    while (missing := paid - len(etsy.truth(shop, "receipts", paid="true"))) > 0:
        etsy.mutate(shop, "new_order", at=at, count=missing)
    return shop


def windows(world: World) -> set[Any]:
    rows = world.rows("select distinct window_start from public.sync_pages where user_id = %s", world.user_id)
    return {row["window_start"] for row in rows}


def offset(request: dict[str, Any]) -> str:
    return dict(pair.split("=") for pair in request["query"].split("&"))["offset"]


def versions(world: World, table: str) -> list[Any]:
    return world.rows(
        f"select platform_id, xmin::text, ctid::text from public.{table} where user_id = %s order by platform_id",
        world.user_id,
    )
