"""Rounds of a Square shop: what changed since the last one is here, and one at rest costs little and writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from psycopg import sql

from tests.standins.square import Square
from tests.worlds.rounds import a_while_ago, make_whole_due, round_of
from tests.worlds.world import World

WorldOf = Callable[..., World]


@pytest.fixture
def world(world_of: WorldOf, square: Square) -> World:
    world = world_of(square.shop(40, kind="salon", locations=2, payout_days=31, bookings=20))
    world.run()
    assert set(world.statuses().values()) == {"completed"}
    return world


def asked(square: Square, world: World) -> Counter[str]:
    return Counter(call["path"] for call in square.asked(world.shop))


def written(world: World) -> dict[str, Any]:
    """Every row's place and the transaction that wrote it."""
    tables = [name for (name,) in world.db.execute("select name from private.synced_tables").fetchall()]
    query = "select md5(string_agg(ctid::text || xmin::text, ',' order by ctid)) from public.{}"
    return {name: world.db.execute(sql.SQL(query).format(sql.Identifier(name))).fetchone() for name in tables}


def test_a_shop_at_rest_is_asked_for_its_orders_alone_and_nothing_is_written(square: Square, world: World) -> None:
    """Which locations there are, and what changed of their orders: two calls."""
    before, calls = written(world), asked(square, world)

    round_of(world, "orders")

    assert world.statuses()["orders"] == "completed", world.error("orders")
    assert asked(square, world) - calls == {"/v2/locations": 1, "/v2/orders/search": 1}
    assert written(world) == before


def test_every_round_of_a_shop_at_rest_writes_nothing(square: Square, world: World) -> None:
    before = written(world)

    round_of(world)

    assert set(world.statuses().values()) == {"completed"}
    assert written(world) == before
    assert world.wrong() == []


def test_a_sale_is_here_with_its_payment_after_one_round(square: Square, world: World) -> None:
    """The orders wake the payments and the refunds."""
    many = len(world.stored("orders"))
    square.mutate(world.shop, "new_order", count=3, at=a_while_ago())

    round_of(world, "orders")

    assert len(world.stored("orders")) == many + 3
    assert world.wrong("orders", "line_items", "tenders", "order_payments") == []


def test_what_is_given_back_is_here_after_one_round(square: Square, world: World) -> None:
    paid = {row["order_platform_id"] for row in world.stored("order_payments").values() if row["gross_amount"]}
    sold = min(key for key, row in world.stored("orders").items() if row["status"] == "completed" and key in paid)
    square.mutate(world.shop, "refund_order", order_id=sold, at=a_while_ago())

    round_of(world, "orders")

    tables = ("orders", "order_returns", "order_return_lines", "order_refunds", "payment_refunds", "order_payments")
    assert world.wrong(*tables) == []
    assert sold in {row["source_order_platform_id"] for row in world.stored("order_returns").values()}


def test_a_fee_that_is_told_later_comes_with_the_payments_round(square: Square, world: World) -> None:
    made = square.mutate(world.shop, "new_order", at=a_while_ago(180))
    round_of(world, "orders")
    (payment,) = [
        k for k, r in world.stored("order_payments").items() if r["order_platform_id"] == made["result"]["order_id"]
    ]
    assert world.stored("order_payments")[payment]["fees_amount"] is None
    square.mutate(world.shop, "processing_fee", payment_id=payment, amount=77, at=a_while_ago(120))

    round_of(world, "payments")

    assert world.stored("order_payments")[payment]["fees_amount"] == 77


@pytest.mark.parametrize(
    ("entity", "kind", "tables"),
    [
        ("customers", "edit_customer", ("customers",)),
        ("customers", "new_customer", ("customers",)),
        ("inventory", "adjust_inventory", ("inventory_counts",)),
        ("bookings", "new_booking", ("bookings", "booking_segments")),
        ("bookings", "cancel_booking", ("bookings",)),
        ("payouts", "new_payout", ("payouts",)),
    ],
)
def test_a_change_is_here_after_a_round_of_its_entity(
    square: Square, world: World, entity: str, kind: str, tables: tuple[str, ...]
) -> None:
    square.mutate(world.shop, kind, at=a_while_ago())

    round_of(world, entity)

    assert world.error(entity)[0] == "completed"
    assert world.wrong(*tables) == []


def test_an_item_that_is_taken_away_is_gone_when_two_readings_miss_it(square: Square, world: World) -> None:
    item = min(world.stored("catalog_items"))
    square.mutate(world.shop, "delete_catalog", object_id=item, at=a_while_ago())

    round_of(world, "listings", "variants")
    assert item in world.stored("catalog_items")
    round_of(world, "listings", "variants")

    assert item not in world.stored("catalog_items")
    assert world.wrong("catalog_items", "catalog_variations", "catalog_location_overrides") == []


def test_the_whole_is_read_again_where_a_rule_says_so(square: Square, world: World) -> None:
    make_whole_due(world)

    round_of(world, "orders", "customers")

    assert world.wrong("orders", "customers") == []
