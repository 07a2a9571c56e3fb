"""What sellers complain of in other tools (the reference's table A3), each with the value that is right."""

from __future__ import annotations

from typing import Any

import pytest

from tests.money.shop import Db, HandShop, hand_shop
from tests.worlds.users import connect

DAY, LATER = "2026-03-04", "2026-03-09"
NOON, LATER_NOON = f"{DAY}T12:00Z", f"{LATER}T12:00Z"


@pytest.fixture
def shop(db: Db, clean: None) -> HandShop:
    return hand_shop(db)


def of(shop: HandShop, day: str, *names: str) -> dict[str, int]:
    found = shop.day(day)
    return {name: found[name] for name in names or found if name in found}


def test_what_was_refunded_wholly_comes_to_nothing(shop: HandShop) -> None:
    """100 and 8 tax, given back: 0, not -8. The tax is nobody's income and nobody's refund."""
    order = shop.sell(NOON, 10000, tax=800)
    shop.pay(order, NOON, 10800, tax=800)
    shop.refund(order, LATER_NOON, 10800)
    shop.book(LATER_NOON, "REFUND_GROSS", -10800, order)
    shop.book(LATER_NOON, "sales_tax_refund", 800, order)
    shop.roll()

    assert of(shop, LATER) == {
        "reversal_goods": -10000, "reversal_tax_platform": -800, "refund_paid": -10800, "tax_passed": 800,
    }  # fmt: skip
    assert shop.profit(DAY) + shop.profit(LATER) == 0


@pytest.mark.parametrize(
    ("refunds", "back", "expected"),
    [
        # Of the tax that the platform took, as much as its ledger gave back; where it gave none, the refund had none.
        ([5400], 400, [{"goods": 5000, "tax": 400}]),
        ([5400], 0, [{"goods": 5400}]),
        # Goods first, then shipping; together they are what was bought, and no more.
        ([10000, 1300], 800, [{"goods": 9200, "tax": 800}, {"goods": 800, "shipping": 500}]),
        ([12000], 800, [{"goods": 10000, "shipping": 500, "tax": 800, "adjustment": 700}]),
    ],
)  # fmt: skip
def test_parts_of_refunds_add_up(shop: HandShop, refunds: list[int], back: int, expected: list[Any]) -> None:
    order = shop.sell(NOON, 10000, tax=800, shipping_amount=500)
    shop.pay(order, NOON, 11300, tax=800)
    days = ["2026-03-05", "2026-03-06"][: len(refunds)]
    for day, amount in zip(days, refunds, strict=True):
        shop.refund(order, f"{day}T10:00Z", amount)
    if back:
        shop.book("2026-03-05T10:00Z", "sales_tax_refund", back, order)
    shop.roll()

    found = [
        {name.removeprefix("reversal_").removesuffix("_platform"): -amount for name, amount in shop.day(day).items()
         if name.startswith("reversal_")}
        for day in days
    ]  # fmt: skip
    assert found == expected
    of_sales = shop.told(DAY)["currencies"]["USD"]["of_sales"]
    assert -sum(of_sales.values()) == sum(refunds)


def test_the_sellers_own_tax_goes_back_with_its_share(shop: HandShop) -> None:
    order = shop.sell(NOON, 10000, tax=2000)
    shop.pay(order, NOON, 12000)
    shop.refund(order, LATER_NOON, 6000)
    shop.roll()

    assert of(shop, DAY, "tax_seller", "tax_platform") == {"tax_seller": 2000}
    assert of(shop, LATER) == {"reversal_goods": -5000, "reversal_tax_seller": -1000}


def test_whose_tax_it_is_is_unknown_until_the_ledger_has_the_payment(shop: HandShop) -> None:
    order = shop.sell(NOON, 10000, tax=800)
    shop.roll()
    before = of(shop, DAY, "tax_unknown", "tax_platform", "fees_unknown")
    shop.pay(order, NOON, 10800, tax=800)
    shop.roll()

    assert before == {"tax_unknown": 800, "fees_unknown": 1}
    assert of(shop, DAY, "tax_unknown", "tax_platform", "fees_unknown") == {"tax_platform": 800}


