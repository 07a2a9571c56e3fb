"""A seller of three platforms, loaded by the product's own parts from the stand-ins: costs, profit, and the command."""

from __future__ import annotations

import json
import time
from collections import Counter

import pytest

from execution.reports import costs
from execution.terminal import console
from tests.reports.cost_records import Print, Records, Sale, expected_links, expected_orders, new_records, printed
from tests.worlds.world import make_world

ENDS_AT = int(time.time()) - 3600


@pytest.fixture
def seller(app, db, platforms):
    """A user with a shop at Etsy and one at Shopify, and a printer for both."""
    seed = platforms.etsy.seeds.draw()
    sold = (platforms.etsy, platforms.etsy.shop(50, seed=seed, ends_at=ENDS_AT))
    own = (platforms.shopify, platforms.shopify.shop(50, seed=seed, ends_at=ENDS_AT))
    printed = (platforms.printify, platforms.printify.printer(sold, own, seed=seed))
    return make_world(app, db, sold, own, printed, expires_in=3600)


def load(seller, *order):
    """One platform after the other."""
    for platform in order:
        seller.of(platform).run()


def truth(platforms, seller) -> Records:
    """What the stand-in says it printed, and the orders that are here, for the second reckoning."""
    records = Records(db=seller.db, user=seller.user_id)
    for order in platforms.printify.truth(seller.of("printify").shop, "orders"):
        made = printed(order)
        records.prints[made.id] = made
    rows = seller.db.execute(
        "select platform, platform_id, order_number from public.orders where user_id = %s", [seller.user_id]
    )
    records.sales = {(p, i): Sale(platform=p, id=i, number=n) for p, i, n in rows}
    return records


@pytest.mark.parametrize(
    "order", [("etsy", "shopify", "printify"), ("printify", "shopify", "etsy"), ("shopify", "printify", "etsy")]
)
def test_whichever_platform_comes_first_costs_are_those_of_the_source(platforms, seller, order):
    """Links and costs equal those reckoned from the stand-in's truth; profit is revenue less all that was paid."""
    load(seller, *order)

    records = truth(platforms, seller)
    assert records.orders() == expected_orders(records)
    assert {key: (state, *meant) for key, (state, _, *meant) in records.costs().items()} == expected_links(records)
    report = costs.report(seller.app.store, seller.user_id, limit=100)
    linked = [amount for state, _, amount, _ in records.orders().values() if state == "linked"]
    assert len(linked) > 0.7 * len(records.sales)
    counted_ones = seller.db.execute(
        "select sum(cost_amount) from public.orders as o where user_id = %s and cost_state = 'linked'"
        " and private.counts_as_sale(o)",
        [seller.user_id],
    ).fetchone()
    assert (sum(total["cost"] for total in report["totals"]),) == counted_ones
    for total in report["totals"]:
        assert total["profit"] == total["revenue"] - total["refunds"] - total["fees"] - total["cost"]
    for each in report["orders"]:
        if each["profit"] is not None:
            assert each["profit"] == each["revenue"] - each["refunds"] - each["fees"] - each["cost"]
    counted: Counter[str] = Counter()
    for spent in report["spent"]:
        counted[spent["state"]] += spent["count"]
    assert counted == Counter(state for state, *_ in expected_links(records).values())


def test_a_change_at_the_printer_reaches_the_order_with_the_next_read(platforms, seller, capsys):
    """A cost that comes later, a reference that is mended; the command tells it."""
    load(seller, "etsy", "printify")
    receipt = seller.db.execute(
        "select platform_id from public.orders where user_id = %s and cost_source is null", [seller.user_id]
    ).fetchone()[0]
    made = platforms.printify.mutate(
        seller.of("printify").shop, "new_order", status="cost-calculation", cost=0, quantity=1
    )
    order_id = made["result"]["order_id"]
    before = _state(seller, receipt)
    platforms.printify.mutate(
        seller.of("printify").shop, "set_reference", order_id=order_id, shop_order_id=int(receipt)
    )
    platforms.printify.mutate(seller.of("printify").shop, "set_cost", order_id=order_id, cost=432, shipping_cost=100)
    platforms.printify.mutate(seller.of("printify").shop, "send_to_production", order_id=order_id)
    seller.of("printify").run("orders", again=True)

    assert before == ("no_cost_yet", None)
    assert _state(seller, receipt) == ("linked", 532)
    console.print(costs.tables(costs.report(seller.app.store, seller.user_id, limit=3)))
    shown = capsys.readouterr().out
    for words in ("cost of goods", "Unlinked costs", "Newest orders with a cost", "counted for each piece"):
        assert words in shown


def _state(seller, receipt):
    return seller.db.execute(
        "select cost_state, cost_amount from public.orders where user_id = %s and platform_id = %s",
        [seller.user_id, receipt],
    ).fetchone()


def test_profit_of_an_order_in_two_currencies_is_not_told(clean, db, env):
    """Etsy in euros, the printer in dollars: counted, and left out of every sum."""
    records = new_records(db)
    records.put(Sale(platform="etsy", id="1", number="1"), Print(id="p", reference=1))
    db.execute("update public.orders set currency = 'EUR' where user_id = %s", [records.user])

    report = db.execute("select public.cost_report(%s, 10)", [records.user]).fetchone()[0]

    (total,) = report["totals"]
    assert (total["linked"], total["two_currencies"], total["with_profit"], total["profit"]) == (1, 1, 0, 0)
    assert report["orders"][0]["profit"] is None
    assert json.dumps(report["digits"], sort_keys=True) == '{"EUR": 2, "USD": 2}'
