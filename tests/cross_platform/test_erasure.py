"""Erasing a buyer, and a shop: words planted in every record of every platform are nowhere afterwards.

Planted are texts that the platforms have, and a member that they do not have yet, in every object that comes. What may
stay are the seller's own words and the platform's, in the columns that are named here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg import sql

from execution import operations
from execution.app import App
from execution.catalog import platform_named
from execution.http.messages import Request, Response, Send
from execution.reports import obligations
from tests.cross_platform.shops import Shops
from tests.schema.rows import tables, title
from tests.schema.test_forgetting import fingerprint
from tests.worlds.slices_by_hand import work_due
from tests.worlds.world import OPEN, World

# Every record of every platform, several times: on a busy machine that takes its time.
pytestmark = pytest.mark.timeout(1800)
CANARY = "Canary of Ada"
# What a record is of: things, which name no buyer.
THINGS = {"listings", "listing_variants", "printify_products", "printify_variants"}
THINGS |= {"catalog_categories", "catalog_items", "catalog_variations", "catalog_location_overrides"}
THINGS |= {"catalog_vendor_info", "inventory_counts", "locations", "vendors"}
# What moved on the seller's account; who works there.
THINGS |= {"payouts", "payout_entries", "team_members"}
# Columns of a buyer's orders that hold the seller's words or the platform's own.
STAY = {
    "orders": {"order_number", "status", "fulfillment_status", "payment_method", "country", "source_name"},
    "line_items": {"title", "sku", "variation_title", "item_type"},
    "order_line_modifiers": {"title"},
    "order_service_charges": {"title", "charge_type", "phase"},
    "tenders": {"tender_type"},
    "order_refunds": {"status"},
    "order_return_lines": {"title"},
    "order_payments": {"status", "payment_method"},
    "payment_refunds": {"status"},
    "payment_disputes": {"status", "dispute_reason"},
    "bookings": {"status", "place", "source"},
    # Of those lines.
    "money_products": {"product", "title", "sku"},
    "order_fulfillments": {"carrier", "status", "fulfillment_type"},
    "order_shipping_lines": {"title"},
    "order_tax_lines": {"title"},
    "order_transactions": {"gateway", "kind", "status"},
    "payments": {"entry_type", "reference_type"},
    "printify_line_items": {"title", "variant_title", "sku", "status"},
    "printify_orders": {"shop_order_label", "app_order_id", "order_type", "status", "country"},
    "printify_shipments": {"carrier"},
    "customers": {"country"},
}
# One order of each platform cannot be mapped, and is kept as it came.
BROKEN = {"grandtotal": "created_timestamp", "totalPriceSet": "processedAt", "total_shipping": "total_price"}
# Of which platforms orders came.
ORDERS_SINCE = """
    select array_agg(distinct p.platform) from public.sync_pages as p, unnest(p.keys) as k
    where p.user_id = %s and p.committed_at > %s and (
        exists (select from public.orders as o where o.connection_id = p.connection_id and o.platform_id = k)
        or exists (select from public.printify_orders as o
                   where o.connection_id = p.connection_id and o.platform_id = k))"""
# What may name a person though it is no word here: whoever has a parcel's number reads to whom it goes.
CODES = {"tracking_code", "tracking_number", "number", "description"}
NOT_WORDS = re.compile(r"gid://.*|https?://.*|[a-z_-]*|[^a-z]*|.*\d{4}-\d\d-\d\d.*", re.DOTALL)


def is_key(name: str) -> bool:
    return name.lower().endswith("id")


def planted(value: Any, broken: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [planted(one, broken) for one in value]
    if isinstance(value, str):
        return value if NOT_WORDS.fullmatch(value) else f"{value} {CANARY}"
    if not isinstance(value, dict):
        return value
    found = {name: one if is_key(name) else planted(one, broken) for name, one in value.items()}
    found |= {name: f"{one} {CANARY}" for name, one in value.items() if name in CODES and isinstance(one, str) and one}
    for mark, member in BROKEN.items():
        key = value.get("receipt_id") or value.get("id")
        if mark in value and broken.setdefault(mark, key) == key:
            found[member] = f"{CANARY} broke it"
    return {**found, "said_by_the_buyer": CANARY}


def work_planted(world: World, between: Callable[[], None] | None = None) -> None:
    """All that is queued, with words in whatever comes; `between` happens once, while an answer is on its way."""
    broken: dict[str, Any] = {}
    happens = [between, lambda: None] if between else []

    def through(send: Send, request: Request) -> Response:
        response = send(request)
        if happens:
            happens.pop()()
        body = json.loads(response.body)
        return replace(response, body=json.dumps(planted(body, broken)).encode())

    for _ in range(20):
        work_due(world, through)
        if not world.jobs(*OPEN):
            return
        world.wake()
    raise AssertionError(world.jobs(*OPEN))


def run_planted(world: World, *, again: bool = False) -> None:
    """The whole backfill."""
    world.start(again=again)
    work_planted(world)


def backfilled_again(world: World) -> None:
    run_planted(world, again=True)


def followed_by_rounds(world: World) -> None:
    """Rounds that look back to the very beginning."""
    world.db.execute("update public.sync_cursors set watermark = '2001-01-01' where user_id = %s", [world.user_id])
    operations.orchestrator(world.app).sync(world.user_id, entities=(), trigger="test")
    work_planted(world)


def named_by_webhooks(world: World) -> None:
    """Every object that its platform reads again by its id."""
    for shop in world.shops:
        for one in platform_named(shop.platform).changes.objects:
            world.db.execute(
                "select private.read_again(a, %s, array("
                "select distinct k from public.sync_pages as p, unnest(p.keys) as k"
                " where p.connection_id = a.id and p.stream = %s and k not like 'rejected:%%'), 'x', false, 'test')"
                " from public.connected_accounts as a where a.id = %s",
                [one.event or one.stream, one.stream, shop.connection_id],
            )
    work_planted(world)


def replayed(world: World) -> dict[str, int]:
    return operations.replay_rejected(world.app, user_id=world.user_id)


def dump(db: psycopg.Connection[Any], word: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every row of every table that holds the word anywhere, as text or as bytes. What a row was before a run is one of
    its table, too.
    """
    for table in tables(db):
        query = sql.SQL("select to_jsonb(t) from {} as t where t::text like any (%s)").format(table)
        for (row,) in db.execute(query, [[f"%{word}%", f"%{word.encode().hex()}%"]]).fetchall():
            yield title(table).removeprefix("public."), {name: one for name, one in row.items() if name != "before"}
            if row.get("before"):
                yield row["table_name"], row["before"]


