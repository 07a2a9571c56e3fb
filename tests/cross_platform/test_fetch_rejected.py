"""Records that were kept aside are asked for by id once more: what was mended at its source lands and settles them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from execution import operations
from execution.app import App
from tests.cross_platform.shops import Shops
from tests.worlds.world import ConnectedShop, World

KEPT = "select * from public.rejected_records where connection_id = %s order by id"
ASKED = "select kind, object_id, worked_at is not null as worked from private.platform_events where connection_id = %s"


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A record that cannot be mapped as long as the fault stands, and of which stream."""

    entity: str
    stream: str
    fault: dict[str, Any]
    tables: tuple[str, ...]
    # How the stand-in is told which order.
    names_order: str = "order_id"


NO_TIME = {"kind": "bad_json", "flavour": "wrong_type", "value": "yesterday", "record": 3}
BROKEN = {
    "etsy": Broken(
        entity="orders",
        stream="receipts",
        fault={**NO_TIME, "path": "receipts$", "query": "limit=100", "field": "created_timestamp"},
        tables=("orders", "line_items", "order_refunds", "order_fulfillments"),
        names_order="receipt_id",
    ),
    "printify": Broken(
        entity="orders",
        stream="orders",
        fault={**NO_TIME, "path": r"orders\.json", "field": "created_at"},
        tables=("printify_orders", "printify_line_items", "printify_shipments"),
    ),
    "shopify": Broken(
        entity="orders",
        stream="orders",
        fault={**NO_TIME, "path": "graphql", "field": "processedAt"},
        tables=("orders", "line_items", "order_transactions", "order_refunds", "order_refund_lines"),
    ),
}


def kept_aside(shops: Shops, world: World, platform: str) -> tuple[ConnectedShop, list[str]]:
    """A shop that was read while records of it could not be mapped, and which those are."""
    broken, shop = BROKEN[platform], world.of(platform)
    shops.stand_in(platform).control("POST", "/faults", **broken.fault)
    shop.run(broken.entity)
    shops.stand_in(platform).control("DELETE", "/faults")
    return shop, [row["platform_id"] for row in world.rejected()]


def fetch(world: World, shop: ConnectedShop) -> list[tuple[str, str, str, int]]:
    found = operations.fetch_rejected(world.app, user_id=world.user_id, platform=shop.platform)
    return [(one["entity"], one["stream"], one["outcome"], one["records"]) for one in found]


@pytest.mark.parametrize("platform", BROKEN)
def test_a_record_that_was_mended_at_its_source_lands(
    app: App, db: psycopg.Connection[object], shops: Shops, platform: str
) -> None:
    broken = BROKEN[platform]
    other = shops.seller(app, db)
    beside, _ = kept_aside(shops, other, platform)
    world = shops.seller(app, db)
    shop, victims = kept_aside(shops, world, platform)
    before = other.rows(KEPT, beside.connection_id)
    assert {difference.what for difference in shop.wrong(broken.tables[0])} == {"missing"}

    asked = fetch(world, shop)
    world.drain()

    assert victims
    assert asked == [(broken.entity, broken.stream, "queued", len(victims))]
    assert shop.statuses()["changes"] == "completed"
    assert world.rejected() == []
    assert [row["platform_id"] for row in world.rejected("superseded")] == victims
    assert shop.wrong(*broken.tables) == []
    assert fetch(world, shop) == []
    # Another seller of the same shop asked for nothing.
    assert other.rows(KEPT, beside.connection_id) == before != []
    assert other.rows(ASKED, beside.connection_id) == []
    assert "changes" not in beside.statuses()


@pytest.mark.parametrize("platform", BROKEN)
def test_a_record_that_is_gone_from_its_source_stays_as_it_was_kept(
    app: App, db: psycopg.Connection[object], shops: Shops, platform: str
) -> None:
    world = shops.seller(app, db)
    shop, victims = kept_aside(shops, world, platform)
    before = world.rows(KEPT, shop.connection_id)
    assert victims
    for victim in victims:
        order = int(victim) if victim.isdecimal() else victim
        shops.stand_in(platform).mutate(shop.shop, "remove_order", **{BROKEN[platform].names_order: order})

    fetch(world, shop)
    world.drain()

    assert shop.statuses()["changes"] == "completed"
    assert world.rows(KEPT, shop.connection_id) == before
    assert {row["worked"] for row in world.rows(ASKED, shop.connection_id)} == {True}


def test_what_landed_in_part_is_asked_for_too(app: App, db: psycopg.Connection[object], shops: Shops) -> None:
    world = shops.seller(app, db)
    shop, etsy = world.of("etsy"), shops.stand_in("etsy")
    etsy.fault("bad_json", path="receipts$", query="limit=100", flavour="nul", field="payment_method", record=5)
    shop.run("orders")
    etsy.control("DELETE", "/faults")
    partial = world.rejected("partial")

    asked = fetch(world, shop)
    world.drain()

    assert len(partial) > 0
    assert asked == [("orders", "receipts", "queued", len(partial))]
    assert world.rejected("partial") == []
    assert shop.wrong(*BROKEN["etsy"].tables) == []


def test_what_cannot_be_asked_for_by_id_is_answered_so(app: App, db: psycopg.Connection[object], shops: Shops) -> None:
    """A stream whose records no platform shows one by one, a record without a key, a shop that is connected no more."""
    world = shops.seller(app, db)
    shop, etsy = world.of("etsy"), shops.stand_in("etsy")
    etsy.fault("bad_json", path="listings$", query="state=active&limit=100", flavour="nul")
    etsy.fault("bad_json", path="receipts$", query="limit=100", flavour="missing_key", field="receipt_id", record=5)
    shop.run("orders", "listings")
    kept = len(world.rejected("partial"))
    nameless = len(world.rejected())

    assert fetch(world, shop) == [
        ("listings", "listings", "no_lookup", kept),
        ("orders", "receipts", "no_key", nameless),
    ]
    of_one = operations.fetch_rejected(world.app, user_id=world.user_id, platform="etsy", entities=["listings"])
    assert [one["stream"] for one in of_one] == ["listings"]
    assert world.rows(ASKED, shop.connection_id) == []
    assert "changes" not in shop.statuses()

    db.execute("update public.connected_accounts set status = 'reconnect_needed' where id = %s", (shop.connection_id,))
    assert {outcome for _, _, outcome, _ in fetch(world, shop)} == {"not_connected"}
