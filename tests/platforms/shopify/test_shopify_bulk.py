"""Bulk exports: few calls, flat memory, found again after a death, and pages wherever they do not come to their end."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator

import pytest

from execution.job_runner import SliceOutcome
from execution.platforms.shopify import streams
from execution.platforms.shopify.bulk import BulkPosition
from execution.platforms.shopify.graphql_pages import GraphqlPages
from execution.platforms.shopify.jsonl_spool import private_folder
from execution.streams import Stream
from tests.standins.shopify import Shopify
from tests.standins.stand_in import Shop
from tests.worlds.process import close_app, make_app
from tests.worlds.world import World

WorldOf = Callable[[Shop], World]
ORDER_TABLES = (
    "orders",
    "line_items",
    "order_transactions",
    "order_fulfillments",
    "order_refunds",
    "order_refund_lines",
    "order_refund_shipping_lines",
    "order_refund_adjustments",
    "order_journals",
    "order_sales",
    "order_shipping_lines",
    "order_tax_lines",
    "order_disputes",
)
# A shop of this size is worth an export here (`worth_it`).
MANY = 600
# Journals have an export of their own.
JOURNALS = 1
# Each takes its time: in every run one of a kind.
ALL = bool(os.environ.get("KEEPER_ALL_FAULTS"))


@pytest.fixture(scope="module", autouse=True)
def worth_it() -> Iterator[None]:
    """Fewer records than 2,000 are worth an export, so that each test reads a small shop."""
    pages = {id(s.pages): s.pages for s in vars(streams).values() if isinstance(s, Stream)}.values()
    exported = [p for p in pages if isinstance(p, GraphqlPages) and p.bulk_from is not None]
    for one in exported:
        assert one.bulk_from == streams.BULK_FROM
        object.__setattr__(one, "bulk_from", MANY - 50)
    yield
    for one in exported:
        object.__setattr__(one, "bulk_from", streams.BULK_FROM)


@pytest.fixture(scope="module")
def sold(shopify_process: Shopify) -> Shop:
    """One shop that is worth an export, for all tests: none of them changes it."""
    return shopify_process.shop(MANY, products=4)


@pytest.fixture
def world(shopify: Shopify, sold: Shop, world_of: WorldOf) -> World:
    return world_of(shopify.again(sold))


def test_files_of_operations_that_are_numbered_alike_are_told_apart() -> None:
    """One machine may keep files of a stand-in and of Shopify. A fresh signature changes nothing."""
    ours, fresh, theirs = (
        BulkPosition(operation="gid://shopify/BulkOperation/1", url=url).file
        for url in ("https://a.test/bulk/1?signed=1", "https://a.test/bulk/1?signed=2", "http://127.0.0.1:1/bulk/1")
    )

    assert ours == fresh
    assert ours != theirs


def exports(shopify: Shopify, world: World) -> int:
    """Exports that were started for the shop during this test."""
    return sum("bulkOperationRunQuery" in str(r.get("operation")) for r in shopify.asked(world.shop))


def is_proven(world: World) -> bool:
    return world.statuses() == {"orders": "completed"} and world.wrong(*ORDER_TABLES) == []


def test_an_export_costs_few_calls_and_equals_the_source(shopify: Shopify, world: World) -> None:
    """Of orders and of their journals one look, one start, some polls; one count; refunds cost a call a hundred.
    Nothing is left on disk.
    """
    world.run("orders")

    refunds = len(world.stored("order_refunds"))
    assert is_proven(world)
    assert exports(shopify, world) == 1 + JOURNALS
    assert len(shopify.asked(world.shop)) - refunds // 100 - 1 < 32
    assert world.certificate("orders")["distinct_keys"] == MANY
    assert list(private_folder().glob("*.spool*")) == []


def test_an_export_of_agreements_that_is_refused_costs_the_others_nothing(shopify: Shopify, world: World) -> None:
    """Orders come by their export all the same, and their journals by pages."""
    shopify.control("POST", "/settings", bulk_agreements="refused")

    world.run("orders")

    assert is_proven(world)
    assert exports(shopify, world) == 1 + JOURNALS
    pages = [
        call
        for call in shopify.asked(world.shop)
        if call.get("operation") in ("graphql:orders", "graphql:ordersCount+orders")
    ]
    assert len(pages) == -(-MANY // 250)


def test_no_worker_is_held_while_an_export_is_prepared(shopify: Shopify, world: World) -> None:
    """The job is parked with a reason and a wake time, and no attempt is spent."""
    shopify.settings(bulk_running_polls=3)
    parks: list[tuple[str, int]] = []

    def note(outcome: SliceOutcome) -> None:
        job = world.job("orders")
        if outcome is SliceOutcome.PARKED:
            parks.append((job["park_reason"], job["attempts"]))

    world.after_slice = note

    world.run("orders")

    assert is_proven(world)
    assert len(parks) >= 3
    assert all("preparing an export" in reason and attempts == 0 for reason, attempts in parks)


@pytest.mark.has_sister
def test_without_the_leave_for_exports_pages_are_read(shopify: Shopify, world: World) -> None:
    """Bulk operations are switched on for each app, and lapse (0.3): that costs calls, never records."""
    shopify.settings(bulk_permission="denied")

    world.run("orders")

    assert is_proven(world)


@pytest.mark.parametrize("error_code", ["INTERNAL_SERVER_ERROR"])
def test_an_export_that_fails_half_way_is_read_in_pages(shopify: Shopify, world: World, error_code: str) -> None:
    """Of a partial file nothing is believed: nothing proves that its orders have all their lines."""
    shopify.control("POST", "/bulk/fail", error_code=error_code, after_objects=900, times=1)

    world.run("orders")

    assert is_proven(world)
    assert exports(shopify, world) == 1 + JOURNALS


@pytest.mark.parametrize(("refusals", "made"), [(2, 2), *([(1, 1)] if ALL else [])])
def test_a_file_whose_address_lapsed_is_asked_for_again(
    shopify: Shopify, world: World, refusals: int, made: int
) -> None:
    """A fresh address first; where the file itself is gone, a new export."""
    shopify.fault("status", path="bulk-storage", status=403, every=1, times=refusals)

    world.run("orders")

    assert is_proven(world)
    assert exports(shopify, world) == made + JOURNALS


@pytest.mark.parametrize("fault", [{"kind": "cut", "at_bytes": 300_000}, {"kind": "status", "status": 503}])
def test_a_download_that_breaks_goes_on_where_it_was(shopify: Shopify, world: World, fault: dict[str, object]) -> None:
    """What has come is kept; the rest is asked for from there."""
    shopify.fault(path="bulk-storage", times=2, every=1, **fault)  # type: ignore[arg-type]

    world.run("orders")

    assert is_proven(world)
    assert exports(shopify, world) == 1 + JOURNALS


@pytest.mark.has_sister
def test_full_slots_are_waited_for(shopify: Shopify, world: World) -> None:
    """Another job of ours may occupy the slots of this shop: ours is parked, and starts when one is free."""
    shopify.settings(bulk_slots=1, bulk_running_polls=100)
    shopify.export(world.shop, "{ products { edges { node { id } } } }")
    reasons: list[str] = []

    def note(outcome: SliceOutcome) -> None:
        reasons.append(str(world.job("orders")["park_reason"]))
        if outcome is SliceOutcome.PARKED and len(reasons) == 2:
            shopify.settings(bulk_slots=5, bulk_running_polls=0)

    world.after_slice = note

    world.run("orders")

    assert is_proven(world)
    assert "already in progress" in reasons[0]


@pytest.mark.has_sister
def test_a_token_that_expires_while_an_export_runs_is_refreshed(shopify: Shopify, world: World) -> None:
    """Waiting takes longer than a token lives: the export goes on, and is asked for with the next token."""
    shopify.settings(bulk_running_polls=2)
    hours = iter([3_700])
    world.after_slice = lambda _: [
        shopify.control("POST", "/clock", advance_seconds=seconds) for seconds in itertools.islice(hours, 1)
    ]

    world.run("orders")

    assert is_proven(world)
    assert exports(shopify, world) == 1 + JOURNALS
    assert len(shopify.refreshes(world.shop)) == 1


@pytest.mark.has_sister
def test_a_death_after_the_start_finds_the_export_again(shopify: Shopify, world: World) -> None:
    """The answer to the start is lost with the worker: the next one looks first, and starts no second export."""
    world.start("orders")
    store = world.app.store
    original = store.rpc

    def dies(function: str, /, **args: object) -> object:
        if function == "move_cursor":
            raise KeyboardInterrupt
        return original(function, **args)

    store.rpc = dies  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        world.app.runner().work_one()
    store.rpc = original  # type: ignore[method-assign]
    world.wake()

    world.drain()

    assert is_proven(world)
    assert exports(shopify, world) == 1 + JOURNALS


@pytest.mark.parametrize("page", [2, *([1] if ALL else [])])
def test_a_death_among_the_pages_of_a_file_repeats_one_page_at_most(shopify: Shopify, world: World, page: int) -> None:
    """Another process, on another machine for all it knows, goes on at the row that was committed last."""
    world.start("orders")
    store, left = world.app.store, [page]
    original = store.commit_page

    def dies(*args: object) -> object:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return original(*args)  # type: ignore[arg-type]

    store.commit_page = dies  # type: ignore[assignment,method-assign]
    with pytest.raises(KeyboardInterrupt):
        world.drain()
    store.commit_page = original  # type: ignore[method-assign]
    for path in private_folder().glob("*.spool*"):
        path.unlink()
    close_app(world.app)
    world.app = make_app(world.app.settings)
    world.wake()

    world.drain()

    close_app(world.app)
    assert is_proven(world)
    assert exports(shopify, world) == 1 + JOURNALS
