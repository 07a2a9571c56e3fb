"""What others reckon wrongly, and what we once did: each as a few rows with the right value."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from tests.money.hand import NOON, Hand

DAY = NOON.date()


@pytest.fixture
def hand(db: Any) -> Hand:
    return Hand(db, "etsy", "printify")


def a_taxed_order(hand: Hand, *, fee: int = 0, at: datetime = NOON) -> str:
    """18.50 and 5.39 shipping, 1.89 tax, and a state's delivery fee; Etsy takes tax and fee out again."""
    parts = {"item_total_amount": 1850, "shipping_amount": 539, "tax_amount": 189}
    order = hand.order(sum(parts.values()) + fee, at=at, **parts)
    hand.entry("PAYMENT_GROSS", 2578 + fee, order, at=at)
    hand.entry("sales_tax", -189, order, at=at)
    if fee:
        hand.entry("buyer_fee", -fee, order, at=at)
    return order


def test_a_refunded_tax_is_subtracted_once(hand: Hand) -> None:
    order = hand.order(10800, item_total_amount=10000, tax_amount=800)
    hand.entry("PAYMENT_GROSS", 10800, order)
    hand.entry("sales_tax", -800, order)
    hand.refund(order, 10800)
    hand.entry("REFUND_GROSS", -10800, order)
    hand.entry("sales_tax_refund", 800, order)
    assert hand.profit() == 0
    classes = hand.classes()
    assert classes["reversal_goods"] == -10000
    assert classes["reversal_tax_platform"] == -800
    assert "reversal_adjustment" not in classes


def test_of_a_part_refund_the_tax_is_what_the_ledger_gave_back(hand: Hand) -> None:
    order = hand.order(10800, item_total_amount=10000, tax_amount=800)
    hand.entry("PAYMENT_GROSS", 10800, order)
    hand.entry("sales_tax", -800, order)
    hand.refund(order, 2160)
    hand.entry("sales_tax_refund", 160, order)
    classes = hand.classes()
    assert (classes["reversal_goods"], classes["reversal_tax_platform"]) == (-2000, -160)
    assert hand.profit() == 8000


def test_a_refund_of_more_than_the_goods_takes_the_shipping_and_then_is_an_adjustment(hand: Hand) -> None:
    order = hand.order(1500, item_total_amount=1000, shipping_amount=500)
    hand.entry("PAYMENT_GROSS", 1500, order)
    hand.refund(order, 1200)
    hand.refund(order, 400, at=NOON + timedelta(days=1))
    days = hand.days()
    assert (days[DAY]["reversal_goods"], days[DAY]["reversal_shipping"]) == (-1000, -200)
    later = days[DAY + timedelta(days=1)]
    assert (later["reversal_shipping"], later["reversal_adjustment"]) == (-300, -100)


@pytest.mark.parametrize(
    ("kind", "amount"),
    [("ADYENBALANCE_REVERSAL", 29236), ("RESERVE", -5000), ("RESERVE", 5000), ("RECOUP", 700), ("DISBURSE2", -900)],
)
def test_money_that_only_moves_is_no_profit(hand: Hand, kind: str, amount: int) -> None:
    hand.entry(kind, amount)
    assert hand.classes() == {"transfer": amount}
    assert hand.profit() == 0


@pytest.mark.parametrize("amount", [-500, 500])
def test_an_unknown_type_is_in_no_figure_and_keeps_its_day_open(hand: Hand, amount: int) -> None:
    hand.entry("climate_contribution", amount)
    assert hand.classes() == {"unclassified": amount}
    assert hand.profit() == 0
    state, waits = hand.state(DAY)
    assert state == "open"
    assert "unclassified" in waits


@pytest.mark.parametrize(
    ("kind", "amount", "name"),
    [
        ("transaction_refund", 40, "fee_selling"),
        ("shipping_label_usps_adjustment_credit", 120, "label"),
        ("SELLER_DRIVEN_TRAFFIC_CREDIT", 300, "credit"),
        ("vat_seller_services", -12, "tax_on_fees"),
        ("offsite_ads_fee_refund", 90, "ads"),
        ("sales_tax_refund", 80, "tax_passed"),
        ("buyer_fee_refund", 31, "tax_passed"),
        # What is no refund of a known kind is guessed from nothing.
        ("transaction_reversal", 5, "unclassified"),
        ("refund_transaction", 5, "unclassified"),
    ],
)
def test_an_entry_is_of_the_class_of_its_kind(hand: Hand, kind: str, amount: int, name: str) -> None:
    hand.entry(kind, amount)
    assert hand.classes() == {name: amount}