def test_a_states_fee_and_a_coupon_of_the_platforms_are_no_income(shop: HandShop) -> None:
    """18.50 and 5.39, 1.89 tax, 0.31 for the state: the total less the tax would be 0.31 too much."""
    order = shop.sell(NOON, 1850, tax=189, shipping_amount=539, total_amount=2609)
    shop.pay(order, NOON, 2609, tax=189)
    shop.book(NOON, "buyer_fee", -31, order)
    shop.roll()

    assert of(shop, DAY, "gross_sales", "shipping", "tax_passed") == {
        "gross_sales": 1850, "shipping": 539, "tax_passed": -220,
    }  # fmt: skip
    assert shop.profit(DAY) == 2389


def test_a_tax_inside_the_prices_is_no_income_either(shop: HandShop) -> None:
    shop.sell(NOON, 12000, vat_amount=2000, total_amount=12000)
    shop.roll()

    assert of(shop, DAY, "gross_sales", "tax_unknown") == {"gross_sales": 10000, "tax_unknown": 2000}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("ADYENBALANCE_REVERSAL", "transfer"), ("DISBURSE", "transfer"), ("RESERVE", "transfer"),
        ("RECOUP", "transfer"), ("recoupment", "transfer"),
        ("buyer_fee_refund", "tax_passed"), ("sales_tax_refund", "tax_passed"),
        ("shipping_label_usps_adjustment_credit", "label"), ("shipping_label_refund", "label"),
        ("transaction_quantity_refund", "fee_listing"), ("vat_seller_services_refund", "tax_on_fees"),
        ("offsite_ads_fee_refund", "ads"), ("SELLER_DRIVEN_TRAFFIC_CREDIT", "credit"),
        # Nothing but that ending says what a kind is: no word in it, and no sign.
        ("brand_new_fee", "unclassified"), ("brand_new_fee_refund", "unclassified"), ("TRANSACTION", "unclassified"),
    ],
)  # fmt: skip
def test_every_kind_of_entry_has_its_class_and_no_other(shop: HandShop, kind: str, name: str) -> None:
    shop.book(NOON, kind, 29236)
    shop.roll()

    assert shop.day(DAY) == {name: 29236}
    in_profit = name in ("label", "fee_listing", "tax_on_fees", "ads", "credit")
    assert shop.profit(DAY) == (29236 if in_profit else 0)


@pytest.mark.parametrize("fields", [{"is_test": True}, {"is_paid": False}, {"status": "voided"}, {"is_deleted": True}])
def test_what_was_never_paid_is_no_order(shop: HandShop, fields: dict[str, Any]) -> None:
    order = shop.sell(NOON, 5000, **fields)
    shop.refund(order, LATER_NOON, 5000)
    shop.roll()

    assert (shop.day(DAY), shop.day(LATER)) == ({}, {})


def test_a_cancelled_order_is_a_sale_then_and_a_return_later(shop: HandShop) -> None:
    order = shop.sell(NOON, 5000, status="canceled", cancelled_at=LATER_NOON)
    shop.refund(order, LATER_NOON, 5000)
    shop.roll()

    assert of(shop, DAY, "order", "gross_sales") == {"order": 1, "gross_sales": 5000}
    assert of(shop, LATER) == {"reversal_goods": -5000}


def test_a_tip_is_no_sale(shop: HandShop) -> None:
    shop.sell(NOON, 5000, tip_amount=700, total_amount=5700)
    shop.roll()

    assert (of(shop, DAY, "tip", "gross_sales"), shop.profit(DAY)) == ({"tip": 700, "gross_sales": 5000}, 5000)


def test_a_discount_is_taken_off_once(shop: HandShop) -> None:
    shop.sell(NOON, 5000, discount_amount=1000, subtotal_amount=4000)
    shop.roll()

    assert (of(shop, DAY, "gross_sales", "discount"), shop.profit(DAY)) == (
        {"gross_sales": 5000, "discount": -1000},
        4000,
    )


def test_an_order_whose_parts_cannot_be_read_is_in_no_figure(shop: HandShop) -> None:
    shop.sell(NOON, 5000, item_total_amount=None)
    shop.roll()

    assert (of(shop, DAY, "unclassified", "gross_sales"), shop.profit(DAY)) == ({"unclassified": 5000}, 0)


