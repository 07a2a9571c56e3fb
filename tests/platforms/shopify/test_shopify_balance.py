"""The payment account: read where the seller shows it, to its end, and never asked for where they do not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from execution.http.messages import Response
from execution.platforms.shopify.streams import BALANCE_TRANSACTIONS
from execution.slices.lookup_step import as_list
from tests.standins.shopify import Shopify
from tests.standins.stand_in import Shop
from tests.worlds.rounds import a_while_ago, round_of
from tests.worlds.world import World

WorldOf = Callable[[Shop], World]
USUAL = ("read_orders", "read_all_orders", "read_products", "read_customers", "read_inventory", "read_locations")
PAYMENTS = ("read_shopify_payments_accounts", "read_shopify_payments_payouts")
SHOWN = {"scopes": [*USUAL, *PAYMENTS]}
TABLE = "balance_transactions"


def asked_for(shopify: Shopify, world: World) -> int:
    return sum("shopifyPaymentsAccount" in call["operation"] for call in shopify.asked(world.shop))


def paid_by_shopify(shopify: Shopify, shop: Shop) -> list[int]:
    return [
        order["id"]
        for order in shopify.truth(shop, "orders")
        if order["gateway"] == "shopify_payments" and order["financial"] == "PAID" and not order["test"]
    ]


def test_every_entry_is_read_to_the_newest(shopify: Shopify, world_of: WorldOf) -> None:
    """Of more than a page; disputes that were lost and won, payouts, some that bounced."""
    world = world_of(shopify.shop(330, products=6, **SHOWN))
    lost, won, asked = paid_by_shopify(shopify, world.shop)[:3]
    at = a_while_ago(3 * 86_400)
    shopify.mutate(world.shop, "dispute_order", order_id=lost, at=at, status="LOST")
    shopify.mutate(world.shop, "dispute_order", order_id=won, at=at, status="WON")
    shopify.mutate(world.shop, "dispute_order", order_id=asked, at=at, **{"as": "INQUIRY"})

    world.run("orders")

    assert world.statuses()["orders"] == "completed"
    assert world.wrong(TABLE, "order_disputes") == []
    rows = world.stored(TABLE).values()
    assert len(rows) > 250
    assert {row["entry_type"] for row in rows} >= {
        "charge", "refund", "dispute_withdrawal", "dispute_reversal", "chargeback_fee", "transfer", "transfer_failure",
    }  # fmt: skip
    assert asked_for(shopify, world) == len(rows) // 250 + 2


def test_rounds_read_on_and_ask_for_payouts_that_were_still_to_come(shopify: Shopify, world_of: WorldOf) -> None:
    world = world_of(shopify.shop(20, products=6, **SHOWN))
    world.run("orders")
    order = paid_by_shopify(shopify, world.shop)[0]
    shopify.mutate(world.shop, "dispute_order", order_id=order, at=a_while_ago(), status="LOST")
    # One that had no payout when it was read, a day ago.
    (paid,) = world.db.execute(
        "update public.balance_transactions set payout_platform_id = null, payout_status = 'pending', content_hash = 0,"
        " processed_at = now() - interval '1 day 2 minutes' where (connection_id, platform_id) = (select connection_id,"
        " min(platform_id) from public.balance_transactions where payout_platform_id is not null group by 1)"
        " returning platform_id"
    ).fetchone() or ("",)
    shopify.control("DELETE", "/ledger")

    round_of(world, "orders")

    assert world.wrong(TABLE, "order_disputes") == []
    assert world.stored(TABLE)[paid]["payout_platform_id"] is not None
    assert asked_for(shopify, world) == 2
    new = [row for row in world.stored(TABLE).values() if row["order_platform_id"] == str(order)]
    assert {row["entry_type"] for row in new} >= {"dispute_withdrawal", "chargeback_fee"}


def test_who_does_not_show_it_is_read_all_the_same(shopify: Shopify, world_of: WorldOf) -> None:
    """No call and no failure; once it is shown the next round reads it from its beginning."""
    shop = shopify.shop(40, products=6)
    world = world_of(shop)
    world.run("orders")

    assert (world.statuses()["orders"], asked_for(shopify, world), world.stored(TABLE)) == ("completed", 0, {})

    # As the job that looks after a connection finds it.
    shopify.control("POST", "/tokens/scopes", shop_id=shop.number, scopes=SHOWN["scopes"])
    world.db.execute("update private.platform_tokens set rights = %s", [SHOWN["scopes"]])
    round_of(world, "orders")

    assert world.stored(TABLE)
    assert world.wrong(TABLE) == []


def test_a_shop_without_an_account_has_no_entries(shopify: Shopify, world_of: WorldOf) -> None:
    world = world_of(shopify.shop(0, products=6, **SHOWN))

    world.run("orders")

    assert (world.statuses()["orders"], world.stored(TABLE)) == ("completed", {}), world.error("orders")
    assert asked_for(shopify, world) == 1


@pytest.mark.parametrize(
    ("body", "becomes"),
    [
        (b'{"data":{"a":null}}', {"data": {"a": {"b": {"nodes": []}}}}),
        (b'{"data":{"a":{"b":null}}}', {"data": {"a": {"b": {"nodes": []}}}}),
        (b'{"data":{"a":{"b":{"nodes":null}}}}', {"data": {"a": {"b": {"nodes": []}}}}),
        (b'{"data":{"a":{"b":{"nodes":[{"x":null}]}}}}', {"data": {"a": {"b": {"nodes": [{"x": None}]}}}}),
        # An answer without it is none, and is not taken for an empty one.
        (b'{"data":{"x":null}}', {"data": {"x": None}}),
        (b'{"data":{"a":{"x":null}}}', {"data": {"a": {"x": None}}}),
    ],
)
def test_null_in_place_of_a_list_is_none_and_a_list_that_lacks_is_not(body: bytes, becomes: object) -> None:
    lookup = replace(BALANCE_TRANSACTIONS, records_at="data.a.b.nodes")
    response = Response(status=200, body=body, headers={}, fetched_at=datetime.now(UTC))

    assert json.loads(as_list(lookup, ["0"], response).body) == becomes