@pytest.mark.parametrize("fields", [{"is_paid": False}, {"is_test": True}, {"status": "voided"}])
def test_what_was_never_paid_is_no_sale(hand: Hand, fields: dict[str, Any]) -> None:
    hand.order(1000, item_total_amount=1000, **fields)
    assert hand.classes() == {}


def test_a_canceled_order_stays_a_sale_and_is_taken_back_on_its_own_day(hand: Hand) -> None:
    order = hand.order(1000, item_total_amount=1000, status="canceled", cancelled_at=NOON + timedelta(days=40))
    hand.entry("PAYMENT_GROSS", 1000, order)
    hand.refund(order, 1000, at=NOON + timedelta(days=40))
    days = hand.days()
    assert (days[DAY]["order"], days[DAY]["gross_sales"]) == (1, 1000)
    assert days[DAY + timedelta(days=40)]["reversal_goods"] == -1000
    # The second column: by the day of the sale.
    assert hand.days("of_sales")[DAY]["reversal_goods"] == -1000


def test_a_fee_of_a_state_is_no_income(hand: Hand) -> None:
    a_taxed_order(hand, fee=31)
    classes = hand.classes()
    assert (classes["gross_sales"], classes["shipping"], classes["tax_platform"]) == (1850, 539, 220)
    assert classes["payment"] + classes["tax_passed"] == 1850 + 539
    assert hand.profit() == 1850 + 539


def test_given_back_wholly_a_fee_of_a_state_is_no_loss(hand: Hand) -> None:
    order = a_taxed_order(hand, fee=31)
    hand.refund(order, 2609)
    hand.entry("sales_tax_refund", 189, order)
    hand.entry("buyer_fee_refund", 31, order)
    assert hand.profit() == 0
    assert hand.classes()["reversal_tax_platform"] == -220


def test_given_back_in_part_a_fee_of_a_state_is_no_goods(hand: Hand) -> None:
    order = a_taxed_order(hand, fee=31)
    hand.refund(order, 1000)
    hand.entry("sales_tax_refund", 72, order)
    hand.entry("buyer_fee_refund", 12, order)
    classes = hand.classes()
    assert (classes["reversal_goods"], classes["reversal_tax_platform"]) == (-916, -84)


def test_a_coupon_that_the_platform_pays_for_takes_nothing_from_the_sales(hand: Hand) -> None:
    hand.order(900, item_total_amount=1000)
    assert hand.classes()["gross_sales"] == 1000
    assert hand.profit() == 1000


def test_a_discount_is_taken_off_once(hand: Hand) -> None:
    hand.order(800, item_total_amount=1000, discount_amount=200, subtotal_amount=800)
    classes = hand.classes()
    assert (classes["gross_sales"], classes["discount"]) == (1000, -200)
    assert hand.profit() == 800


def test_a_tax_inside_the_prices_is_no_income(hand: Hand) -> None:
    order = hand.order(1200, item_total_amount=1200, vat_amount=200)
    hand.entry("PAYMENT_GROSS", 1200, order)
    classes = hand.classes()
    assert (classes["gross_sales"], classes["tax_seller"]) == (1000, 200)
    assert hand.profit() == 1000


def test_whose_a_tax_is(hand: Hand) -> None:
    """The platform's where its ledger took it; the seller's where the payment is booked without; else nobody knows."""
    for entries in ((("PAYMENT_GROSS", 110), ("sales_tax", -10)), (("PAYMENT_GROSS", 110),), ()):
        order = hand.order(110, item_total_amount=100, tax_amount=10)
        for kind, amount in entries:
            hand.entry(kind, amount, order)
    classes = hand.classes()
    assert [classes[f"tax_{whose}"] for whose in ("platform", "seller", "unknown")] == [10, 10, 10]
    assert hand.profit() == 300


def test_a_fee_that_comes_late_is_unknown_until_then(hand: Hand) -> None:
    order = hand.order(1000, item_total_amount=1000)
    assert hand.classes()["fees_unknown"] == 1
    hand.entry("PAYMENT_GROSS", 1000, order, at=NOON + timedelta(days=2))
    hand.entry("PAYMENT_PROCESSING_FEE", -55, order, at=NOON + timedelta(days=2))
    assert "fees_unknown" not in hand.days()[DAY]
    assert hand.days()[DAY + timedelta(days=2)]["fee_payment"] == -55


def test_a_label_is_of_the_day_it_is_bought(hand: Hand) -> None:
    order = hand.order(1000, item_total_amount=1000)
    hand.entry("shipping_labels", -450, order, at=NOON + timedelta(days=3))
    assert "label" not in hand.days()[DAY]
    assert hand.days()[DAY + timedelta(days=3)]["label"] == -450


