"""A full refresh ends equal to the source, whatever stood here; taken back, the rows are those before it. Until it is
swapped in, nobody sees anything of it; what fails leaves the old data whole, and nothing beside it.

`KEEPER_HISTORIES=40` takes so many seeds; a run takes one.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from execution import full_refresh, operations, tenants
from execution.app import App
from execution.errors import StoreError, UserError
from execution.reports import deletions
from tests.cross_platform.shops import Shops
from tests.cross_platform.test_erasure import CANARY, dump, erase_all_buyers, erase_guests, run_planted, work_planted
from tests.cross_platform.test_rollback import CHANGES
from tests.cross_platform.test_rollback_deaths import BLOCKED
from tests.cross_platform.test_round_histories import COMPARED, happen
from tests.standins.etsy import Etsy
from tests.standins.printify import Printify
from tests.standins.shopify import Shopify
from tests.worlds.mail import Mail
from tests.worlds.refreshes import begin_refresh, in_shadows, refresh, settle, state_of
from tests.worlds.rounds import a_while_ago, round_of
from tests.worlds.slices_by_hand import interrupt
from tests.worlds.undo import differing, roll_back, tenant
from tests.worlds.world import ConnectedShop, World, make_world

Db = psycopg.Connection[Any]
SEEDS = range(int(os.environ.get("KEEPER_HISTORIES", "1")))
# What stands wrong here although the source's version of it has not moved: no round would find it.
FIRST = "select connection_id, platform_id from public.{} where connection_id = %(c)s order by platform_id limit 2"
WRONG_VALUES = (
    "update public.{} set {} = 1, raw = raw || '{{\"planted\": 1}}' where (connection_id, platform_id) in ({})"
)
LOST = "delete from public.{} where (connection_id, platform_id) in ({})"
NEVER_WAS = (
    'insert into public.{} select (jsonb_populate_record(o, \'{{"platform_id": "77"}}\')).*'
    " from public.{} as o where connection_id = %(c)s order by platform_id limit 1"
)
# By platform: the table of orders, an amount of theirs, the table of their lines.
WHERE = {
    "etsy": ("orders", "total_amount", "line_items"),
    "shopify": ("orders", "total_amount", "line_items"),
    "printify": ("printify_orders", "shipping_amount", "printify_line_items"),
}


def tamper(shop: ConnectedShop) -> None:
    orders, amount, lines = WHERE[shop.platform]
    for statement in (
        WRONG_VALUES.format(orders, amount, FIRST.format(orders)),
        LOST.format(lines, FIRST.format(lines)),
        NEVER_WAS.format(orders, orders),
        NEVER_WAS.format(lines, lines),
    ):
        shop.world.db.execute(statement.encode(), {"c": shop.connection_id})


@pytest.fixture
def seller(app: App, db: Db, etsy: Etsy, printify: Printify, shopify: Shopify) -> World:
    """A seller on both channels, with a printer whose orders are theirs, all loaded."""
    etsy_shop, shopify_shop = etsy.shop(20, listings=12), shopify.shop(12, products=4)
    world = make_world(app, db, (etsy, etsy_shop), (shopify, shopify_shop), (printify, printify.shop(14)))
    world.run()
    return world


@pytest.fixture
def small(app: App, db: Db, etsy: Etsy) -> World:
    """A shop that is loaded, and has changed since."""
    world = make_world(app, db, (etsy, etsy.shop(12, listings=6)))
    world.run()
    much_happens(world, random.Random(1))
    return world


def much_happens(world: World, rng: random.Random) -> None:
    for shop in world.shops:
        drawn = rng.sample(CHANGES[shop.platform], 5)
        kinds = {change["kind"] for change in drawn}
        for change in drawn:
            # Nobody ever reads of which product a new order is that is gone by then.
            if change["kind"] != "remove_product" or "new_order" not in kinds:
                happen(shop.stand_in, shop.shop, rng, change)


def wrong(world: World) -> list[Any]:
    return [one for shop in world.shops for one in shop.wrong(*COMPARED[shop.platform])]


@pytest.mark.parametrize("seed", SEEDS)
def test_it_ends_as_the_source_and_is_taken_back_to_the_last_row(seller: World, seed: int) -> None:
    much_happens(seller, random.Random(seed))
    for shop in seller.shops:
        tamper(shop)
    before = tenant(seller)

    done = [begin_refresh(shop) for shop in seller.shops]
    seller.drain()
    assert differing(before, tenant(seller)) == []
    assert in_shadows(seller).keys() >= {"public.orders", "public.customers", "public.printify_line_items"}
    settle(seller)

    assert {state_of(seller, run_id)["status"] for run_id in done} == {"swapped"}
    assert wrong(seller) == []
    assert in_shadows(seller) == {}
    told = "select distinct data ->> 'run_id' as run from private.outbox where type = 'sync.completed'"
    assert {row["run"] for row in seller.rows(told)} >= set(done)
    after = tenant(seller)
    undone = roll_back(seller, *reversed(done))
    assert differing(before, tenant(seller)) == []
    roll_back(seller, *reversed([one["run_id"] for one in undone]))
    assert differing(after, tenant(seller)) == []


def test_what_is_unchanged_costs_no_write(seller: World) -> None:
    before = tenant(seller)

    done = [refresh(shop) for shop in seller.shops]

    assert [state_of(seller, run_id)["result"] for run_id in done] == [{"tables": {}, "held_back": 0}] * len(done)
    assert differing(before, tenant(seller)) == []


def test_what_a_round_read_later_is_not_overwritten(small: World, etsy: Etsy) -> None:
    """Rounds go on while a refresh is read, and what they bring is newer than it."""
    run_id = begin_refresh(small.only)
    small.drain()
    for kind, more in (
        ("new_order", {"count": 2}),
        ("refund_order", {"receipt_id": {"index": 2}}),
        ("update_order", {"receipt_id": {"index": 4}, "fields": {"is_gift": True}}),
    ):
        etsy.mutate(small.shop, kind, at=a_while_ago(), **more)
    round_of(small)
    newer = [run["run_id"] for run in small.app.store.rpc("runs", p_user_id=small.user_id) if run["kind"] == "round"]
    read = small.rows("select platform_id, raw from public.orders where sync_run_id = any (%s)", newer)
    watermark = small.watermark("orders")
    assert read

    settle(small)

    assert state_of(small, run_id)["status"] == "swapped"
    assert read == small.rows("select platform_id, raw from public.orders where sync_run_id = any (%s)", newer)
    assert wrong(small) == []
    assert small.watermark("orders") == watermark


def test_what_went_while_it_was_read_does_not_come_back(app: App, db: Db, shopify: Shopify) -> None:
    world = make_world(app, db, (shopify, shopify.shop(8, products=4)))
    world.run()
    rng = random.Random(3)
    mail = Mail(world, rng)
    begin_refresh(world.only)
    world.drain()
    there = world.stored("orders").keys()
    change = {"kind": "remove_order", "order_id": {"index": 2}}
    mail.tell("remove_order", happen(shopify, world.shop, rng, change))
    mail.deliver(everything=True)
    world.drain()
    assert len(world.stored("orders")) == len(there) - 1

    settle(world)

    assert wrong(world) == []


def test_what_one_part_of_it_cannot_prove_changes_nothing(small: World, etsy: Etsy) -> None:
    before = tenant(small)
    etsy.fault("status", path="ledger-entries", status=404, body={"error": "gone"})

    run_id = refresh(small.only)

    ended = state_of(small, run_id)
    assert (ended["status"], ended["result"]) == ("failed", None)
    assert {job["status"] for job in small.rows("select status from public.sync_jobs where run_id = %s", run_id)} <= {
        "completed",
        "failed",
    }
    assert differing(before, tenant(small)) == []
    assert in_shadows(small) == {}
    etsy.control("DELETE", "/faults")
    round_of(small)
    refresh(small.only)
    assert wrong(small) == []


def test_more_than_could_be_taken_back_is_not_swapped_in(small: World) -> None:
    before = tenant(small)
    run_id = begin_refresh(small.only)
    small.drain()

    with pytest.raises(StoreError, match="too_many_rows"):
        small.app.store.rpc("swap_full_refresh", p_id=run_id, p_most=1)

    assert differing(before, tenant(small)) == []
    assert state_of(small, run_id)["status"] == "reading"


def test_a_swap_that_the_database_refuses_fails_and_leaves_all_as_it_was(small: World, db: Db) -> None:
    before = tenant(small)
    run_id = begin_refresh(small.only)
    small.drain()
    db.execute("alter table public.payments add constraint planted check (connection_id is null) not valid")
    try:
        settle(small)
    finally:
        db.execute("alter table public.payments drop constraint planted")

    ended = state_of(small, run_id)
    assert (ended["status"], ended["error_code"]) == ("failed", "swap_failed")
    assert differing(before, tenant(small)) == []
    assert in_shadows(small) == {}


def test_a_swap_that_dies_has_changed_nothing_and_happens_once(small: World, db: Db) -> None:
    """The backend that works for it, while it waits for a row that somebody else holds."""
    before = tenant(small)
    run_id = begin_refresh(small.only)
    small.drain()
    with psycopg.connect(db.info.dsn, password=db.info.password) as other, ThreadPoolExecutor(1) as pool:
        other.execute("select from public.orders as o where user_id = %s for update", [small.user_id])
        dying = pool.submit(full_refresh.swap_proven, small.app.store)
        while (blocked := db.execute(BLOCKED).fetchone()) is None:
            assert not dying.done(), "nothing held it up"
        assert differing(before, tenant(small)) == []
        db.execute("select pg_terminate_backend(%s)", blocked)
        other.rollback()
        dying.result()
    settle(small)

    assert state_of(small, run_id)["status"] == "swapped"
    assert wrong(small) == []
    roll_back(small, run_id)
    assert differing(before, tenant(small)) == []


def test_very_much_that_is_gone_is_a_question_and_nothing_goes(app: App, db: Db, etsy: Etsy) -> None:
    world = make_world(app, db, (etsy, etsy.shop(5, listings=60)))
    world.run()
    for listing in etsy.truth(world.shop, "listings")[:30]:
        etsy.mutate(world.shop, "remove_listing", listing_id=listing["listing_id"])
    before = world.stored("listings").keys()

    run_id = refresh(world.only)

    assert state_of(world, run_id)["result"]["held_back"] == 30
    assert world.stored("listings").keys() == before
    (held,) = deletions.held(world.app.store)
    deletions.decide(world.app.store, user_id=world.user_id, number=held["id"], decision="confirmed")
    assert wrong(world) == []


@pytest.mark.parametrize("rights", ["all", "sixty days"])
def test_what_the_source_has_forgotten_is_not_gone(app: App, db: Db, shopify: Shopify, rights: str) -> None:
    """Without the right to all orders only those of sixty days are shown."""
    world = make_world(app, db, (shopify, shopify.shop(8, products=4)))
    world.run()
    if rights != "all":
        db.execute("update private.platform_tokens set rights = array_remove(rights, 'read_all_orders')")
    # As old as what it would not show, and of no record that it has.
    db.execute(
        "insert into public.orders select (jsonb_populate_record(o, jsonb_build_object('platform_id', '77', 'raw',"
        ' o.raw || \'{"createdAt": "2025-01-01T00:00:00Z"}\'))).* from public.orders as o limit 1'
    )

    refresh(world.only)

    assert ("77" in world.stored("orders")) is (rights != "all")


def erased(world: World, db: Db) -> None:
    erase_all_buyers(world, db)
    erase_guests(world, db)


def deleted(world: World, _: Db) -> None:
    tenants.delete(world.app, user_id=world.user_id, by="test")


@pytest.mark.parametrize("ends", [erased, deleted])
@pytest.mark.parametrize("when", ["a page is on its way", "it waits to be swapped in"])
def test_an_erasure_leaves_nothing_of_it(
    app: App, db: Db, shops: Shops, ends: Callable[[World, Db], None], when: str
) -> None:
    world = shops.seller(app, db)
    run_planted(world)
    for shop in world.shops:
        begin_refresh(shop)
    if when == "it waits to be swapped in":
        work_planted(world)
        assert in_shadows(world)
        ends(world, db)
    else:
        interrupt(world, lambda: ends(world, db), answer=6)
        world.drain()

    left = [line for line in dump(db, CANARY) if ends is deleted]
    assert left == []
    assert in_shadows(world) == {}
    settle(world)
    assert {row["status"] for row in world.rows("select status from private.full_refreshes")} <= {"cancelled"}


def test_a_shop_that_is_disconnected_ends_it(small: World) -> None:
    before = tenant(small)
    run_id = begin_refresh(small.only)
    interrupt(
        small,
        lambda: small.app.disconnector.disconnect(user_id=small.user_id, connection_id=small.only.connection_id),
        answer=2,
    )
    settle(small)

    assert state_of(small, run_id)["status"] == "failed"
    assert in_shadows(small) == {}
    assert differing(before, tenant(small)) == []


def test_one_that_is_cancelled_leaves_nothing(small: World) -> None:
    before = tenant(small)
    run_id = begin_refresh(small.only)
    small.drain()

    operations.cancel_full_refresh(small.app, user_id=small.user_id, run_id=run_id)
    settle(small)

    assert state_of(small, run_id)["status"] == "cancelled"
    assert in_shadows(small) == {}
    assert differing(before, tenant(small)) == []
    with pytest.raises(UserError, match="no open full refresh"):
        operations.cancel_full_refresh(small.app, user_id=small.user_id, run_id=run_id)
