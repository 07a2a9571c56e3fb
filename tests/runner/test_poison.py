"""A record that cannot be mapped is kept with its reason and bytes; everything beside it lands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from execution import operations
from execution.platforms.etsy.streams import RECEIPT_RECORDS
from tests.standins.etsy import Etsy
from tests.standins.stand_in import Shop
from tests.worlds.world import World

WorldOf = Callable[[Shop], World]
ORDER_TABLES = ("orders", "line_items", "order_refunds", "order_fulfillments", "customers")
POISONS: dict[str, dict[str, Any]] = {
    "nul": {"flavour": "nul", "field": "payment_method"},
    "nul in a name": {"flavour": "nul", "field": "name"},
    "nul in a line": {"flavour": "nul", "field": "transactions.0.title"},
    "lone surrogate": {"flavour": "lone_surrogate", "field": "payment_method"},
    "overflow": {"flavour": "bigint"},
    "wrong type": {"flavour": "wrong_type", "field": "grandtotal", "value": "12.00"},
    "wrong type of a list": {"flavour": "wrong_type", "field": "transactions", "value": {"a": 1}},
    "wrong type of a child": {"flavour": "wrong_type", "field": "transactions.0", "value": 7},
    "missing key": {"flavour": "missing_key", "field": "receipt_id"},
    "key of the wrong type": {"flavour": "wrong_type", "field": "receipt_id", "value": [1]},
    "missing amount": {"flavour": "missing_key", "field": "grandtotal"},
    "latin-1": {"flavour": "latin1", "field": "payment_method"},
    "nan": {"flavour": "nan"},
}
# Personal fields that no feature needs: the customers' name and address are a feature.
NEVER_KEPT = set(RECEIPT_RECORDS.leave_out) - {name for person in RECEIPT_RECORDS.people for name in person.members}


@pytest.mark.parametrize("poison", POISONS)
def test_a_poison_record_is_kept_and_its_page_lands_without_it(etsy: Etsy, world_of: WorldOf, poison: str) -> None:
    world = world_of(etsy.shop(40))
    # Broken for good: in the same record of the page, every time.
    etsy.fault("bad_json", path="receipts$", query="limit=100", shop_id=world.shop.number, record=5, **POISONS[poison])

    world.run("orders")

    victim = str(paid(world)[5]["receipt_id"])
    (record,) = world.rejected()
    assert world.job("orders")["status"] == "completed", world.job("orders")["error"]
    assert world.certificate("orders")["rejected"] == 1
    assert record["platform_id"] in (victim, None)
    assert record["reason"]
    assert not [name for name in NEVER_KEPT if f'"{name}"'.encode() in record["raw"]]
    assert {(d.what, d.table == "orders" and d.key) for d in world.wrong("orders")} == {("missing", victim)}
    assert {d.what for d in world.wrong(*ORDER_TABLES) if not of_order(world, victim, d.key)} == set()


@pytest.mark.parametrize("flavour", ["nul", "lone_surrogate", "latin1"])
def test_poison_in_a_field_that_is_left_out_rejects_nothing(etsy: Etsy, world_of: WorldOf, flavour: str) -> None:
    world = world_of(etsy.shop(40))
    etsy.fault("bad_json", path="receipts$", query="limit=100", flavour=flavour, field="gift_message", record=5)

    world.run("orders")

    assert world.rejected() == []
    assert world.wrong(*ORDER_TABLES) == []


def test_a_rejected_record_lands_when_its_bytes_can_be_mapped(etsy: Etsy, world_of: WorldOf) -> None:
    world = world_of(etsy.shop(40))
    etsy.fault("bad_json", path="receipts$", query="limit=100", flavour="missing_key", field="grandtotal", record=5)
    world.run("orders")
    whole = b'{"grandtotal":{"amount":%d,"divisor":100,"currency_code":"USD"},' % paid(world)[5]["grandtotal"]["amount"]
    world.db.execute(
        "update public.rejected_records set raw = %s || substr(raw, 2) where user_id = %s", (whole, world.user_id)
    )

    totals = operations.replay_rejected(world.app, user_id=world.user_id)

    assert totals == {"landed": 1, "refused": 0}
    assert world.rejected() == []
    assert world.wrong(*ORDER_TABLES) == []


def test_a_replay_of_a_record_that_is_still_poison_changes_nothing(etsy: Etsy, world_of: WorldOf) -> None:
    world = world_of(etsy.shop(40))
    etsy.fault("bad_json", path="receipts$", query="limit=100", flavour="nul", field="status", record=5)
    world.run("orders")
    before = world.rejected()

    totals = operations.replay_rejected(world.app, user_id=world.user_id)

    assert totals == {"landed": 0, "refused": 1}
    assert world.rejected() == before


def test_a_record_that_comes_right_later_needs_nobody_even_beside_another_poison(etsy: Etsy, world_of: WorldOf) -> None:
    world = world_of(etsy.shop(40))
    etsy.fault("bad_json", path="receipts$", query="limit=100", flavour="nul", field="status", record=5, times=1)
    etsy.fault("bad_json", path="receipts$", query="limit=100", flavour="nul", field="status", record=7)
    world.run("orders")
    first = [r["platform_id"] for r in world.rejected()]

    world.run("orders", again=True)

    receipts = paid(world)
    assert first == [str(receipts[5]["receipt_id"])]
    assert [r["platform_id"] for r in world.rejected("superseded")] == [str(receipts[5]["receipt_id"])]
    assert [r["platform_id"] for r in world.rejected()] == [str(receipts[7]["receipt_id"])]
    assert world.certificate("orders")["rejected"] == 1


def test_poison_in_the_ledger_and_in_listings_is_kept_too(etsy: Etsy, world_of: WorldOf) -> None:
    world = world_of(etsy.shop(40))
    etsy.fault("bad_json", path="listings$", query="state=active&limit=100", flavour="nul", times=1)
    etsy.fault("bad_json", path="ledger-entries$", flavour="nul", nth=1)

    world.run("listings", "payments")

    streams = {record["stream"] for record in world.rejected()}
    assert "listings" in streams
    # One of so few is more than the directive allows (test_rejects).
    assert world.statuses()["listings"] == "completed_with_rejects"
    assert {d.what for d in world.wrong("listings")} == {"missing"}


def test_columns_are_derived_again_from_raw_without_a_call(etsy: Etsy, world_of: WorldOf) -> None:
    world = world_of(etsy.shop(40))
    world.run()
    for table, columns in {
        "orders": "status = 'x', total_amount = -1, ordered_at = now()",
        "line_items": "title = 'x', price_amount = -1",
        "customers": "name = 'x', email = 'x'",
        "listings": "title = null, skus = 'x'",
        "payments": "entry_amount = 7, description = 'x'",
        "order_payments": "gross_amount = 7",
    }.items():
        world.db.execute(f"update public.{table} set {columns} where user_id = %s", (world.user_id,))
    assert len(world.wrong()) > 100
    etsy.control("DELETE", "/ledger")

    totals = operations.remap(world.app, user_id=world.user_id, platform="etsy", entity=None)

    assert sum(table["changed"] for table in totals["tables"]) > 100
    assert world.wrong() == []
    assert etsy.asked(world.shop, pages_only=False) == []


def paid(world: World) -> list[dict[str, Any]]:
    """Paid receipts in the order in which they are read."""
    return sorted(
        world.only.stand_in.truth(world.shop, "receipts", paid="true"),
        key=lambda r: (r["created_timestamp"], r["receipt_id"]),
    )


def of_order(world: World, order: str, key: str) -> bool:
    """Does this key belong to the order: its own, a child's, or its buyer's?"""
    (receipt,) = (r for r in paid(world) if str(r["receipt_id"]) == order)
    lines = {str(t["transaction_id"]) for t in receipt["transactions"]}
    return key in {order, str(receipt["buyer_user_id"]), *lines} or key.startswith(f"{order}:")