def told(db: psycopg.Connection[Any]) -> set[str]:
    """Where the planted words still stand, but for what may stay."""
    return {
        f"{table}.{name}"
        for table, row in dump(db, CANARY)
        # What a shop's account was charged without an order is about no buyer.
        # Nor is what a printer could not be asked for which order it was made.
        if table not in THINGS
        and (row.get("platform"), table) != ("printify", "rejected_records")
        and (table != "payments" or row["order_platform_id"])
        for name, value in row.items()
        if any(word in json.dumps(value) for word in (CANARY, CANARY.encode().hex()))
        and name not in STAY.get(table, ())
    }


def erase_all_buyers(world: World, db: psycopg.Connection[Any]) -> None:
    for shop in world.shops:
        known = db.execute(
            "select buyer_platform_id from public.orders where connection_id = %s and buyer_platform_id is not null"
            " union select platform_id from public.customers where connection_id = %s"
            # Whose only order could not be mapped.
            " union select raw ->> 'buyer_user_id' from public.order_payments where connection_id = %s",
            [shop.connection_id] * 3,
        ).fetchall()
        for (buyer,) in known:
            obligations.erase_buyer(
                world.app.store,
                [{"connection_id": shop.connection_id}],
                user_id=world.user_id,
                buyer=buyer,
                email=None,
            )


def erase_guests(world: World, db: psycopg.Connection[Any]) -> None:
    """Of guests, and of orders that could not be mapped, the platform names the orders."""
    shopify = world.of("shopify")
    guests = [str(order["id"]) for order in shopify.stand_in.truth(shopify.shop, "orders")]
    db.execute(
        "select private.erase_buyer(a, array['8801234567'], null, %s, false) from public.connected_accounts as a"
        " where id = %s",
        [guests, shopify.connection_id],
    )


