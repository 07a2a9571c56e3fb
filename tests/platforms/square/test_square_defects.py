"""Lists that lie: what is called complete is, and where something is missing the entity says so, by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.standins.square import Square
from tests.standins.stand_in import Row, Shop
from tests.worlds.world import World

WorldOf = Callable[..., World]
TABLES = {
    "orders": ("orders",),
    "payments": ("order_payments",),
    "refunds": ("payment_refunds",),
    "payouts": ("payouts",),
    "customers": ("customers",),
    "variants": ("catalog_variations",),
    "loyalty_accounts": ("loyalty_accounts",),
    "team_members": ("team_members",),
    "bookings": ("bookings",),
}
BEFORE = {
    "orders": ("locations",),
    "payments": ("locations", "orders"),
    "refunds": ("locations", "orders", "payments"),
    "payouts": ("locations",),
    "variants": ("categories", "listings"),
}
PATHS = {
    "orders": "/v2/orders/search",
    "payments": "/v2/payments",
    "refunds": "/v2/refunds",
    "payouts": "/v2/payouts",
    "customers": "/v2/customers/search",
    "variants": "/v2/catalog/search",
    "loyalty_accounts": "/v2/loyalty/accounts/search",
    "team_members": "/v2/team-members/search",
    "bookings": "/v2/bookings",
}
OTHERS = pytest.mark.has_sister
# Found: the entity fails. Healed: its tables equal the source all the same.
FOUND = [
    ("drop_page", "payments", {}),
    ("page_cap", "payments", {}),
    ("default_window", "payments", {}),
    ("main_location", "payments", {}),
    ("drop_page", "customers", {}),
    ("narrow_window", "customers", {"seconds": 200 * 86_400, "bound": "start"}),
    ("default_window", "customers", {}),
    ("page_cap", "payouts", {}),
    ("short_page", "team_members", {"by": 3}),
    ("short_page", "loyalty_accounts", {"by": 3}),
    ("endless", "loyalty_accounts", {}),
    ("page_cap", "variants", {}),
    ("default_window", "refunds", {}),
    pytest.param("page_cap", "customers", {}, marks=OTHERS),
    pytest.param("short_page", "payments", {"by": 3}, marks=OTHERS),
    pytest.param("narrow_window", "payments", {"seconds": 3 * 86_400, "bound": "start"}, marks=OTHERS),
    pytest.param("short_page", "payouts", {"by": 3}, marks=OTHERS),
    pytest.param("drop_page", "variants", {}, marks=OTHERS),
    pytest.param("short_page", "variants", {"by": 3}, marks=OTHERS),
    pytest.param("default_window", "variants", {}, marks=OTHERS),
    pytest.param("short_page", "refunds", {"by": 3}, marks=OTHERS),
    pytest.param("main_location", "refunds", {}, marks=OTHERS),
    pytest.param("repeat_page", "payments", {}, marks=OTHERS),
    pytest.param("repeat_page", "customers", {}, marks=OTHERS),
    pytest.param("repeat_page", "loyalty_accounts", {}, marks=OTHERS),
    pytest.param("empty_page", "customers", {}, marks=OTHERS),
    pytest.param("endless", "payments", {}, marks=OTHERS),
    pytest.param("endless", "customers", {}, marks=OTHERS),
]
HEALED = [
    ("reversed_page", "payments", {}),
    ("dead_cursor", "payments", {}),
    ("narrow_window", "bookings", {}),
    ("short_page", "customers", {"by": 3}),
    pytest.param("reversed_page", "customers", {}, marks=OTHERS),
    pytest.param("dead_cursor", "customers", {}, marks=OTHERS),
]


@pytest.fixture(scope="module")
def salon(square_process: Square) -> Shop:
    """Several pages of each list, over several years and places."""
    fields = {"kind": "salon", "locations": 2, "years": 2, "variations": 120, "bookings": 60, "payout_days": 2}
    return square_process.shop(420, **fields)


@pytest.fixture
def misled(square: Square, world_of: WorldOf, salon: Shop) -> Callable[[str, str, Row], World]:
    """A world whose platform lies about one list, all the time."""

    def run(fault: str, entity: str, more: Row) -> World:
        square.settings(catalog_page=50)
        world = world_of(square.again(salon))
        if before := BEFORE.get(entity):
            world.run(*before)
        square.fault(fault, path=PATHS[entity], times=10**6, **more)
        world.run(entity)
        return world

    return run


@pytest.mark.parametrize(("fault", "entity", "more"), FOUND)
def test_a_list_that_lies_is_not_called_complete(misled, fault: str, entity: str, more: Row) -> None:
    world = misled(fault, entity, more)

    status, code, _ = world.error(entity)
    assert (status, code) in {("failed", "not_shown"), ("failed", "incomplete")}, world.wrong(*TABLES[entity])[:3]
    # By its own name, or by its list's.
    assert world.job(entity)["error"].split(" ")[0].rstrip(":") in {entity, {"variants": "variations"}.get(entity)}


@pytest.mark.parametrize(("fault", "entity", "more"), HEALED)
def test_what_only_looks_odd_is_read_all_the_same(misled, fault: str, entity: str, more: Row) -> None:
    world = misled(fault, entity, more)

    assert world.error(entity)[0] == "completed"
    assert world.wrong(*TABLES[entity]) == []


def test_orders_that_a_search_hid_are_read_again(square: Square, world_of: WorldOf, salon: Shop) -> None:
    """A place was left out: the payments name orders that nobody was shown. They are asked for by id, the orders are
    doubted, and the next start reads them anew.
    """
    world = world_of(square.again(salon))
    square.fault("main_location", path=PATHS["orders"], times=10**6)
    world.run("locations", "orders")
    assert world.error("orders")[0] == "completed"

    world.run("payments")

    assert world.error("payments")[:2] == ("failed", "source_incomplete")
    assert "orders" in world.error("payments")[2]
    square.control("DELETE", "/faults")
    world.run("orders", "payments")
    assert {world.error(entity)[0] for entity in ("orders", "payments")} == {"completed"}
    assert world.wrong("orders", "order_payments") == []


def test_a_group_of_locations_that_was_not_read_is_missed(square: Square, world_of: WorldOf) -> None:
    """Twelve places are two searches. The audit says which groups were asked for."""
    world = world_of(square.shop(60, locations=12))
    world.run("locations", "orders")
    assert world.wrong("orders") == []
    told = (
        "select private.prove_square_order_locations(j, '', null) from public.sync_jobs as j where j.entity = 'orders'"
    )
    assert world.db.execute(told).fetchone()[0]["ok"]

    world.db.execute("update public.sync_pages set part = 0 where stream = 'orders'")

    proof = world.db.execute(told).fetchone()[0]
    assert (proof["ok"], proof["counts"]) == (False, {"locations": 12, "groups": 2, "groups_read": 1})


def test_a_payout_that_its_entries_do_not_come_to_is_found(square: Square, world_of: WorldOf) -> None:
    world = world_of(square.shop(30, locations=1, payout_days=31))
    world.run("locations", "payouts")
    square.fault("short_page", path="payout-entries", times=10**6, by=1)

    world.run("payout_entries")

    status, code, _ = world.error("payout_entries")
    assert (status, code) == ("failed", "incomplete")
    assert "payout_entries does not hold" in world.job("payout_entries")["error"]
