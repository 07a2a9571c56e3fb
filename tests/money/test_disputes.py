"""What a bank took back in a dispute and nobody tells: not known, never nothing, and its day stays open."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from execution.money_lists import _with_figures
from tests.money.hand import NOON, Hand

DAY = NOON.date()


@pytest.fixture
def hand(db: Any, clean: None) -> Hand:
    return Hand(db, "shopify")


def an_order(hand: Hand, **fields: Any) -> str:
    order = hand.order(1000, platform="shopify", status="paid", cost_state="no_cost_yet", **fields)
    hand.put("order_journals", platform="shopify", platform_id=order, current_total_amount=1000)
    hand.sale(order, "product order", 1000, **{k: v for k, v in fields.items() if k == "currency"})
    hand.moved(order, "sale", 1000, gateway="gift_card", **{k: v for k, v in fields.items() if k == "currency"})
    return order


def dispute(hand: Hand, order: str, initiated_as: str | None = "chargeback", status: str | None = "lost") -> str:
    return hand.put(
        "order_disputes", platform="shopify", order_platform_id=order, initiated_as=initiated_as, status=status
    )


def day(hand: Hand) -> dict[str, Any]:
    hand.days(platform="shopify")
    (told,) = hand.told("select public.money_days_of(%s, %s, %s)", hand.user_id, DAY, DAY)
    return dict(told["days"][0])


def told(hand: Hand, order: str) -> dict[str, Any]:
    hand.days(platform="shopify")
    (found,) = hand.told("select public.order_of(%s, %s, %s)", hand.user_id, hand.shops["shopify"], order)
    return _with_figures(found)


@pytest.mark.parametrize(
    ("initiated_as", "status", "is_unknown"),
    [
        ("chargeback", "needs_response", True), ("chargeback", "under_review", True), ("chargeback", "won", True),
        ("chargeback", "lost", True), ("chargeback", "accepted", True), ("chargeback", "prevented", False),
        ("chargeback", "something_new", True), ("chargeback", None, True), (None, "lost", True), (None, None, True),
        ("inquiry", "needs_response", False), ("inquiry", "under_review", False), ("inquiry", "charge_refunded", False),
        ("inquiry", "prevented", False), ("inquiry", "lost", True), ("inquiry", "won", True), ("inquiry", None, True),
    ],
)  # fmt: skip
def test_what_a_dispute_took_is_not_known(
    hand: Hand, initiated_as: str | None, status: str | None, *, is_unknown: bool
) -> None:
    order = an_order(hand)
    dispute(hand, order, initiated_as, status)

    assert hand.classes(platform="shopify").get("disputes_unknown", 0) == is_unknown
    found, usd = told(hand, order), day(hand)["currencies"]["USD"]
    assert ("disputes" in found["missing"]) == is_unknown
    assert (found["figures"]["disputes"] is None) == is_unknown
    assert (usd["profit"], usd["figures"].get("disputes", 0), usd["missing"]) == (
        (None, None, ["disputes"]) if is_unknown else (1000, 0, [])
    )
    # What does not depend on it is known.
    assert (usd["figures"]["gross_sales"], found["figures"]["gross_sales"]) == (1000, 1000)


def test_its_order_has_no_profit_and_another_of_the_day_has(hand: Hand) -> None:
    lost, other = an_order(hand), an_order(hand)
    hand.put("line_items", platform="shopify", order_platform_id=lost, quantity=1, price_amount=1000, sku="A")
    hand.put("line_items", platform="shopify", order_platform_id=other, quantity=1, price_amount=1000, sku="A")
    cost = {"kind": "sku", "key": "A", "valid_from": "0001-01-01", "currency": "USD", "cost_amount": 300}
    hand.told("select public.save_goods_costs(%s, 'test', %s)", hand.user_id, Jsonb([cost]))
    dispute(hand, lost)

    found = told(hand, lost)
    assert (found["missing"], found["figures"]["profit"]) == (["disputes"], None)
    assert (told(hand, other)["missing"], told(hand, other)["figures"]["profit"]) == ([], 700)


def test_a_test_or_an_order_that_does_not_count_has_none(hand: Hand) -> None:
    dispute(hand, an_order(hand, is_test=True))
    assert "disputes_unknown" not in hand.classes(platform="shopify")


def test_amounts_of_another_currency_do_not_become_unknown(hand: Hand) -> None:
    dispute(hand, an_order(hand))
    an_order(hand, currency="EUR")

    found = day(hand)["currencies"]
    assert (found["USD"]["profit"], found["EUR"]["profit"], found["EUR"]["missing"]) == (None, 1000, [])


def test_its_day_stays_open_however_long_ago_it_was(hand: Hand) -> None:
    long_ago = NOON - timedelta(days=3000)
    lost, other = an_order(hand, at=long_ago), an_order(hand, at=long_ago + timedelta(days=1))
    hand.prove(platform="shopify")
    hand.days(platform="shopify")
    assert {state for state, _ in hand.states(platform="shopify").values()} == {"closed"}

    taken = dispute(hand, lost)
    hand.days(platform="shopify")
    assert hand.states(platform="shopify")[long_ago.date()] == ("open", {"disputes_unknown": 1})
    # The day had been closed: that it is open again is on record, with what did it.
    (causes,) = hand.told("select causes from private.money_journal where kind = 'reopened'")
    assert [one["table"] for one in causes] == ["order_disputes"]
    assert hand.states(platform="shopify")[(long_ago + timedelta(days=1)).date()][0] == "closed"

    hand.change("update public.order_disputes set status = 'prevented' where platform_id = %s", taken)
    hand.days(platform="shopify")
    assert hand.states(platform="shopify")[long_ago.date()][0] == "restated"
    hand.change("update public.order_disputes set status = 'lost' where platform_id = %s", taken)
    hand.change("delete from public.order_disputes where platform_id = %s", taken)
    hand.days(platform="shopify")
    assert hand.states(platform="shopify")[long_ago.date()][0] == "restated"
    assert "disputes" not in told(hand, other)["missing"]


def test_an_order_that_printing_cost_has_no_profit_in_the_report_of_costs(hand: Hand, db: Any) -> None:
    both = Hand(db, "shopify", "printify", user_id=None)
    for is_disputed in (True, False):
        order = both.order(
            1000, platform="shopify", status="paid", cost_state="linked", cost_amount=200, cost_currency="USD",
            item_total_amount=1000,
        )  # fmt: skip
        both.moved(order, "sale", 1000, gateway="gift_card")
        if is_disputed:
            dispute(both, order)
    rows = db.execute("select profit from private.order_profits(%s) order by profit nulls first", [both.user_id])
    assert [profit for (profit,) in rows] == [None, 1000]


def entry(hand: Hand, kind: str, amount: int | None, order: str | None = None, **fields: Any) -> str:
    """An entry of the payment account."""
    more = {"processed_at": NOON, "fee_amount": 0, "net_amount": amount, "is_test": False, **fields}
    return hand.put(
        "balance_transactions",
        platform="shopify",
        entry_type=kind,
        gross_amount=amount,
        order_platform_id=order,
        **more,
    )


def test_what_the_payment_account_shows_is_known(hand: Hand) -> None:
    """Lost: what was taken and its fee. Won: both came back, on days of their own."""
    lost, won = an_order(hand), an_order(hand)
    dispute(hand, lost)
    dispute(hand, won, status="won")
    later = NOON + timedelta(days=20)
    for order in (lost, won):
        entry(hand, "dispute_withdrawal", -1000, order)
        entry(hand, "chargeback_fee", -150, order)
    assert told(hand, won)["missing"] == ["cost", "disputes"]
    entry(hand, "dispute_reversal", 1000, won, processed_at=later)
    entry(hand, "chargeback_fee_refund", 150, won, processed_at=later)

    days = hand.days(platform="shopify")
    assert {name: days[DAY][name] for name in ("dispute", "dispute_fee")} == {"dispute": -2000, "dispute_fee": -300}
    assert days[later.date()] == {"dispute": 1000, "dispute_fee": 150}
    assert "disputes_unknown" not in days[DAY]
    assert (told(hand, lost)["figures"]["disputes"], told(hand, won)["figures"]["disputes"]) == (-1150, 0)
    usd = day(hand)["currencies"]["USD"]
    assert (usd["figures"]["disputes"], usd["profit"], usd["missing"]) == (-2300, 2000 - 2300, [])


def test_one_of_two_disputes_that_is_not_shown_leaves_the_order_unknown(hand: Hand) -> None:
    order = an_order(hand)
    dispute(hand, order)
    dispute(hand, order)
    entry(hand, "dispute_withdrawal", -500, order)
    assert hand.classes(platform="shopify")["disputes_unknown"] == 2
    entry(hand, "dispute_withdrawal", -500, order)
    assert "disputes_unknown" not in hand.classes(platform="shopify")


def test_payouts_those_that_bounced_and_reserves_are_no_profit(hand: Hand) -> None:
    for kind, amount in (
        ("transfer", -900), ("transfer_failure", 900), ("reserved_funds", -50), ("reserved_funds_reversal", 20),
    ):  # fmt: skip
        entry(hand, kind, amount)
    assert hand.classes(platform="shopify") == {"transfer": -30}
    assert hand.profit(platform="shopify") == 0


def test_what_buyers_paid_is_told_once(hand: Hand) -> None:
    order = an_order(hand)
    before = hand.classes(platform="shopify")
    entry(hand, "charge", 1000, order, fee_amount=29, net_amount=971)
    entry(hand, "refund", -100, order)
    assert hand.classes(platform="shopify") == before


def test_the_fee_of_another_entry_is_a_fee_and_one_of_a_dispute_its_own(hand: Hand) -> None:
    order = an_order(hand)
    entry(hand, "dispute_withdrawal", -1000, order, fee_amount=150, net_amount=-1150)
    entry(hand, "shipping_label", -400, fee_amount=None, net_amount=-410)
    found = hand.classes(platform="shopify")
    assert [found[name] for name in ("dispute", "dispute_fee", "label", "fee_payment")] == [-1000, -150, -400, -10]


@pytest.mark.parametrize(
    ("kind", "fields", "amount"),
    [
        ("of_tomorrow", {"fee_amount": 5, "net_amount": -105}, -105),
        # What could not be read is not nothing.
        ("dispute_withdrawal", {"fee_amount": None, "net_amount": None}, -100),
        ("dispute_withdrawal", {"gross_amount": None, "fee_amount": None, "net_amount": None}, 0),
    ],
)  # fmt: skip
def test_an_entry_that_nobody_can_name_or_read_keeps_its_day_open(
    hand: Hand, kind: str, fields: dict[str, Any], amount: int
) -> None:
    more = {"processed_at": NOON, "is_test": False, "gross_amount": -100, **fields}
    hand.put("balance_transactions", platform="shopify", entry_type=kind, **more)
    hand.prove(platform="shopify")
    days = hand.days(platform="shopify", column="events")
    assert days[DAY]["unclassified"] == 1
    assert hand.classes(platform="shopify").get("unclassified", 0) == amount
    assert hand.states(platform="shopify")[DAY] == ("open", {"unclassified": 1})


def test_test_entries_are_none(hand: Hand) -> None:
    entry(hand, "dispute_withdrawal", -1000, is_test=True)
    entry(hand, "dispute_fee", -100)
    assert hand.classes(platform="shopify") == {"unclassified": -100}


def test_each_payout_is_held_against_what_it_took_along(hand: Hand) -> None:
    def payouts() -> dict[str, Any]:
        (found,) = hand.told(
            "select private.money_certificate_shopify(%s, %s, %s)",
            hand.shops["shopify"],
            NOON,
            NOON + timedelta(hours=1),
        )
        (one,) = [check for check in found if check["check"] == "payouts"]
        return dict(one)

    entry(
        hand,
        "charge",
        1000,
        fee_amount=29,
        net_amount=971,
        payout_platform_id="7",
        processed_at=NOON - timedelta(days=2),
    )
    entry(hand, "chargeback_fee", -150, payout_platform_id="7", processed_at=NOON - timedelta(days=2))
    entry(hand, "charge", 5000, fee_amount=0, net_amount=5000, processed_at=NOON)
    entry(hand, "transfer", -821, payout_platform_id="7")
    assert payouts() == {"check": "payouts", "ok": True, "payouts": 1, "rows": []}
    entry(hand, "refund", -10, payout_platform_id="7", processed_at=NOON - timedelta(days=2))
    assert payouts() == {
        "check": "payouts", "ok": False, "payouts": 1, "rows": [{"payout": "7", "expected": 821, "found": 811}],
    }  # fmt: skip