def test_days_are_the_shops(hand: Hand) -> None:
    """One minute before and after midnight, on days of 23 and 25 hours; and the zone of the time, not of now."""
    hand.zone("America/New_York")
    hand.zone("Europe/Berlin", "2026-06-01T00:00Z")
    for text in (
        "2026-03-08T04:59Z", "2026-03-08T05:00Z", "2026-03-09T03:59Z", "2026-03-09T04:00Z",
        "2025-11-02T03:59Z", "2025-11-02T04:00Z", "2025-11-03T04:59Z", "2025-11-03T05:00Z",
        "2026-06-01T21:59Z", "2026-06-01T22:00Z",
    ):  # fmt: skip
        hand.entry("prolist", -1, at=datetime.fromisoformat(text))
    found = {day: classes["ads"] for day, classes in hand.days().items()}
    march, november, june = date(2026, 3, 7), date(2025, 11, 1), date(2026, 6, 1)
    assert found == {
        march: -1, march + timedelta(1): -2, march + timedelta(2): -1,
        november: -1, november + timedelta(1): -2, november + timedelta(2): -1,
        june: -1, june + timedelta(1): -1,
    }  # fmt: skip


def test_currencies_are_never_added(hand: Hand, db: Any) -> None:
    order = hand.order(1000, item_total_amount=1000, currency="EUR")
    hand.entry("transaction", -65, order, currency="USD")
    hand.days()
    rows = db.execute(
        "select currency, class, amount from public.money_days where connection_id = %s and amount <> 0",
        [hand.shops["etsy"]],
    )
    assert sorted(rows) == [("EUR", "gross_sales", 1000), ("USD", "fee_selling", -65)]


def test_gift_wrap_is_other_income_and_an_entry_is_no_sale(hand: Hand) -> None:
    order = hand.order(1350, item_total_amount=1000, gift_wrap_amount=350)
    hand.entry("PAYMENT_GROSS", 1350, order)
    classes = hand.classes()
    assert (classes["gross_sales"], classes["other_income"], classes["payment"]) == (1000, 350, 1350)
    assert hand.profit() == 1350


def _printed(hand: Hand, order: str, **fields: Any) -> None:
    """What an order of the printer's cost, linked to a sale."""
    source = {"connection_id": hand.shops["printify"], "source_id": f"p{order}", "user_id": hand.user_id}
    link = {"order_connection_id": hand.shops["etsy"], "order_platform_id": order, "platform": "etsy"}
    cost = {"production_amount": 700, "shipping_amount": 300, "tax_amount": 83, **fields}
    hand.change(
        "insert into public.order_costs (connection_id, source_id, user_id, source, is_reprint, ordered_at, currency,"
        " production_amount, shipping_amount, tax_amount, is_known, state, platform, order_connection_id,"
        " order_platform_id)"
        " values (%s, %s, %s, 'printify', false, %s, 'USD', %s, %s, %s, true, 'linked', 'etsy', %s, %s)",
        *source.values(), NOON + timedelta(days=5), *cost.values(), hand.shops["etsy"], order,
    )  # fmt: skip
    hand.change(
        "insert into private.cost_links (connection_id, source_id, user_id, order_connection_id, order_platform_id,"
        " platform)"
        " values (%s, %s, %s, %s, %s, %s)",
        *source.values(), *link.values(),
    )  # fmt: skip
    hand.change(
        "update public.orders set cost_state = 'linked' where connection_id = %s and platform_id = %s",
        hand.shops["etsy"], order,
    )  # fmt: skip


def test_a_printers_tax_is_a_cost_on_the_day_of_the_sale(hand: Hand) -> None:
    order = hand.order(5000, item_total_amount=5000)
    _printed(hand, order)
    found = hand.days()[DAY]
    assert (found["cogs_goods"], found["cogs_shipping"], found["cogs_tax"]) == (-700, -300, -83)
    assert hand.profit() == 5000 - 1083


def test_a_tax_that_is_reclaimed_is_no_cost(hand: Hand) -> None:
    order = hand.order(5000, item_total_amount=5000)
    _printed(hand, order)
    hand.change("update public.profiles set reclaims_tax = true where user_id = %s", hand.user_id)
    assert hand.classes()["cogs_tax_reclaimed"] == -83
    assert hand.profit() == 5000 - 1000


def test_an_order_without_a_cost_is_counted_as_such(hand: Hand) -> None:
    hand.order(5000, item_total_amount=5000)
    assert hand.classes()["uncosted"] == 1
