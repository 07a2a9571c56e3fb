"""What is final is believed when it is said twice with time between, and of a shop after it was asked who it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from execution.job_runner import SliceOutcome
from tests.standins.etsy import Etsy
from tests.standins.stand_in import Shop
from tests.worlds.slices_by_hand import work_due
from tests.worlds.world import World

WorldOf = Callable[[Shop], World]
# Etsy's own words for what would end a job, or the connection.
REFUSALS: dict[str, tuple[int, dict[str, str], str]] = {
    "no right": (403, {"error": "No user was provided as part of the bearer token."}, "reconnect_needed"),
    "no scope": (403, {"error": "insufficient_scope", "error_description": "Insufficient scope"}, "right_missing"),
    "another shop": (403, {"error": "User does not own Shop 123"}, "not_your_shop"),
    "token": (401, {"error": "invalid_token"}, "reconnect_needed"),
    "request": (400, {"error": "Invalid value for limit"}, "request_wrong"),
    "gone": (404, {"error": "Resource not found"}, "gone"),
}


def refuse(etsy: Etsy, what: str, *, path: str = "receipts$", **more: Any) -> str:
    status, body, code = REFUSALS[what]
    etsy.fault("status", path=path, status=status, body=body, **more)
    return code


def connection(world: World) -> str:
    (row,) = world.rows("select status from public.connected_accounts where user_id = %s", world.user_id)
    return str(row["status"])


@pytest.mark.parametrize("what", REFUSALS)
def test_what_is_said_once_passes(etsy: Etsy, world_of: WorldOf, what: str) -> None:
    world = world_of(etsy.shop(120))
    refuse(etsy, what, times=2 if what == "token" else 1)

    world.run("orders")

    assert world.statuses() == {"orders": "completed"}
    assert connection(world) == "connected"
    assert world.wrong("orders", "line_items") == []


def test_the_second_saying_waits_for_the_first_to_pass(etsy: Etsy, world_of: WorldOf) -> None:
    world = world_of(etsy.shop(30))
    refuse(etsy, "no right")
    world.start("orders")

    work_due(world)

    (row,) = world.rows(
        "select status, park_code, refused_code, extract(epoch from run_after - now()) as wait from public.sync_jobs"
    )
    assert (row["status"], row["park_code"], row["refused_code"]) == ("parked", "refused_once", "reconnect_needed")
    assert 30 < row["wait"] < 120


@pytest.mark.parametrize("what", [name for name in REFUSALS if name != "gone"])
def test_what_is_said_of_one_list_ends_that_alone(etsy: Etsy, world_of: WorldOf, what: str) -> None:
    """The shop says who it is: the connection is not to blame, and the other entities go on."""
    world = world_of(etsy.shop(30))
    code = refuse(etsy, what)
    # Not our access as a whole, since the shop says who it is: this part.
    code = {"reconnect_needed": "access_denied"}.get(code, code)

    world.run("orders", "listings")

    assert world.error("orders")[:2] == ("failed", code)
    assert world.statuses()["listings"] == "completed"
    assert connection(world) == "connected"


@pytest.mark.parametrize("what", ["no right", "token"])
def test_what_is_said_of_the_shop_too_ends_the_connection(etsy: Etsy, world_of: WorldOf, what: str) -> None:
    world = world_of(etsy.shop(30))
    code = refuse(etsy, what, path="(receipts|users/me|/shops/[0-9]+)$")

    world.run("orders")

    assert world.error("orders")[:2] == ("failed", code)
    assert connection(world) == "reconnect_needed"


def test_a_shop_that_says_who_it_is_is_not_gone(etsy: Etsy, world_of: WorldOf) -> None:
    world = world_of(etsy.shop(30))
    refuse(etsy, "gone")

    world.run("orders")

    assert world.error("orders")[:2] == ("failed", "not_shown")
    assert "no longer shows this shop" not in world.error("orders")[2]


def test_a_page_between_two_sayings_makes_the_second_the_first(etsy: Etsy, world_of: WorldOf) -> None:
    world = world_of(etsy.shop(350))
    refuse(etsy, "no right", nth=1, times=1)
    refuse(etsy, "no right", nth=3, times=1)

    world.run("orders")

    assert world.statuses() == {"orders": "completed"}


def passing(world: World, etsy: Etsy) -> None:
    """Whatever is refused is refused until the job has been parked once."""
    world.after_slice = lambda outcome: etsy.control("DELETE", "/faults") if outcome is SliceOutcome.PARKED else None


def test_what_a_lookup_is_told_once_to_be_gone_is_asked_for_again(etsy: Etsy, world_of: WorldOf) -> None:
    """One 404 of an order's lines, which come by themselves: a deployment, and no order without its lines."""
    world = world_of(etsy.shop(30))
    paid = [order for order in etsy.truth(world.shop, "receipts") if order["is_paid"]]
    for order in paid[:3]:
        etsy.mutate(world.shop, "strip_transactions", receipt_id=order["receipt_id"])
    refuse(etsy, "gone", path="receipts/[0-9]+/transactions$")
    passing(world, etsy)

    world.run("orders")

    assert world.wrong("orders", "line_items") == []


def test_payments_that_were_said_to_be_gone_once_are_asked_for_again(etsy: Etsy, world_of: WorldOf) -> None:
    world = world_of(etsy.shop(30))
    refuse(etsy, "gone", path="/payments$")
    passing(world, etsy)

    world.run("orders", "payments")

    assert world.wrong("payments", "order_payments") == []


def test_a_lookup_that_is_gone_is_asked_for_twice_and_no_more(etsy: Etsy, world_of: WorldOf) -> None:
    world = world_of(etsy.shop(30))
    order = next(order for order in etsy.truth(world.shop, "receipts") if order["is_paid"])
    etsy.mutate(world.shop, "strip_transactions", receipt_id=order["receipt_id"])
    refuse(etsy, "gone", path="receipts/[0-9]+/transactions$")

    world.run("orders")

    assert world.statuses() == {"orders": "completed"}
    asked = [line for line in etsy.ledger() if line["path"].endswith("/transactions")]
    assert len(asked) == 2