def printed(shop: HandShop, *orders: str, tax: int = 120, status: str = "fulfilled") -> str:
    """A printer that made these orders, and one thing for nobody."""
    printer = HandShop(db=shop.db, user=shop.user, id=connect(shop.db, shop.user, "printify", "2"), platform="printify")
    for order in (*orders, None):
        made = printer.put("printify_orders", shop_order_id=order, order_type="external" if order else "sample",
                           ordered_at=LATER_NOON, tax_amount=tax, status="fulfilled")  # fmt: skip
        line = {"quantity": 2, "cost_amount": 500, "shipping_cost_amount": 300, "status": status}
        printer.put("printify_line_items", order_platform_id=made, **line)
        printer.put("printify_line_items", order_platform_id=made, cost_amount=999, status="canceled")
    return printer.id


def test_what_printing_cost_stands_with_its_sale_and_its_tax_is_a_cost(shop: HandShop) -> None:
    order = shop.sell(NOON, 5000)
    printer = printed(shop, order)
    shop.roll()

    costs = {"cogs_goods": -1000, "cogs_shipping": -300, "cogs_tax": -120}
    assert of(shop, DAY, *costs, "uncosted") == costs
    assert shop.profit(DAY) == 3580
    alone = HandShop(db=shop.db, user=shop.user, id=printer, platform="printify")
    assert alone.day(LATER) == costs

    shop.db.execute("select public.set_tax_reclaim(%s, true)", [shop.user])
    while (shop.db.execute("select public.finish_work('rebuild')").fetchone() or (0,))[0]:
        pass
    shop.roll()

    assert shop.day(DAY).get("cogs_tax") is None
    assert shop.day(DAY)["cogs_tax_reclaimed"] == -120
    assert shop.profit(DAY) == 3700


def test_a_line_of_an_unknown_status_is_in_no_figure(shop: HandShop) -> None:
    order = shop.sell(NOON, 5000)
    printed(shop, order, status="teleported")
    shop.roll()

    assert shop.day(DAY)["unclassified"] == -1420
    assert shop.profit(DAY) == 5000


def test_a_cost_that_nobody_knows_is_counted_and_not_nothing(shop: HandShop) -> None:
    shop.sell(NOON, 5000)
    shop.roll()

    assert of(shop, DAY, "uncosted", "cogs_goods") == {"uncosted": 1}


@pytest.mark.parametrize(
    ("zone", "moments"),
    [
        # A day of 23 hours and one of 25; midnight that comes twice; a day that never was; quarters of an hour.
        ("America/New_York", {"2026-03-08T04:59Z": "2026-03-07", "2026-03-08T05:00Z": "2026-03-08",
                              "2026-03-09T03:59Z": "2026-03-08", "2026-03-09T04:00Z": "2026-03-09"}),
        ("Europe/Berlin", {"2025-10-25T22:00Z": "2025-10-26", "2025-10-26T22:59Z": "2025-10-26",
                           "2025-10-26T23:00Z": "2025-10-27"}),
        ("America/Havana", {"2025-11-02T03:59Z": "2025-11-01", "2025-11-02T04:30Z": "2025-11-02",
                            "2025-11-02T05:30Z": "2025-11-02"}),
        ("Pacific/Apia", {"2011-12-30T09:59Z": "2011-12-29", "2011-12-30T10:00Z": "2011-12-31"}),
        ("Asia/Kathmandu", {"2026-01-01T18:14Z": "2026-01-01", "2026-01-01T18:15Z": "2026-01-02"}),
    ],
)  # fmt: skip
def test_a_day_is_the_shops(shop: HandShop, zone: str, moments: dict[str, str]) -> None:
    for moment in moments:
        shop.sell(moment, 100)
    shop.zone(zone)
    shop.roll()

    days = shop.db.execute(
        "select day::text, events from public.money_days where connection_id = %s and class = 'order'", [shop.id]
    ).fetchall()
    wanted: dict[str, int] = {}
    for day in moments.values():
        wanted[day] = wanted.get(day, 0) + 1
    assert dict(days) == wanted


def test_a_shop_that_moved_has_its_old_days_in_its_old_zone(shop: HandShop) -> None:
    shop.sell("2026-01-10T20:00Z", 100)
    shop.sell("2026-02-10T20:00Z", 100)
    shop.zone("Asia/Tokyo")
    shop.zone("America/Denver", "2026-02-01T00:00Z")
    shop.roll()

    assert of(shop, "2026-01-11", "order") == {"order": 1}
    assert of(shop, "2026-02-10", "order") == {"order": 1}
