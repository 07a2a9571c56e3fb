"""What Shopify refuses, holds back or answers wrongly: each is survived, or named to the seller."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from tests.standins.shopify import Shopify
from tests.standins.stand_in import Shop
from tests.worlds.world import World

WorldOf = Callable[[Shop], World]
ORDER_TABLES = ("orders", "line_items", "order_transactions", "order_refunds", "order_refund_lines")


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "throttled", "every": 2, "times": 4},
        {"kind": "internal_error", "every": 3, "times": 3},
        {"kind": "partial_data", "every": 2, "times": 3},
        {"kind": "rate_limit", "which": "calls", "every": 2, "times": 3},
        {"kind": "status", "status": 402, "every": 2, "times": 3},
        {"kind": "redirect", "location": "https://elsewhere.example/", "every": 2, "times": 3},
        {"kind": "short_page", "by": 7, "every": 2, "times": 2},
        {"kind": "empty_page", "every": 2, "times": 2},
        {"kind": "wrong_count", "by": 3, "nth": 1, "times": 1},
        {"kind": "cut", "at_bytes": 900, "every": 2, "times": 2},
    ],
    ids=lambda fault: "-".join(str(fault[name]) for name in ("kind", "status") if name in fault),
)
def test_a_fault_that_passes_leaves_the_tables_equal(
    shopify: Shopify, world_of: WorldOf, fault: dict[str, object]
) -> None:
    """Throttled, in trouble, frozen for a while, lying: whatever it is, in the end every record is there once."""
    world = world_of(shopify.shop(520, products=4))
    shopify.fault(path="graphql", **fault)  # type: ignore[arg-type]

    world.run("orders")

    assert world.statuses() == {"orders": "completed"}
    assert world.wrong(*ORDER_TABLES) == []


def test_pages_that_are_too_dear_are_halved(shopify: Shopify, world_of: WorldOf) -> None:
    """MAX_COST_EXCEEDED: never again as it was; half the size is half as dear, and pages of any size fit together."""
    shopify.settings(points_scale=2.5)
    world = world_of(shopify.shop(520, products=4))

    world.run("orders")

    assert world.statuses() == {"orders": "completed"}
    assert world.wrong(*ORDER_TABLES) == []


def test_a_missing_scope_is_named(shopify: Shopify, world_of: WorldOf) -> None:
    world = world_of(shopify.shop(20, products=4))
    shopify.control("POST", "/tokens/scopes", shop_id=world.shop.number, scopes=["read_all_orders", "read_products"])

    world.run()

    status, code, message = world.error("orders")
    assert (status, code) == ("failed", "right_missing")
    assert "read_orders" in message
    assert world.job("listings")["status"] == "completed"


def test_history_that_we_may_not_see_is_never_called_complete(shopify: Shopify, world_of: WorldOf) -> None:
    """Without read_all_orders older orders are absent without a word: what came is stored, and the seller is told."""
    shop = shopify.shop(
        300,
        years=2,
        products=4,
        scopes=["read_orders", "read_products", "read_customers", "read_inventory", "read_locations"],
    )
    world = world_of(shop)

    world.run("orders")

    status, code, message = world.error("orders")
    assert (status, code) == ("failed", "history_limited")
    assert "60 days" in message
    assert "read_all_orders" in message
    assert 0 < len(world.stored("orders")) < 300


def test_customer_data_without_approval_is_named(shopify: Shopify, world_of: WorldOf) -> None:
    """Protected customer data that Shopify has not approved: the seller reads so, and the rest goes on."""
    shopify.settings(customer_data="denied")
    world = world_of(shopify.shop(20, products=4))

    world.run()

    status, code, _ = world.error("customers")
    assert (status, code) == ("failed", "protected_data")
    assert world.job("listings")["status"] == "completed"


def test_a_version_that_fell_forward_parks_everything_and_fails_nothing(shopify: Shopify, world_of: WorldOf) -> None:
    """Records of another version are not stored; once the version is there again the job goes on by itself."""
    world = world_of(shopify.shop(300, products=4))
    shopify.fault("fall_forward", version="2027-01", path="graphql", nth=3, times=1)
    reasons: list[str] = []
    world.after_slice = lambda _: reasons.append(str(world.job("orders")["park_reason"]))

    world.run("orders")

    assert any("2027-01" in reason for reason in reasons)
    assert world.statuses() == {"orders": "completed"}
    assert world.wrong(*ORDER_TABLES) == []


def test_a_token_that_expires_on_the_way_is_refreshed_once(shopify: Shopify, world_of: WorldOf) -> None:
    """An hour passes in the middle: 401, one refresh, the same call again, nothing lost."""
    world = world_of(shopify.shop(520, products=4))
    shopify.fault("throttled", path="graphql", nth=3, times=1)
    hours = iter([3_700])
    world.after_slice = lambda _: [
        shopify.control("POST", "/clock", advance_seconds=seconds) for seconds in itertools.islice(hours, 1)
    ]

    world.run("orders")

    assert world.statuses() == {"orders": "completed"}
    assert world.wrong(*ORDER_TABLES) == []
    assert len(shopify.refreshes(world.shop)) == 1
