"""What others reckon wrongly of a platform that keeps a journal of sales: each as a few rows with the right value."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.money.hand import NOON, Hand

DAY = NOON.date()
LATER = NOON + timedelta(days=40)


@pytest.fixture
def hand(db: Any) -> Hand:
    return Hand(db, "shopify")


def an_order(hand: Hand, total: int, *, status: str = "paid", is_paid: bool = True, **fields: Any) -> str:
    """With a journal; what its own parts say is twice of everything, and counts for nothing."""
    parts = {"item_total_amount": 2 * total, "discount_amount": 77, "tax_amount": 55, "tip_amount": 11, **fields}
    order = hand.order(2 * total, platform="shopify", status=status, is_paid=is_paid, **parts)
    hand.put("order_journals", platform="shopify", platform_id=order, current_total_amount=total)
    return order


def of(hand: Hand) -> dict[str, int]:
    return {name: amount for name, amount in hand.classes(platform="shopify").items() if name != "uncosted"}


def test_sales_are_before_taxes_and_before_discounts(hand: Hand) -> None:
    order = an_order(hand, 1080)
    hand.sale(order, "product order", 864, tax_amount=64, seller_tax_amount=64, discount_amount=200)
    hand.sale(order, "shipping order", 216, tax_amount=16, channel_tax_amount=16)
    hand.moved(order, "sale", 1080, gateway="gift_card")
    assert of(hand) == {
        "order": 1, "gross_sales": 1000, "discount": -200, "shipping": 200, "tax_seller": 64, "tax_platform": 16,
        "payment": 1080,
    }  # fmt: skip
    assert hand.profit(platform="shopify") == 1000


def test_tips_gift_cards_and_duties_are_no_sales(hand: Hand) -> None:
    order = an_order(hand, 1300)
    for kind, total in (("tip order", 300), ("gift_card order", 900), ("duty order", 100)):
        hand.sale(order, kind, total)
    hand.moved(order, "sale", 1300, gateway="gift_card")
    assert of(hand) == {"order": 1, "tip": 300, "gift_card": 900, "duty": 100, "payment": 1300}
    assert hand.profit(platform="shopify") == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"is_test": True},
        {"status": "voided"},
        {"status": "pending", "is_paid": False},
        {"status": "authorized", "is_paid": False},
    ],
)
def test_what_no_money_came_for_is_no_sale(hand: Hand, fields: dict[str, Any]) -> None:
    order = an_order(hand, 1000, **fields)
    hand.sale(order, "product order", 1000)
    hand.moved(order, "authorization", 1000)
    assert of(hand) == {}


def test_a_part_payment_is_a_sale(hand: Hand) -> None:
    order = an_order(hand, 1000, status="partially_paid", is_paid=False)
    hand.sale(order, "product order", 1000)
    hand.moved(order, "sale", 400, gateway="gift_card")
    assert of(hand) == {"order": 1, "gross_sales": 1000, "payment": 400}


def test_an_order_is_heard_of_on_all_its_days_when_it_is_paid(hand: Hand) -> None:
    order = an_order(hand, 1000, status="pending", is_paid=False)
    hand.sale(order, "product order", 1000)
    hand.sale(order, "product update", 300, at=LATER)
    assert of(hand) == {}
    hand.change(
        "update public.orders set status = 'paid', is_paid = true where connection_id = %s", hand.shops["shopify"]
    )
    days = hand.days(platform="shopify")
    assert (days[DAY]["gross_sales"], days[LATER.date()]["gross_sales"]) == (1000, 300)


def test_an_edit_and_an_exchange_count_on_their_own_day(hand: Hand) -> None:
    order = an_order(hand, 1000)
    hand.sale(order, "product order", 1000)
    hand.sale(order, "product return", -500, at=LATER)
    hand.sale(order, "product order", 500, at=LATER)
    hand.moved(order, "sale", 1000, gateway="gift_card")
    days = hand.days(platform="shopify")
    assert days[LATER.date()] == {"gross_sales": 500, "reversal_goods": -500}
    assert hand.days("of_sales", platform="shopify")[DAY]["reversal_goods"] == -500
    assert hand.profit(platform="shopify") == 1000


def test_a_return_with_a_fee_a_refund_without_goods_and_one_of_shipping_stand_apart(hand: Hand) -> None:
    order = an_order(hand, 1500)
    hand.sale(order, "product order", 1000)
    hand.sale(order, "shipping order", 540, tax_amount=40, seller_tax_amount=40)
    hand.sale(order, "product return", -600, at=LATER)
    hand.sale(order, "fee order", 100, at=LATER)
    hand.sale(order, "adjustment return", -50, at=LATER)
    hand.sale(order, "shipping return", -540, tax_amount=-40, seller_tax_amount=-40, at=LATER)
    hand.moved(order, "refund", 1090, at=LATER)
    assert hand.days(platform="shopify")[LATER.date()] == {
        "reversal_goods": -600, "other_income": 100, "reversal_adjustment": -50, "reversal_shipping": -500,
        "reversal_tax_seller": -40, "refund_paid": -1090,
    }  # fmt: skip
    assert hand.profit(platform="shopify") == 450


def test_whose_a_tax_is_may_be_unknown(hand: Hand) -> None:
    order = an_order(hand, 1100)
    hand.sale(order, "product order", 1100, tax_amount=100, channel_tax_amount=60, seller_tax_amount=10)
    classes = of(hand)
    assert [classes[f"tax_{whose}"] for whose in ("platform", "seller", "unknown")] == [60, 10, 30]


def test_an_unknown_piece_of_a_journal_is_in_no_figure(hand: Hand) -> None:
    order = an_order(hand, 1100)
    hand.sale(order, "hologram order", 1100, tax_amount=100, seller_tax_amount=100)
    hand.moved(order, "sale", 1100, gateway="gift_card")
    assert of(hand) == {"order": 1, "unclassified": 1100, "payment": 1100}
    assert hand.profit(platform="shopify") == 0


def test_fees_are_of_the_payment_and_unknown_until_they_come(hand: Hand) -> None:
    order = an_order(hand, 1000)
    hand.sale(order, "product order", 1000)
    payment = hand.moved(order, "sale", 1000, gateway="shopify_payments", at=LATER)
    assert hand.days(platform="shopify")[DAY]["fees_unknown"] == 1
    hand.change(
        "update public.order_transactions set fees_amount = 59, fees_tax_amount = 11, fee_currency = 'EUR'"
        " where connection_id = %s and platform_id = %s",
        hand.shops["shopify"], payment,
    )  # fmt: skip
    days = hand.days(platform="shopify")
    assert "fees_unknown" not in days[DAY]
    assert (days[LATER.date()]["fee_payment"], days[LATER.date()]["tax_on_fees"]) == (-59, -11)


@pytest.mark.parametrize(("gateway", "unknown"), [("paypal", 1), ("manual", 1), ("gift_card", 0)])
def test_of_other_gateways_the_fees_are_unknown_never_nothing(hand: Hand, gateway: str, unknown: int) -> None:
    order = an_order(hand, 1000)
    hand.moved(order, "sale", 1000, gateway=gateway)
    assert of(hand).get("fees_unknown", 0) == unknown


def test_a_payment_that_failed_is_none(hand: Hand) -> None:
    order = an_order(hand, 1000)
    hand.moved(order, "sale", 1000, status="failure", gateway="gift_card")
    hand.moved(order, "refund", 1000, status="pending", gateway="gift_card")
    assert not {"payment", "refund_paid"} & of(hand).keys()
