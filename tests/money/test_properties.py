"""What has to hold whatever happened at a shop, and in whatever order it is heard of."""

from __future__ import annotations

import itertools
import os
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.money.hand import NOON, Hand
from tests.money.oracle.book import COUNTED

_EXAMPLES = int(os.environ.get("KEEPER_HISTORIES", "3"))
_KINDS = (
    "PAYMENT_GROSS", "sales_tax", "sales_tax_refund", "buyer_fee", "buyer_fee_refund", "REFUND_GROSS", "transaction",
    "transaction_refund", "RESERVE", "ADYENBALANCE_REVERSAL", "DISBURSE2", "shipping_labels", "climate_contribution",
)  # fmt: skip
_MONEY = st.integers(1, 4000)
_ORDERS = st.integers(0, 2)
# Hours from noon: several of a day, days apart, and around midnight.
_HOURS = st.sampled_from((0, 1, 11, 12, 13, 36, 37, 800))
_ORDER = st.tuples(st.just("order"), _ORDERS, _HOURS, _MONEY, _MONEY, st.booleans())
_REFUND = st.tuples(st.just("refund"), _ORDERS, _HOURS, _MONEY)
_ENTRY = st.tuples(st.just("entry"), _ORDERS, _HOURS, _MONEY, st.sampled_from(_KINDS))
_HAPPENED = st.lists(
    st.one_of(_ORDER, _REFUND, _ENTRY), min_size=3, max_size=10, unique_by=lambda e: (e[0], e[1], e[2])
)
_settings = settings(
    max_examples=_EXAMPLES, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def land(hand: Hand, happened: tuple[Any, ...]) -> None:
    """One record, by a name of its own, as it would be whatever came before."""
    kind, order, hours, amount, *more = happened
    at, name = NOON + timedelta(hours=hours), f"o{order}"
    own = {"platform_id": f"{kind}{order}.{hours}"}
    if kind == "order":
        tax, is_paid = more
        hand.order(amount + tax, at=at, platform_id=name, item_total_amount=amount, tax_amount=tax, is_paid=is_paid)
    elif kind == "refund":
        hand.refund(name, amount, at=at, **own)
    else:
        is_in = more[0].endswith("_refund") or more[0] in ("PAYMENT_GROSS", "ADYENBALANCE_REVERSAL")
        more = [more[0], amount if is_in else -amount]
        hand.entry(more[0], more[1], name, at=at, sequence_number=1000 * order + hours, **own)


def unique_orders(happened: list[Any]) -> list[Any]:
    """A number of an order is of one order."""
    seen: set[int] = set()
    return [e for e in happened if e[0] != "order" or not (e[1] in seen or seen.add(e[1]))]


def everything(hand: Hand) -> tuple[Any, ...]:
    """Figures, by the day of the event and of the sale, and how days stand."""
    return hand.days(), hand.days("of_sales"), hand.states()


@_settings
@given(_HAPPENED.map(unique_orders), st.randoms(use_true_random=False))
def test_whatever_comes_first_the_days_and_their_journal_end_alike(db: Any, happened: list[Any], dice: Any) -> None:
    at_once, bit_by_bit = Hand(db, "etsy"), Hand(db, "etsy")
    for each in happened:
        land(at_once, each)
    at_once.prove()
    bit_by_bit.prove()
    for each in dice.sample(happened, len(happened)):
        land(bit_by_bit, each)
        if dice.random() < 0.5:
            bit_by_bit.days()
    assert everything(bit_by_bit)[:2] == everything(at_once)[:2]
    assert _ended(bit_by_bit) == _ended(at_once)
    for hand in (at_once, bit_by_bit):
        _journal_tells_all(hand)


def _ended(hand: Hand) -> dict[Any, Any]:
    """How days stand: whether one was closed before it changed is the way, not the end."""
    return {day: ("open" if state == "open" else "closed", waits) for day, (state, waits) in hand.states().items()}


def _journal_tells_all(hand: Hand) -> None:
    """What a day that was ever closed comes to is what its last record says; each begins where the one before ended."""
    for day, records in hand.journal().items():
        for before, after in itertools.pairwise(records):
            assert after["before"] == before["after"], day
        told = {
            name: events if name in COUNTED else amount
            for classes in records[-1]["after"].values()
            for name, (amount, events, _) in classes.items()
            if amount or name in COUNTED
        }
        assert told == hand.days().get(day, {}), day


@_settings
@given(_HAPPENED.map(unique_orders))
def test_built_anew_from_nothing_nothing_changes(db: Any, happened: list[Any]) -> None:
    hand = Hand(db, "etsy")
    for each in happened:
        land(hand, each)
    hand.prove()
    before, journal = everything(hand), hand.journal()
    hand.rebuild()
    assert everything(hand) == before
    assert hand.journal() == journal
    hand.change("delete from public.money_days where user_id = %s", hand.user_id)
    hand.rebuild()
    assert everything(hand)[:2] == before[:2]


@_settings
@given(_HAPPENED.map(unique_orders))
def test_what_a_day_is_made_of_is_what_the_balance_changes_by(db: Any, happened: list[Any]) -> None:
    """Entries of the ledger, class by class: nothing is lost, and nothing is of two."""
    hand = Hand(db, "etsy")
    entries = [each for each in happened if each[0] == "entry"]
    for each in entries:
        land(hand, each)
    change: dict[Any, int] = {}
    for day, amount in hand.ledger():
        change[day] = change.get(day, 0) + amount
    assert {day: sum(classes.values()) for day, classes in hand.days().items()} == change


@_settings
@given(_HAPPENED.map(unique_orders))
def test_months_are_their_days(db: Any, happened: list[Any]) -> None:
    """What pages show by day, month and year comes to the same, and to what the days hold."""
    hand = Hand(db, "etsy")
    for each in happened:
        land(hand, each)
    days = hand.classes()
    sums = {unit: hand.figures(unit) for unit in ("day", "month", "year")}
    assert sums["day"] == sums["month"] == sums["year"]
    fees = {"fee_selling", "fee_payment", "fee_listing", "fee_regulatory", "tax_on_fees", "credit", "ads", "label"}
    assert sums["day"]["orders"] == days.get("order", 0)
    assert sums["day"]["uncosted"] == days.get("uncosted", 0)
    assert -sums["day"]["fees"] == sum(days.get(name, 0) for name in fees)
