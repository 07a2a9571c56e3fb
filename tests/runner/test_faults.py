"""Whatever Etsy does while it is read: the tables equal the source, or the job fails loudly with numbers.

KEEPER_ALL_FAULTS=1 tries every fault at every place; a run tries each at one, all places in turn.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from execution.app import App
from execution.job_runner import SliceOutcome
from tests.standins.etsy import Etsy
from tests.standins.stand_in import Shop
from tests.worlds.world import World, make_world

ALL = bool(os.environ.get("KEEPER_ALL_FAULTS"))
WorldOf = Callable[[Shop], World]
# A buyer stays a customer when the platform no longer shows the order, so customers are compared where none is removed.
ORDER_TABLES = ("orders", "line_items", "order_refunds", "order_fulfillments")

PASSING: dict[str, dict[str, Any]] = {
    "slow": {"kind": "slow", "seconds": 0.2},
    "drip": {"kind": "drip", "bytes": 40_000, "every_seconds": 0.01},
    "cut at once": {"kind": "cut"},
    "cut in the middle": {"kind": "cut", "at_bytes": 5000},
    "cut without a length": {"kind": "cut", "at_bytes": 5000, "content_length": False},
    "reset": {"kind": "reset"},
    "502 with a page of HTML": {"kind": "status", "status": 502},
    "200 with a page of HTML": {"kind": "status", "status": 200, "body": "<html>Sorry</html>"},
    "200 with nothing": {"kind": "status", "status": 200, "body": ""},
    "200 with null": {"kind": "status", "status": 200, "body": "null"},
    "200 with a list": {"kind": "status", "status": 200, "body": []},
    "200 with an error": {"kind": "status", "status": 200, "body": {"error": "no"}},
    "200 with a count that is none": {"kind": "status", "status": 200, "body": {"count": "many", "results": []}},
    "429 of the second": {"kind": "rate_limit", "which": "second"},
    "429 of the day": {"kind": "rate_limit", "which": "day", "retry_after": 3600},
    "redirect": {"kind": "redirect"},
    "wrong count": {"kind": "wrong_count", "by": 7},
    "count too small": {"kind": "wrong_count", "by": -50},
    "page again": {"kind": "repeat_page"},
    "shift on": {"kind": "shift", "by": 1},
    "shift back": {"kind": "shift", "by": -1},
    "empty page": {"kind": "empty_page"},
    "short page": {"kind": "short_page", "by": 3},
    "endless": {"kind": "endless"},
    "gzip": {"kind": "gzip"},
    "deep nesting": {"kind": "bad_json", "flavour": "deep_nesting"},
    "byte order mark": {"kind": "bad_json", "flavour": "bom"},
    "truncated": {"kind": "bad_json", "flavour": "truncated"},
    "duplicate key": {"kind": "bad_json", "flavour": "duplicate_key"},
}
LASTING: dict[str, dict[str, Any]] = {
    "count too large": {"kind": "wrong_count", "by": 7},
    "count too small": {"kind": "wrong_count", "by": -7},
    "count of one page": {"kind": "wrong_count", "by": -143},
    "empty pages": {"kind": "empty_page"},
    "the same page": {"kind": "repeat_page"},
    "endless": {"kind": "endless"},
    "502": {"kind": "status", "status": 502},
    "truncated": {"kind": "bad_json", "flavour": "truncated"},
}


def at_places(names: Iterable[str], places: tuple[int, ...]) -> list[tuple[str, int]]:
    return [
        (name, place)
        for number, name in enumerate(names)
        for place in (places if ALL else (places[number % len(places)],))
    ]


@pytest.mark.parametrize(("name", "nth"), at_places(PASSING, (1, 2, 3)))
def test_a_fault_that_passes_leaves_the_tables_equal_to_the_source(
    etsy: Etsy, world_of: WorldOf, name: str, nth: int
) -> None:
    world = world_of(etsy.shop(240))
    etsy.fault(path="receipts$", nth=nth, times=1, **PASSING[name])

    world.run("orders")

    assert world.job("orders")["status"] == "completed", world.job("orders")["error"]
    assert world.rejected() == []
    assert world.wrong(*ORDER_TABLES) == []
    assert len(etsy.asked(world.shop)) <= 12


@pytest.mark.parametrize("path", ["listings$", "ledger-entries$", "/payments$"])
@pytest.mark.parametrize("name", ["cut in the middle", "wrong count", "shift on", "empty page", "short page"])
def test_faults_on_other_lists_leave_them_equal_to_the_source(
    etsy: Etsy, world_of: WorldOf, name: str, path: str
) -> None:
    world = world_of(etsy.shop(60))
    etsy.fault(path=path, nth=2 if path == "ledger-entries$" else 1, times=1, **PASSING[name])

    world.run()

    assert set(world.statuses().values()) == {"completed"}, [j["error"] for j in world.jobs("failed")]
    assert world.wrong() == []


@pytest.mark.parametrize("name", LASTING)
def test_a_fault_that_lasts_ends_loudly_after_a_bounded_number_of_calls(
    etsy: Etsy, world_of: WorldOf, name: str
) -> None:
    world = world_of(shop_of(etsy, 243))
    etsy.fault(path="receipts$", **LASTING[name])

    world.run("orders", "customers")

    job = world.job("orders")
    complete_and_equal = job["status"] == "completed" and world.wrong("orders", "line_items") == []
    assert complete_and_equal or job["status"] == "failed"
    if job["error_code"] in ("incomplete", "not_shown"):
        assert len(re.findall(r"\d+", job["error"])) >= 2
    assert world.job("customers")["status"] == job["status"]
    # Once, and once more after each wait.
    assert len(etsy.asked(world.shop)) <= 80 * (1 + len(world.app.doubt_waits.waits))


MUTATIONS: dict[str, dict[str, Any]] = {
    "new order": {"kind": "new_order"},
    "new order in the past": {"kind": "new_order", "past": True},
    "update": {"kind": "update_order", "receipt_id": {"index": 5}, "fields": {"is_gift": True}},
    "update ahead": {"kind": "update_order", "receipt_id": {"index": 200}, "fields": {"is_gift": True}},
    "cancel": {"kind": "cancel", "receipt_id": {"index": 150}},
    "shipped": {"kind": "mark_shipped", "receipt_id": {"index": 3}},
    "removed before": {"kind": "remove_order", "receipt_id": {"index": 7}},
    "removed after": {"kind": "remove_order", "receipt_id": {"index": 220}},
    "stripped": {"kind": "strip_transactions", "receipt_id": {"index": 210}},
}


@pytest.mark.parametrize(("name", "after"), at_places(MUTATIONS, (1, 2, 3)))
def test_what_changes_while_it_is_read_is_there_or_after_the_cursor(
    etsy: Etsy, world_of: WorldOf, name: str, after: int
) -> None:
    world = world_of(etsy.shop(240))
    change(etsy, world.shop, MUTATIONS[name], after)

    world.run("orders")
    if name.startswith("removed"):
        miss_it(world, "orders")

    assert world.job("orders")["status"] == "completed", world.job("orders")["error"]
    assert world.wrong(*ORDER_TABLES, forgive_after=world.watermark("orders").timestamp()) == []
    assert world.watermark("orders") <= world.job("orders")["window_end"]


def test_an_unpaid_order_that_is_paid_meanwhile_is_there_or_after_the_cursor(etsy: Etsy, world_of: WorldOf) -> None:
    world = world_of(etsy.shop(240))
    unpaid = etsy.truth(world.shop, "receipts", paid="false")[0]["receipt_id"]
    etsy.mutate(world.shop, "unpaid_to_paid", receipt_id=unpaid, after={"requests": 2, "path": "receipts$"})

    world.run("orders")

    assert world.job("orders")["status"] == "completed", world.job("orders")["error"]
    assert world.wrong(*ORDER_TABLES, forgive_after=world.watermark("orders").timestamp()) == []


@pytest.mark.parametrize(("kind", "after"), at_places(("listing_state", "remove_listing", "edit_listing"), (1, 2, 4)))
def test_listings_that_move_while_they_are_read_end_as_the_source(
    etsy: Etsy, world_of: WorldOf, kind: str, after: int
) -> None:
    world = world_of(etsy.shop(10, listings=40))
    more = {"listing_state": {"state": "active"}, "edit_listing": {"fields": {"quantity": 77}}}.get(kind, {})
    for end in ("first", "last"):
        etsy.mutate(world.shop, kind, listing_id=end, after={"requests": after, "path": "listings$"}, **more)

    world.run("listings")
    if kind == "remove_listing":
        miss_it(world, "listings")

    assert world.job("listings")["status"] == "completed", world.job("listings")["error"]
    assert world.wrong("listings", forgive_after=world.watermark("listings").timestamp()) == []


def test_a_backdated_ledger_entry_that_came_behind_the_reader_is_found_by_the_next_read(
    etsy: Etsy, world_of: WorldOf
) -> None:
    """It has the highest sequence number, so until another entry follows no balance can tell of it."""
    world = world_of(etsy.shop(60))
    at = world.shop.facts["ends_at"] - 200 * 86_400
    etsy.mutate(world.shop, "backdated_ledger_entry", at=at, after={"requests": 9, "path": "ledger-entries$"})
    world.run("orders", "payments")
    assert {d.what for d in world.wrong("payments")} <= {"missing"}

    world.run("payments", again=True)

    assert world.wrong("payments") == []


# A record that vanishes while another appears with old times hide each other from every count: not both at once.
CHANGES = st.sampled_from(["new order in the past", "removed"]).flatmap(
    lambda hidden: st.lists(
        st.tuples(
            st.sampled_from([m for m in MUTATIONS if m != "stripped" and not m.startswith(hidden)]), st.integers(1, 6)
        ),
        max_size=3,
    )
)


@seed(20261122)
@settings(
    max_examples=12,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(changes=CHANGES, pauses=st.sets(st.integers(1, 6), max_size=2))
def test_any_changes_with_any_interruptions_end_as_the_source(
    app: App, db: psycopg.Connection[Any], etsy: Etsy, changes: list[tuple[str, int]], pauses: set[int]
) -> None:
    etsy.reset()
    world = make_world(app, db, (etsy, etsy.shop(240)))
    for name, after in changes:
        change(etsy, world.shop, MUTATIONS[name], after)
    for nth in pauses:
        etsy.fault("reset", path="receipts$", nth=nth, times=1)
    slices: list[SliceOutcome] = []
    world.after_slice = slices.append

    world.run("orders")
    assert world.job("orders")["status"] == "completed", world.job("orders")["error"]
    if any(name.startswith("removed") for name, _ in changes):
        miss_it(world, "orders")

    assert world.job("orders")["status"] == "completed", world.job("orders")["error"]
    assert world.wrong(*ORDER_TABLES, forgive_after=world.watermark("orders").timestamp()) == []
    assert slices


def miss_it(world: World, entity: str) -> None:
    """What went while it was read is missed by two further runs, and then it is gone."""
    for _ in range(2):
        world.run(entity, again=True)


def change(etsy: Etsy, shop: Shop, mutation: dict[str, Any], after: int) -> None:
    """Let a change happen once so many pages have been answered."""
    fields = dict(mutation)
    if fields.pop("past", False):
        fields["at"] = shop.facts["ends_at"] - 150 * 86_400
    if "receipt_id" in fields:
        # By its id now: an earlier change may move the index.
        receipts = etsy.truth(shop, "receipts", paid="true")
        fields["receipt_id"] = receipts[fields["receipt_id"]["index"] % len(receipts)]["receipt_id"]
    etsy.mutate(shop, after={"requests": after, "path": "receipts$"}, **fields)


def shop_of(etsy: Etsy, paid: int) -> Shop:
    shop = etsy.shop(paid)
    at = shop.facts["created_timestamp"] + 40 * 86_400
    missing = paid - len(etsy.truth(shop, "receipts", paid="true"))
    if missing:
        etsy.mutate(shop, "new_order", at=at, count=missing)
    return shop


def test_a_count_of_exactly_one_page_is_not_believed_where_more_listings_are(etsy: Etsy, world_of: WorldOf) -> None:
    """The platform announces 100 active listings, shows 100, and has more: asked past that end, it shows one."""
    world = world_of(etsy.shop(60, listings=260))
    active = [listing for listing in etsy.truth(world.shop, "listings") if listing["state"] == "active"]
    assert len(active) > 100
    etsy.fault("wrong_count", path="listings$", query="state=active", by=100 - len(active))

    world.run("listings")

    job = world.job("listings")
    assert (job["status"], job["error_code"]) == ("failed", "incomplete")
    assert re.search(r"announces \d+ records, \d+ came", job["error"])


@pytest.mark.parametrize(("removed", "gone"), [(15, 15), (40, 0)])
def test_rows_vanish_softly_and_never_very_many_at_once(etsy: Etsy, world_of: WorldOf, removed: int, gone: int) -> None:
    """Fifteen of eighty listings may go, once two runs have missed them; of half of the shop nothing goes by itself."""
    world = world_of(etsy.shop(10, listings=80))
    world.run("listings")
    for listing in etsy.truth(world.shop, "listings")[:removed]:
        etsy.mutate(world.shop, "remove_listing", listing_id=listing["listing_id"])
    deleted = "select count(*) as n from listings where is_deleted"

    world.run("listings", again=True)
    assert world.rows(deleted)[0]["n"] == 0
    world.run("listings", again=True)

    assert world.statuses()["listings"] == "completed"
    assert world.rows(deleted)[0]["n"] == gone
    assert world.rows("select count(*) as n from private.held_deletions")[0]["n"] == (not gone)


@pytest.mark.parametrize("times", [1, 8])
def test_a_batch_that_was_said_to_be_gone_for_a_while_is_all_there(etsy: Etsy, world_of: WorldOf, times: int) -> None:
    """404 for a batch of payments says nothing of each, and one that is said once nothing for good."""
    world = world_of(etsy.shop(80, listings=5))
    etsy.fault("status", status=404, body={"error": "Resource not found"}, path="payments$", times=times)

    world.run("orders", "payments")

    assert world.statuses() == {"orders": "completed", "payments": "completed"}
    assert world.wrong("order_payments") == []


def test_one_id_that_is_gone_takes_no_other_of_its_batch_along(etsy: Etsy, world_of: WorldOf) -> None:
    """It is asked for in halves, down to the one that is gone, and that one once more."""
    world = world_of(etsy.shop(80, listings=5))
    gone = str(etsy.truth(world.shop, "payments")[0]["payment_id"])
    etsy.fault("status", status=404, body={"error": "Resource not found"}, path="payments$", query=gone)

    world.run("orders", "payments")

    assert world.statuses() == {"orders": "completed", "payments": "completed"}
    assert [(d.what, d.key) for d in world.wrong("order_payments")] == [("missing", gone)]
