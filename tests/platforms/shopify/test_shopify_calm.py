"""Calm runs: every table equals the source, in a number of calls that the sizes of pages allow."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from execution.http.messages import Request, Response, Send
from execution.jobs import OPEN
from tests.standins.shopify import COMPLETE, TABLES, Shopify
from tests.standins.stand_in import Shop
from tests.worlds.slices_by_hand import work_due
from tests.worlds.world import World

WorldOf = Callable[[Shop], World]


@pytest.mark.parametrize("currency", ["USD", "JPY"])
def test_every_table_equals_the_source(shopify: Shopify, world_of: WorldOf, currency: str) -> None:
    """Orders with lines, transactions, fulfillments, refunds and their lines; products, variants, customers."""
    world = world_of(shopify.shop(420, currency=currency))

    world.run()

    assert world.statuses() == COMPLETE
    assert world.wrong() == []


@pytest.mark.parametrize("orders", [0, 250, 251])
def test_shops_around_the_edges_of_a_page_equal_the_source(shopify: Shopify, world_of: WorldOf, orders: int) -> None:
    world = world_of(shopify.shop(orders, products=4))

    world.run("orders", "customers")

    assert set(world.statuses().values()) == {"completed"}
    assert world.wrong("orders", "line_items", "order_refunds", "order_refund_lines", "customers") == []
    assert world.certificate("orders")["distinct_keys"] == orders


def test_no_end_of_a_connection_is_an_end(shopify: Shopify, world_of: WorldOf) -> None:
    """A connection stops at 25,000 objects; here at 300 already, without a word. Ids go on where cursors end."""
    shopify.settings(most_paged=300, past_most_paged="stop")
    world = world_of(shopify.shop(900, products=4))

    world.run("orders")

    assert world.statuses() == {"orders": "completed"}
    assert world.wrong("orders", "line_items") == []


def test_a_shop_that_is_read_again_costs_no_write(shopify: Shopify, world_of: WorldOf) -> None:
    world = world_of(shopify.shop(120, products=6))
    world.run()
    before = _stored(world)

    world.run(again=True)

    assert world.statuses() == COMPLETE
    assert _stored(world) == before
    assert len(before["order_journals"]) > 100


def _stored(world: World) -> dict[str, Any]:
    """All rows, but journals that are longer than a page shows: of those the page's piece lands before what follows."""
    found = {table: world.stored(table) for table in TABLES}
    found["order_journals"] = {key: row for key, row in found["order_journals"].items() if "asked" not in row["raw"]}
    return found


def test_an_order_with_hundreds_of_lines_is_never_cut(shopify: Shopify, world_of: WorldOf) -> None:
    """A page shows a hundred lines of an order: the others are asked for, up to the last."""
    shop = shopify.shop(5, products=9)
    for lines in (99, 100, 101, 250, 251, 420):
        shopify.mutate(shop, "new_order", lines=lines, at=shop.facts["ends_at"])
    world = world_of(shop)

    world.run("orders")

    assert world.statuses() == {"orders": "completed"}
    assert world.wrong("orders", "line_items") == []


@pytest.mark.parametrize("lines", [500, 501, 600, 1_000])
def test_a_nested_list_is_read_to_its_end_by_its_own_cursor(shopify: Shopify, world_of: WorldOf, lines: int) -> None:
    """Lines of an order and of its refund, stretch by stretch, and the same again at a second reading."""
    shop = shopify.shop(3, products=9)
    made = shopify.mutate(shop, "new_order", lines=lines, at=shop.facts["ends_at"])
    shopify.mutate(shop, "refund_order", order_id=made["result"]["order_id"], at=shop.facts["ends_at"])
    shopify.mutate(shop, "new_order", lines=lines + 1, at=shop.facts["ends_at"])
    world = world_of(shop)

    world.run("orders")
    first = world.statuses(), world.wrong("orders", "line_items", "order_refunds", "order_refund_lines")
    world.run("orders", again=True)

    assert first == ({"orders": "completed"}, [])
    assert world.statuses() == {"orders": "completed"}
    assert world.wrong("orders", "line_items", "order_refunds", "order_refund_lines") == []


def test_a_stretch_that_shows_no_end_is_not_called_complete(shopify: Shopify, world_of: WorldOf) -> None:
    """The order goes between its first lines and the next: that is no loop, and no certificate."""
    shop = shopify.shop(2, products=9)
    shopify.mutate(shop, "new_order", lines=520, at=shop.facts["ends_at"])
    world = world_of(shop)
    world.start("orders")

    def without(send: Send, request: Request) -> Response:
        response = send(request)
        if b"KeeperStretch" not in (request.body or b""):
            return response
        return replace(response, body=b'{"data":{"nodes":[null]}}')

    # It is asked for twice in each of the readings, and read again after each wait.
    for _ in range(100):
        work_due(world, without)
        if not world.jobs(*OPEN):
            break
        world.wake()

    assert world.error("orders")[:2] == ("failed", "incomplete")
    assert "orders_cut" in world.job("orders")["error"]


@pytest.mark.parametrize("named", [True, False], ids=["by their ids", "without ids"])
def test_lines_of_a_refund_that_take_back_the_same_item_are_rows_of_their_own(
    shopify: Shopify, world_of: WorldOf, *, named: bool
) -> None:
    """Also in different stretches of the list, and where the platform gives such lines no id (section 5)."""
    shop = shopify.shop(2, products=4)
    made = shopify.mutate(shop, "new_order", lines=2, at=shop.facts["ends_at"])
    lines = [[number % 2, 0 if number else 1] for number in range(520)]
    shopify.mutate(shop, "refund_order", order_id=made["result"]["order_id"], lines=lines, at=shop.facts["ends_at"])
    world = world_of(shop)

    def through(send: Send, request: Request) -> Response:
        response = send(request)
        body = re.sub(rb'"gid://shopify/RefundLineItem/[^"]*"', b"null", response.body)
        return response if named else replace(response, body=body)

    for again in (False, True):
        world.start("orders", again=again)
        for _ in range(12):
            work_due(world, through)
            world.wake()

        assert world.statuses() == {"orders": "completed"}
        refunds = shopify.truth(shop, "refunds")
        assert len(world.stored("order_refund_lines")) == sum(len(refund["lines"]) for refund in refunds)
    assert not named or world.wrong("order_refunds", "order_refund_lines") == []


def test_a_refund_of_hundreds_of_lines_is_never_cut(shopify: Shopify, world_of: WorldOf) -> None:
    """More lines than a page shows, taken back all at once."""
    shop = shopify.shop(3, products=9)
    made = shopify.mutate(shop, "new_order", lines=300, at=shop.facts["ends_at"])
    shopify.mutate(shop, "refund_order", order_id=made["result"]["order_id"], at=shop.facts["ends_at"])
    world = world_of(shop)

    world.run("orders")

    assert world.statuses() == {"orders": "completed"}
    assert len(world.stored("order_refund_lines")) >= 250
    assert world.wrong("order_refunds", "order_refund_lines") == []
