"""Shopify's refusals: a passing one costs nothing, and a real one is believed at its second saying."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.standins.shopify import COMPLETE, Shopify
from tests.standins.stand_in import Shop
from tests.worlds.world import World

WorldOf = Callable[[Shop], World]
OWN = {
    403: {"errors": "[API] This action requires merchant approval for read_orders scope."},
    404: {"errors": "Not Found"},
    401: {"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"},
    400: {"errors": {"query": ["no"]}},
}


@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize("body", ["", "<html>Attention required! | Firewall</html>"])
def test_a_firewalls_page_ends_nothing(shopify: Shopify, world_of: WorldOf, status: int, body: str) -> None:
    world = world_of(shopify.shop())
    shopify.fault("status", path="graphql", status=status, body=body, times=1)

    world.run()

    assert world.statuses() == COMPLETE
    assert world.wrong() == []


@pytest.mark.parametrize("status", OWN)
def test_what_shopify_itself_says_once_ends_nothing(shopify: Shopify, world_of: WorldOf, status: int) -> None:
    world = world_of(shopify.shop())
    shopify.fault("status", path="graphql", status=status, body=OWN[status], times=1)

    world.run()

    assert world.statuses() == COMPLETE
    assert world.wrong("orders") == []


def test_refunds_that_are_null_once_are_asked_for_again(shopify: Shopify, world_of: WorldOf) -> None:
    """`nodes` shows null for what is gone, and once for what is only away: the second answer counts."""
    world = world_of(shopify.shop(60))
    body = {"data": {"nodes": [None]}}
    shopify.fault("status", path="graphql", status=200, body=body, nth=3, times=1)
    waits: list[str] = []
    world.after_slice = lambda _: waits.append(str(world.job("orders")["park_reason"]))

    world.run("orders")

    assert any("refunds: " in reason and "said to be gone" in reason for reason in waits)
    assert world.statuses() == {"orders": "completed"}
    assert world.wrong("orders", "order_refunds", "order_refund_lines") == []
    assert world.stored("order_refunds")