def test_who_is_erased_is_named_nowhere(app: App, db: psycopg.Connection[Any], shops: Shops) -> None:
    other = shops.seller(app, db)
    other.run()
    before = fingerprint(db, other.user_id)
    world = shops.seller(app, db)
    run_planted(world)
    make_all_differ(world)
    run_planted(world, again=True)
    link_all(world, db)
    planted_in = told(db)

    erase_all_buyers(world, db)
    erase_guests(world, db)

    emptied = {f"{table}.{column}" for table, column in cleared(db)}
    assert {"customers.name", "customers.email", "rejected_records.raw", *emptied} <= planted_in
    assert told(db) == set()
    assert fingerprint(db, other.user_id) == before
    # Nor does a rollback bring back who they were.
    restored = [table for shop in world.shops for table in last_run_taken_back(world, shop.connection_id)["tables"]]
    assert {"orders", "customers", "printify_orders"} <= set(restored)
    assert told(db) == set()
    # The platforms go on to show who they are, whichever way we look.
    for seen_again in (backfilled_again, followed_by_rounds, named_by_webhooks):
        since = db.execute("select clock_timestamp()").fetchone()
        seen_again(world)
        assert (seen_again.__name__, told(db)) == (seen_again.__name__, set())
        (came,) = db.execute(ORDERS_SINCE, [world.user_id, *(since or ())]).fetchall()
        assert set(*came) == {shop.platform for shop in world.shops}, seen_again.__name__
        assert replayed(world)["landed"] == 0
        assert told(db) == set()
    assert fingerprint(db, other.user_id) == before


def make_all_differ(world: World) -> None:
    """Whatever comes next changes every row, so that what it was before is on record."""
    for (table,) in world.db.execute("select s.name from private.synced_tables as s").fetchall():
        query = sql.SQL("update public.{} set content_hash = content_hash + 1, source_updated_at = '2001-01-01'")
        world.db.execute(query.format(sql.Identifier(table)) + sql.SQL(" where user_id = %s"), [world.user_id])


def last_run_taken_back(world: World, connection_id: str) -> dict[str, Any]:
    (last,) = world.app.store.rpc("runs", p_user_id=world.user_id, p_connection_ids=[connection_id], p_limit=1)
    answer: dict[str, Any] = world.app.store.rpc("roll_back", p_run_id=last["run_id"])
    return answer


def cleared(db: psycopg.Connection[Any]) -> list[tuple[str, str]]:
    """The columns that an erasure empties: each must have been seen full, or its emptying proves nothing."""
    return db.execute("select p.name, c from private.personal_parts() as p, unnest(p.clears) as c").fetchall()


def link_all(world: World, db: psycopg.Connection[Any]) -> None:
    """Every order of the printer's was made for an order of Etsy's."""
    db.execute(
        "insert into private.cost_links (connection_id, source_id, order_connection_id, order_platform_id, user_id,"
        " platform) select p.connection_id, p.platform_id, o.connection_id, o.platform_id, p.user_id, o.platform"
        " from public.printify_orders as p, lateral (select * from public.orders where connection_id = %s limit 1) as o"
        " where p.user_id = %s on conflict do nothing",
        [world.of("etsy").connection_id, world.user_id],
    )


def test_a_shop_that_is_erased_leaves_nothing_and_takes_nothing_of_others(
    app: App, db: psycopg.Connection[Any], shops: Shops
) -> None:
    """The costs that a printer tells stay, whichever channel they were linked to."""
    world = shops.seller(app, db)
    world.run()
    gone = world.of("shopify")
    kept = {shop.platform: shop.wrong() for shop in world.shops}
    costs = db.execute("select count(*) from public.order_costs").fetchone()
    db.execute("update public.order_costs set reference = %s", [next(iter(gone.stored("orders")))])
    db.execute("update public.connected_accounts set status = 'reconnect_needed' where id = %s", [gone.connection_id])
    world.app.store.rpc(
        "accept_platform_event",
        p_platform="shopify",
        p_delivery_id="redact",
        p_shop_id=gone.shop.id,
        p_topic="shop/redact",
        p_effect="redact_shop",
    )
    while operations.keep_house(app)["open"]:
        pass

    assert set(map(str, kept.values())) == {"[]"}
    assert db.execute("select count(*) from public.order_costs").fetchone() == costs
    # What was told of the shop is kept for a month: ids, codes and counts.
    assert {table for table, _ in dump(db, gone.connection_id)} == {"private.privacy_requests", "private.outbox"}
    assert [shop.wrong() for shop in world.shops if shop is not gone] == [[], []]
