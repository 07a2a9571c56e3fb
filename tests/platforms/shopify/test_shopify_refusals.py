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
